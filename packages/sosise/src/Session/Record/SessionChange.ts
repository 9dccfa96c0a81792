import type { StoredCookie } from './CookieSettings.js';
import { bodyOf } from './recordText.js';
import type { LiveRecord } from './SessionRecord.js';

/**
 * What one request changed in a session: only this is applied to what is stored when it is saved. Changes of different top-level
 * keys both stay, of one key the later write stays (an object is one value), and amounts (`increment()`) add up.
 * `SessionRepository.save()` stores it, and applies it again where another request was faster.
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

/** Changes that are applied to a record one after the other, as one. */
export function combined(record: LiveRecord, changes: readonly SessionChange[]): SessionChange {
    const cookie = changes.findLast((change) => change.cookie)?.cookie;
    return { ...NO_CHANGE, cookie, whole: bodyOf(applied(record, changes)) };
}

/** The body of the stored record with the change applied. */
export function bodyWith(record: LiveRecord, change: SessionChange): string {
    return change === NO_CHANGE && record.body !== undefined ? record.body : bodyOf(applied(record, [change]));
}

/** The stored keys as JSON texts, with the changes applied. */
function applied({ data }: LiveRecord, changes: readonly SessionChange[]): Map<string, string> {
    const entries = new Map(Object.keys(data).map((key) => [key, JSON.stringify(data[key])]));
    for (const { set, removed, added } of changes) {
        for (const key of removed) {
            entries.delete(key);
        }
        for (const [key, json] of set) {
            entries.set(key, json);
        }
        for (const [key, amount] of added) {
            const stored: unknown = JSON.parse(entries.get(key) ?? '0');
            entries.set(key, JSON.stringify((typeof stored === 'number' ? stored : 0) + amount));
        }
    }
    return entries;
}
