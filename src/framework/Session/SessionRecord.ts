/** How a session ended, for the note that is left in its place. */
export type EndReason = 'destroyed' | 'regenerated' | 'migrated';

/** The cookie part of a record, with express-session's names. */
export interface StoredCookie {
    originalMaxAge?: number | null;
    expires?: string | boolean | null;
    path?: string;
    domain?: string;
    httpOnly?: boolean;
    secure?: boolean | 'auto';
    sameSite?: boolean | 'lax' | 'strict' | 'none' | 'auto';
    partitioned?: boolean;
    priority?: 'low' | 'medium' | 'high';
}

export interface LiveRecord {
    readonly kind: 'live';
    /** The keys of the session, without `cookie` and without what the framework keeps beside them. */
    readonly data: Record<string, unknown>;
    readonly cookie: StoredCookie;
    /** When the session began and when it was last active, in ms since the epoch. */
    readonly created: number;
    readonly seen: number;
}

/** What stays of a session that ended: nothing of its data, so that its id can be refused for a while. */
export interface EndedRecord {
    readonly kind: 'ended';
    readonly at: number;
    readonly reason: EndReason;
}

export type ParsedRecord = LiveRecord | EndedRecord;

/** A stored text that is not a session. The message says why, and never what the text holds. */
export class DamagedRecordError extends Error {
    public override readonly name = 'DamagedRecordError';
}

/** session-file-store's name for the time of the last access; kept, so that either can read the other's records. */
export const LAST_ACCESS = '__lastAccess';
/** Where the framework keeps what it knows of a session, beside the session's own keys. */
export const META = '__sosise';

/** Deeper than any real session, and far from where JSON.stringify runs out of stack. */
export const MAX_DEPTH = 200;

/**
 * A record is one JSON object: when it was last seen, what the framework knows, the cookie, and the session's keys.
 * `entries` maps each key to its JSON text.
 */
export function liveRecord(
    seen: number,
    created: number,
    cookie: string,
    entries: ReadonlyMap<string, string>,
): string {
    let text = `{"${LAST_ACCESS}":${seen},"${META}":{"created":${created}},"cookie":${cookie}`;
    for (const [key, json] of entries) {
        text += `,${JSON.stringify(key)}:${json}`;
    }
    return `${text}}`;
}

/** The text that takes the place of an ended session's record. Stock readers take it for an expired session. */
export function endedRecord(at: number, reason: EndReason): string {
    return `{"${LAST_ACCESS}":0,"${META}":{"ended":${at},"reason":"${reason}"},"cookie":{"originalMaxAge":1}}`;
}

/** Reads a record, also one written by the stock packages. Throws DamagedRecordError where it can't be a session. */
export function parseRecord(text: string, now: number): ParsedRecord {
    const parsed = parseObject(text);
    const { [LAST_ACCESS]: lastAccess, [META]: rawMeta, cookie, ...data } = parsed;
    const meta = isObject(rawMeta) ? rawMeta : {};
    if (typeof meta.ended === 'number') {
        return { kind: 'ended', at: meta.ended, reason: meta.reason as EndReason };
    }
    if (!isObject(cookie) || !isStoredCookie(cookie)) {
        throw new DamagedRecordError('it has no valid cookie part');
    }
    // A clock that was ahead when the record was written must not keep the session alive for longer.
    const seen = Math.min(isTime(lastAccess) ? lastAccess : (lastSeenByCookie(cookie) ?? now), now);
    return { kind: 'live', data, cookie, seen, created: isTime(meta.created) ? meta.created : seen };
}

function parseObject(text: string): Record<string, unknown> {
    if (text.length > 2 * MAX_DEPTH && depthOf(text) > MAX_DEPTH) {
        throw new DamagedRecordError('it is nested too deeply');
    }
    let parsed: unknown;
    let forbidden = false;
    try {
        parsed = /__proto__|\\u00/.test(text)
            ? JSON.parse(text, (key, value) => {
                  forbidden ||= key === '__proto__';
                  return value;
              })
            : JSON.parse(text);
    } catch {
        throw new DamagedRecordError(text === '' ? 'it is empty' : 'it is not JSON');
    }
    if (forbidden || (isObject(parsed) && Object.hasOwn(parsed, '__proto__'))) {
        throw new DamagedRecordError('it holds a __proto__ key');
    }
    if (!isObject(parsed)) {
        throw new DamagedRecordError('it is not a JSON object');
    }
    return parsed;
}

/** The deepest nesting of brackets, strings left out. */
export function depthOf(text: string): number {
    let depth = 0;
    let deepest = 0;
    let inString = false;
    for (let index = 0; index < text.length; index += 1) {
        const code = text.charCodeAt(index);
        if (inString) {
            if (code === 0x5c) {
                index += 1;
            } else if (code === 0x22) {
                inString = false;
            }
        } else if (code === 0x22) {
            inString = true;
        } else if (code === 0x7b || code === 0x5b) {
            depth += 1;
            deepest = Math.max(deepest, depth);
        } else if (code === 0x7d || code === 0x5d) {
            depth -= 1;
        }
    }
    return deepest;
}

function isObject(value: unknown): value is Record<string, unknown> {
    return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTime(value: unknown): value is number {
    return typeof value === 'number' && Number.isFinite(value);
}

/** The packages' own records have no last access when their store is not a file: the cookie tells it. */
function lastSeenByCookie(cookie: StoredCookie): number | undefined {
    const expires = typeof cookie.expires === 'string' ? Date.parse(cookie.expires) : Number.NaN;
    const seen = expires - (cookie.originalMaxAge ?? Number.NaN);
    return Number.isFinite(seen) ? seen : undefined;
}

const optional = (type: string) => (value: unknown) => value === undefined || value === null || typeof value === type;
const COOKIE_CHECKS: Record<keyof StoredCookie, (value: unknown) => boolean> = {
    originalMaxAge: (value) => value === undefined || value === null || isTime(value),
    expires: (value) =>
        value === undefined ||
        value === null ||
        typeof value === 'boolean' ||
        (typeof value === 'string' && Number.isFinite(Date.parse(value))),
    path: optional('string'),
    domain: optional('string'),
    httpOnly: optional('boolean'),
    secure: (value) => optional('boolean')(value) || value === 'auto',
    sameSite: (value) =>
        optional('boolean')(value) || ['lax', 'strict', 'none', 'auto'].includes(String(value).toLowerCase()),
    partitioned: optional('boolean'),
    priority: (value) =>
        value === undefined || value === null || ['low', 'medium', 'high'].includes(String(value).toLowerCase()),
};

function isStoredCookie(cookie: Record<string, unknown>): cookie is Record<string, unknown> & StoredCookie {
    return Object.entries(COOKIE_CHECKS).every(([key, check]) => check(cookie[key]));
}
