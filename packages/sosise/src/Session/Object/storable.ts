import { isDeeperThan, MAX_DEPTH } from '../Record/jsonText.js';
import { bodyOf } from '../Record/recordText.js';
import { isReservedKey } from '../Record/SessionRecord.js';
import { UnstorableSessionError } from '../Repository/SessionErrors.js';

/** What a session would be stored as: each key with its JSON text, and all in one. */
interface Sized {
    readonly body: string;
    readonly entries: ReadonlyMap<string, string>;
}

export interface SessionLimits {
    /** In bytes of JSON: above it a warning names the largest keys. */
    warnBytes: number;
    /** In bytes of JSON: above it the session is not stored. */
    maxBytes: number;
    /** Told of values that JSON changes silently; unset in production. */
    lossy?: (path: string, what: string) => void;
    large(bytes: number, keys: Record<string, number>): void;
}

/** The JSON text of each key that may be stored, as for a session. Throws where one can't, or all are too large. */
export function storable(keys: Readonly<Record<string, unknown>>, limits: SessionLimits): ReadonlyMap<string, string> {
    const entries = new Map<string, string>();
    for (const [key, value] of Object.entries(keys)) {
        const json = isReservedKey(key) ? undefined : toJson(key, value);
        if (json !== undefined) {
            checkDepth(key, json);
            entries.set(key, json);
        }
    }
    checkSize({ entries, body: bodyOf(entries) }, limits);
    return entries;
}

export function toJson(key: string, value: unknown): string | undefined {
    let json: string | undefined;
    try {
        json = JSON.stringify(value);
        if (json?.includes('"__proto__"')) {
            json = JSON.stringify(value, (name, inner) => (name === '__proto__' ? undefined : inner));
        }
    } catch (error) {
        throw new UnstorableSessionError(`request.session.${key} can't be stored: ${whyNot(error)}.`, { cause: error });
    }
    return json;
}

export function checkDepth(key: string, json: string): void {
    if (isDeeperThan(json, MAX_DEPTH - 1)) {
        throw new UnstorableSessionError(
            `request.session.${key} can't be stored: it is nested more than ${MAX_DEPTH - 1} levels deep.`,
        );
    }
}

function whyNot(error: unknown): string {
    const message = error instanceof Error ? error.message : '';
    if (error instanceof RangeError) {
        return 'it is nested too deeply or far too large';
    }
    if (message.includes('BigInt')) {
        return 'it holds a BigInt; store its text, String(value), instead';
    }
    return message.includes('circular') ? 'it refers to itself' : 'it can not be turned into JSON';
}

export function checkSize(snapshot: Sized, limits: SessionLimits): void {
    const { body } = snapshot;
    const allowed = Math.min(limits.warnBytes, limits.maxBytes);
    // A character is three bytes at most.
    const bytes = body.length * 3 > allowed ? Buffer.byteLength(body) : 0;
    if (bytes <= allowed) {
        return;
    }
    const largest = Object.fromEntries(
        [...snapshot.entries]
            .map(([key, json]): [string, number] => [key, Buffer.byteLength(json)])
            .sort((a, b) => b[1] - a[1])
            .slice(0, 3),
    );
    if (bytes > limits.maxBytes) {
        const names = Object.entries(largest).map(([key, size]) => `${key} (${size} bytes)`);
        throw new UnstorableSessionError(
            `The session is ${bytes} bytes, more than the ${limits.maxBytes} that it may have. Its largest keys: ` +
                `${names.join(', ')}. Store large data elsewhere and its key in the session, or raise maxBytes in src/config/session.ts.`,
        );
    }
    limits.large(bytes, largest);
}
