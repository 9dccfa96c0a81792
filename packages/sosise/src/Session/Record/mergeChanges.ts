import type { StoredCookie } from './CookieSettings.js';
import { bodyOf } from './recordText.js';
import type { LiveRecord } from './SessionRecord.js';

/**
 * What one request changed in a session: only this is applied to what is stored when it is saved. Changes of different keys both
 * stay, of one key the later write stays, and amounts add up. SessionRepository.merge() tries again where another request
 * was faster.
 */
export interface SessionChange {
    /** The JSON text of each key that was set or mutated. */
    readonly set: ReadonlyMap<string, string>;
    readonly removed: ReadonlySet<string>;
    /** Amounts to add to the stored numbers. */
    readonly added: ReadonlyMap<string, number>;
    /** The cookie's settings where the request changed them; undefined keeps the stored ones. */
    readonly cookie?: StoredCookie | undefined;
    /** The body of the record with the change applied, as long as nobody else has written: saves the merging. */
    readonly whole?: string | undefined;
    /** What that body says, where a copy of it is at hand. */
    readonly data?: Readonly<Record<string, unknown>> | undefined;
}

export const NO_CHANGE: SessionChange = { set: new Map(), removed: new Set(), added: new Map() };

/** The same change without the body that it once led to: somebody else has written meanwhile. */
export function asPatch({ set, removed, added, cookie }: SessionChange): SessionChange {
    return { set, removed, added, cookie };
}

/** The body of the stored record with the change applied. */
export function merged({ data, body }: LiveRecord, change: SessionChange): string {
    return change === NO_CHANGE && body !== undefined ? body : bodyOf(apply(data, change));
}

/** The stored keys as JSON texts, with the change applied. */
function apply(data: Readonly<Record<string, unknown>>, change: SessionChange): Map<string, string> {
    const entries = new Map<string, string>();
    for (const key of Object.keys(data)) {
        if (!change.removed.has(key)) {
            entries.set(key, change.set.get(key) ?? JSON.stringify(data[key]));
        }
    }
    for (const [key, json] of change.set) {
        entries.set(key, json);
    }
    for (const [key, amount] of change.added) {
        const stored = data[key];
        entries.set(key, JSON.stringify((typeof stored === 'number' ? stored : 0) + amount));
    }
    return entries;
}
