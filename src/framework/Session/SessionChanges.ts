import { types } from 'node:util';
import type { HttpSession } from './HttpSession.js';
import { ReservedSessionKeyError, UnstorableSessionError } from './SessionErrors.js';
import { depthOf, MAX_DEPTH, type StoredCookie } from './SessionRecord.js';
import type { SessionChange } from './SessionRepository.js';

/** A session's keys as JSON texts, and its cookie's settings, at one moment. */
export interface Snapshot {
    readonly entries: ReadonlyMap<string, string>;
    readonly cookie: StoredCookie;
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

/** What was found when a session was compared with its baseline. */
export interface Reading {
    /** Undefined where nothing changed. */
    readonly change: SessionChange | undefined;
    /** The session as it is now: the next baseline. */
    readonly snapshot: Snapshot;
}

/** What `session` holds now; `data` where its keys are known from elsewhere. */
export function snapshotOf(session: HttpSession, data: Record<string, unknown> = session): Snapshot {
    const entries = new Map<string, string>();
    for (const key of Object.keys(data)) {
        const json = key === 'cookie' ? undefined : JSON.stringify(data[key]);
        if (json !== undefined) {
            entries.set(key, json);
        }
    }
    return { entries, cookie: cookieOf(session) };
}

/**
 * What changed since the baseline (undefined: a new session), key by key, deep mutations included.
 * Throws where a value can't be stored.
 */
export function readSession(
    session: HttpSession,
    baseline: Snapshot | undefined,
    increments: ReadonlyMap<string, number>,
    limits: SessionLimits,
): Reading {
    const set = new Map<string, string>();
    const added = new Map<string, number>();
    const entries = new Map<string, string>();
    for (const key of Object.keys(session)) {
        const json = key === 'cookie' ? undefined : toJson(key, session[key]);
        if (json === undefined) {
            if (key !== 'cookie' && limits.lossy) {
                warnOfLosses(key, session[key], limits.lossy);
            }
            continue;
        }
        entries.set(key, json);
        const before = baseline?.entries.get(key);
        if (json === before && !increments.has(key)) {
            continue;
        }
        const by = increments.get(key);
        if (by !== undefined && json === JSON.stringify(Number(before ?? 0) + by)) {
            added.set(key, by);
        } else {
            set.set(key, json);
            if (limits.lossy) {
                warnOfLosses(key, session[key], limits.lossy);
            }
        }
    }
    const removed = new Set<string>();
    for (const key of baseline?.entries.keys() ?? []) {
        if (!entries.has(key)) {
            removed.add(key);
        }
    }
    const snapshot: Snapshot = { entries, cookie: cookieOf(session) };
    const cookie = changedCookie(snapshot.cookie, baseline?.cookie);
    if (set.size + added.size + removed.size === 0 && !cookie) {
        return { change: undefined, snapshot };
    }
    checkSize(entries, limits);
    return { change: { set, removed, added, cookie }, snapshot };
}

function cookieOf(session: HttpSession): StoredCookie {
    const { cookie } = session;
    if (typeof cookie?.toJSON !== 'function') {
        throw new ReservedSessionKeyError('cookie');
    }
    return cookie.toJSON() as StoredCookie;
}

/** express-session moves `expires` all the time and may lose a millisecond of `maxAge`: neither is a change. */
function changedCookie(now: StoredCookie, before: StoredCookie | undefined): StoredCookie | undefined {
    if (!before) {
        return undefined; // a new session is stored with the cookie it has
    }
    const sameAge =
        typeof now.originalMaxAge === 'number' && typeof before.originalMaxAge === 'number'
            ? Math.abs(now.originalMaxAge - before.originalMaxAge) <= 1000
            : (now.originalMaxAge ?? null) === (before.originalMaxAge ?? null);
    const keys = ['path', 'domain', 'httpOnly', 'secure', 'sameSite', 'partitioned', 'priority'] as const;
    return sameAge && keys.every((key) => (now[key] ?? null) === (before[key] ?? null)) ? undefined : now;
}

function toJson(key: string, value: unknown): string | undefined {
    let json: string | undefined;
    try {
        json = JSON.stringify(value);
        if (json?.includes('"__proto__"')) {
            json = JSON.stringify(value, (name, inner) => (name === '__proto__' ? undefined : inner));
        }
    } catch (error) {
        throw new UnstorableSessionError(`request.session.${key} can't be stored: ${whyNot(error)}.`, { cause: error });
    }
    if (json !== undefined && json.length > MAX_DEPTH && depthOf(json) >= MAX_DEPTH) {
        throw new UnstorableSessionError(
            `request.session.${key} can't be stored: it is nested more than ${MAX_DEPTH - 1} levels deep.`,
        );
    }
    return json;
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

function checkSize(entries: ReadonlyMap<string, string>, limits: SessionLimits): void {
    let bytes = 0;
    for (const [key, json] of entries) {
        bytes += key.length + json.length + 4;
    }
    if (bytes <= limits.warnBytes) {
        return;
    }
    const largest = Object.fromEntries(
        [...entries]
            .map(([key, json]): [string, number] => [key, json.length])
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

/** Names what JSON would drop or change, with its path; bounded, as data may be large. */
function warnOfLosses(path: string, value: unknown, lossy: (path: string, what: string) => void, depth = 0): void {
    const what = lossOf(value);
    if (what) {
        lossy(path, what);
    } else if (typeof value === 'object' && value !== null && depth < 8 && !('toJSON' in value)) {
        for (const [key, inner] of Object.entries(value).slice(0, 1000)) {
            warnOfLosses(Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`, inner, lossy, depth + 1);
        }
    }
}

function lossOf(value: unknown): string | undefined {
    if (typeof value === 'function' || typeof value === 'symbol') {
        return `a ${typeof value}, which is not stored`;
    }
    if (typeof value === 'number' && !Number.isFinite(value)) {
        return `${value}, which is stored as null`;
    }
    if (typeof value !== 'object' || value === null || value instanceof Date || Array.isArray(value)) {
        return undefined;
    }
    if (types.isMap(value) || types.isSet(value) || types.isWeakMap(value) || types.isWeakSet(value)) {
        return `a ${value.constructor.name}, which is stored as {}: store an array instead`;
    }
    const prototype = Object.getPrototypeOf(value);
    return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null
        ? undefined
        : `a ${prototype.constructor?.name ?? 'class'}, which comes back as a plain object`;
}
