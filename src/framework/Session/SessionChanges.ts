import { types } from 'node:util';
import { type HttpSession, RESERVED_KEYS } from './HttpSession.js';
import type { SessionChange } from './mergeChanges.js';
import { ReservedSessionKeyError, UnstorableSessionError } from './SessionErrors.js';
import {
    bodyOf,
    depthOf,
    entriesIn,
    type LiveRecord,
    MAX_DEPTH,
    type StoredCookie,
    wrongSetting,
} from './SessionRecord.js';

/** A session at one moment. */
export interface Snapshot {
    /** Each key with its JSON text. */
    readonly entries: ReadonlyMap<string, string>;
    /** The same as the end of a record. */
    readonly body: string;
    readonly cookie: StoredCookie;
}

/** A snapshot of what is stored. Its keys are only told apart where the session no longer equals it as a whole. */
export function snapshotOf(record: LiveRecord): Snapshot {
    const { body } = record;
    let entries: ReadonlyMap<string, string> | undefined;
    const texts = () => {
        // Not of the record's own data, which the route may have changed by now.
        entries ??= body === undefined ? textsOf(copy) : entriesIn(body);
        return entries;
    };
    const copy = body === undefined ? structuredClone(record.data) : {};
    return {
        cookie: record.cookie,
        get entries() {
            return texts();
        },
        get body() {
            return body ?? bodyOf(texts());
        },
    };
}

function textsOf(data: Readonly<Record<string, unknown>>): ReadonlyMap<string, string> {
    return new Map(Object.keys(data).map((key) => [key, JSON.stringify(data[key])]));
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
    const body = bodyAsOne(session) ?? bodyByKey(session);
    const stored = cookieOf(session);
    const cookie = changedCookie(stored, baseline?.cookie);
    if (baseline && body === baseline.body && !cookie && increments.size === 0) {
        if (limits.lossy) {
            warnOfDropped(session, body, limits.lossy);
        }
        return { change: undefined, snapshot: baseline };
    }
    const entries = entriesIn(body);
    const snapshot: Snapshot = { entries, body, cookie: stored };
    for (const key of entries.keys()) {
        if (RESERVED_KEYS.has(key)) {
            throw new ReservedSessionKeyError(key);
        }
    }
    if (limits.lossy) {
        warnOfDropped(session, body, limits.lossy);
    }
    if (cookie || !baseline) {
        checkCookie(session, stored);
    }
    if (!baseline && body === '' && increments.size === 0) {
        return { change: undefined, snapshot };
    }
    const set = new Map<string, string>();
    const added = new Map<string, number>();
    for (const [key, json] of entries) {
        const before = baseline?.entries.get(key);
        const by = increments.get(key);
        if (by !== undefined && json === JSON.stringify(Number(before ?? 0) + by)) {
            added.set(key, by);
        } else if (json !== before) {
            checkDepth(key, json);
            set.set(key, json);
        }
    }
    const removed = new Set<string>();
    for (const key of baseline?.entries.keys() ?? []) {
        if (!entries.has(key)) {
            removed.add(key);
        }
    }
    if (set.size + added.size + removed.size === 0 && !cookie) {
        return { change: undefined, snapshot }; // the same keys in another order
    }
    checkSize(snapshot, limits);
    for (const key of limits.lossy ? set.keys() : []) {
        warnOfLoss(key, session[key], limits.lossy as Lossy);
    }
    return { change: { set, removed, added, cookie, whole: snapshot.body }, snapshot };
}

/**
 * The end of a record as one text for all keys: most requests only look, and that is all it takes to know it. 3 µs instead
 * of 8 for 1 KB (Node 20). Undefined where the keys have to be looked at one by one.
 */
function bodyAsOne(session: HttpSession): string | undefined {
    const { cookie, ...data } = session;
    if (typeof data['toJSON'] === 'function') {
        return undefined;
    }
    try {
        const text = JSON.stringify(data);
        return text.includes('"__proto__"') ? undefined : text.length > 2 ? `,${text.slice(1, -1)}` : '';
    } catch {
        return undefined; // what can't be stored is told with its key
    }
}

function bodyByKey(session: HttpSession): string {
    const entries: [key: string, json: string][] = [];
    for (const key of Object.keys(session)) {
        const json = key === 'cookie' ? undefined : toJson(key, session[key]);
        if (json !== undefined) {
            entries.push([key, json]);
        }
    }
    return bodyOf(entries);
}

/** Names the keys that JSON leaves out. */
function warnOfDropped(session: HttpSession, body: string, lossy: Lossy): void {
    const kept = entriesIn(body);
    for (const key of Object.keys(session)) {
        if (key !== 'cookie' && !kept.has(key)) {
            warnOfLoss(key, session[key], lossy);
        }
    }
}

/** The JSON text of each key that may be stored, as for a session. Throws where one can't, or all are too large. */
export function storable(keys: Readonly<Record<string, unknown>>, limits: SessionLimits): ReadonlyMap<string, string> {
    const entries = new Map<string, string>();
    for (const [key, value] of Object.entries(keys)) {
        const json = RESERVED_KEYS.has(key) ? undefined : toJson(key, value);
        if (json !== undefined) {
            checkDepth(key, json);
            entries.set(key, json);
        }
    }
    checkSize({ entries, body: bodyOf(entries) }, limits);
    return entries;
}

function cookieOf(session: HttpSession): StoredCookie {
    const { cookie } = session;
    if (typeof cookie?.toJSON !== 'function') {
        throw new ReservedSessionKeyError('cookie');
    }
    const data = cookie.toJSON() as StoredCookie & { expires?: unknown };
    // false is how express-session's documents ask for a cookie that ends with the browser.
    return data.originalMaxAge === false || data.expires === false
        ? { ...data, originalMaxAge: null, expires: null }
        : data;
}

/** The last one that was found good: nearly all cookies of an application are alike. */
let goodCookie: StoredCookie | undefined;

/** A cookie that can't be sent, or not be read back, would cost the visitor the session: it is refused instead. */
function checkCookie(session: HttpSession, cookie: StoredCookie): void {
    if (goodCookie && !changedCookie(cookie, goodCookie)) {
        return;
    }
    const wrong = wrongSetting(JSON.parse(JSON.stringify(cookie)) as Record<string, unknown>);
    if (wrong) {
        throw new UnstorableSessionError(`request.session.cookie.${wrong} has a value that no cookie can have.`);
    }
    try {
        session.cookie.serialize('name', '');
    } catch (cause) {
        throw new UnstorableSessionError(
            `request.session.cookie can't be sent: ${(cause as Error).message.replace('option ', '')}.`,
            { cause },
        );
    }
    goodCookie = cookie;
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
    return json;
}

function checkDepth(key: string, json: string): void {
    if (json.length > 2 * MAX_DEPTH && depthOf(json) >= MAX_DEPTH) {
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

function checkSize({ body, entries }: Omit<Snapshot, 'cookie'>, limits: SessionLimits): void {
    // A character is three bytes at most.
    const bytes = body.length * 3 > limits.warnBytes ? Buffer.byteLength(body) : 0;
    if (bytes <= limits.warnBytes) {
        return;
    }
    const largest = Object.fromEntries(
        [...entries]
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

type Lossy = NonNullable<SessionLimits['lossy']>;

/** Names what JSON would drop or change, with its path; bounded, as data may be large. */
function warnOfLoss(path: string, value: unknown, lossy: Lossy, depth = 0): void {
    const what = lossOf(value);
    if (what) {
        lossy(path, what);
    } else if (typeof value === 'object' && value !== null && depth < 8 && !('toJSON' in value)) {
        for (const [key, inner] of Object.entries(value).slice(0, 1000)) {
            warnOfLoss(Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`, inner, lossy, depth + 1);
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
