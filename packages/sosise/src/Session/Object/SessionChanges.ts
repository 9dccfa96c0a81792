import { types } from 'node:util';
import { Cookie } from 'express-session';
import { hasSameSettings, LAST_COOKIE_TIME, type StoredCookie } from '../Record/CookieSettings.js';
import { wrongSetting } from '../Record/cookieText.js';
import { isDeeperThan, MAX_DEPTH } from '../Record/jsonText.js';
import type { SessionChange } from '../Record/mergeChanges.js';
import { copyOfPlain, hasTextOf } from '../Record/plainData.js';
import { bodyOf, entriesIn } from '../Record/recordText.js';
import { type LiveRecord } from '../Record/SessionRecord.js';
import { ReservedSessionKeyError, UnstorableSessionError } from '../Repository/SessionErrors.js';
import type { HttpSession } from './HttpSession.js';
import { isReservedKey } from './reservedKeys.js';

/** A session at one moment. Its keys are told apart where somebody asks for them: most requests never do. */
export class Snapshot {
    private texts: ReadonlyMap<string, string> | undefined;

    public constructor(
        /** The end of a record. */
        public readonly body: string,
        public readonly cookie: StoredCookie,
        /** What the body says, where that is known. */
        public readonly data: Readonly<Record<string, unknown>> | undefined,
    ) {}

    /** Each key with its JSON text. */
    public get entries(): ReadonlyMap<string, string> {
        this.texts ??= entriesIn(this.body);
        return this.texts;
    }

    /** The keys in their order. */
    public get names(): readonly string[] {
        return this.data ? Object.keys(this.data) : [...this.entries.keys()];
    }
}

/** A snapshot of what is stored. */
export function snapshotOf(record: LiveRecord, cookie: StoredCookie): Snapshot {
    const { body } = record;
    return body === undefined
        ? new Snapshot(bodyOf(textsOf(record.data)), cookie, record.data)
        : new Snapshot(body, cookie, record.known);
}

function textsOf(data: Readonly<Record<string, unknown>>): [key: string, json: string][] {
    return Object.keys(data).map((key) => [key, JSON.stringify(data[key])]);
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
    const { cookie: sessionCookie, ...data } = session;
    if (limits.lossy) {
        warnOfLosses(session, data, limits.lossy);
    }
    const cookie = baseline && hasCookie(sessionCookie, baseline.cookie) ? undefined : cookieOf(sessionCookie);
    if (baseline?.data && !cookie && increments.size === 0 && hasTextOf(data, baseline.data)) {
        return { change: undefined, snapshot: baseline };
    }
    const body = bodyAsOne(data) ?? bodyByKey(data);
    if (baseline && body === baseline.body && !cookie && increments.size === 0) {
        return { change: undefined, snapshot: baseline };
    }
    for (const key of Object.keys(data)) {
        if (isReservedKey(key)) {
            throw new ReservedSessionKeyError(key);
        }
    }
    if (cookie) {
        checkCookie(sessionCookie, cookie);
    }
    // A new session may never be asked for again: a copy of it would only keep the garbage collector busy.
    const snapshot = new Snapshot(body, cookie ?? (baseline as Snapshot).cookie, baseline && copyOfPlain(data));
    if (!baseline && body === '' && increments.size === 0) {
        return { change: undefined, snapshot };
    }
    const change = new Difference(baseline, snapshot, increments, baseline && cookie);
    if (!change.cookie && isReordered(snapshot, baseline) && change.isEmpty) {
        return { change: undefined, snapshot };
    }
    if (!snapshot.data && isDeeperThan(body, MAX_DEPTH - 1)) {
        for (const [key, json] of change.set) {
            checkDepth(key, json);
        }
    }
    checkSize(snapshot, limits);
    return { change, snapshot };
}

type Parts = Pick<SessionChange, 'set' | 'removed' | 'added'>;

/** What differs between two snapshots. Nearly all are stored as a whole, and nobody asks which keys they changed. */
class Difference implements SessionChange {
    public readonly whole: string;
    public readonly data: SessionChange['data'];
    private readonly increments: ReadonlyMap<string, number>;
    private parts: Parts | undefined;

    public constructor(
        private readonly before: Snapshot | undefined,
        private readonly after: Snapshot,
        increments: ReadonlyMap<string, number>,
        public readonly cookie: StoredCookie | undefined,
    ) {
        this.whole = after.body;
        this.data = after.data;
        this.increments = increments.size > 0 ? new Map(increments) : increments;
    }

    public get set(): SessionChange['set'] {
        return this.told().set;
    }

    public get removed(): SessionChange['removed'] {
        return this.told().removed;
    }

    public get added(): SessionChange['added'] {
        return this.told().added;
    }

    public get isEmpty(): boolean {
        const { set, removed, added } = this.told();
        return set.size + removed.size + added.size === 0;
    }

    private told(): Parts {
        this.parts ??= partsOf(this.before?.entries ?? new Map(), this.after.entries, this.increments);
        return this.parts;
    }
}

function partsOf(
    before: ReadonlyMap<string, string>,
    after: ReadonlyMap<string, string>,
    increments: ReadonlyMap<string, number>,
): Parts {
    const set = new Map<string, string>();
    const added = new Map<string, number>();
    for (const [key, json] of after) {
        const old = before.get(key);
        const by = increments.get(key);
        if (by !== undefined && json === JSON.stringify(Number(old ?? 0) + by)) {
            added.set(key, by);
        } else if (json !== old) {
            set.set(key, json);
        }
    }
    const removed = new Set([...before.keys()].filter((key) => !after.has(key)));
    return { set, removed, added };
}

/** Whether a session may have the same keys as before, only in another order: then nothing has changed. */
function isReordered(now: Snapshot, before: Snapshot | undefined): boolean {
    if (now.body.length !== before?.body.length) {
        return false;
    }
    const names = before.names;
    return now.names.some((name, index) => name !== names[index]);
}

/**
 * The end of a record as one text for all keys: most requests only look, and that is all it takes to know it. 3 µs instead
 * of 8 for 1 KB (Node 20). Undefined where the keys have to be looked at one by one.
 */
function bodyAsOne(data: Readonly<Record<string, unknown>>): string | undefined {
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

function bodyByKey(data: Readonly<Record<string, unknown>>): string {
    const entries: [key: string, json: string][] = [];
    for (const key of Object.keys(data)) {
        const json = toJson(key, data[key]);
        if (json !== undefined) {
            entries.push([key, json]);
        }
    }
    return bodyOf(entries);
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

type SessionCookie = HttpSession['cookie'];

function cookieOf(cookie: SessionCookie): StoredCookie {
    if (typeof cookie?.toJSON !== 'function') {
        throw new ReservedSessionKeyError('cookie');
    }
    const data = cookie.toJSON() as StoredCookie & { expires?: unknown };
    // false is how express-session's documents ask for a cookie that ends with the browser.
    return data.originalMaxAge === false || data.expires === false
        ? { ...data, originalMaxAge: null, expires: null }
        : data;
}

/** The first that a Date can have. */
const FIRST_TIME = -8.64e15;

/** The last one that was found good: nearly all cookies of an application are alike. */
let goodCookie: StoredCookie | undefined;

/** A cookie that can't be sent, or not be read back, would cost the visitor the session: it is refused instead. */
function checkCookie(given: SessionCookie, cookie: StoredCookie): void {
    if (goodCookie && isAlike(cookie, goodCookie)) {
        return;
    }
    const wrongEnd = wrongEndOf(given, cookie);
    if (wrongEnd) {
        throw new UnstorableSessionError(`request.session.cookie.expires ${wrongEnd}.`);
    }
    const wrong = wrongSetting(JSON.parse(JSON.stringify(cookie)) as Record<string, unknown>);
    if (wrong) {
        throw new UnstorableSessionError(`request.session.cookie.${wrong} has a value that no cookie can have.`);
    }
    try {
        given.serialize('name', '');
    } catch (cause) {
        throw new UnstorableSessionError(
            `request.session.cookie can't be sent: ${(cause as Error).message.replace('option ', '')}.`,
            { cause },
        );
    }
    goodCookie = cookie;
}

/** Why a cookie can't have its end. One in the past is none of that: it makes browsers drop the cookie. */
function wrongEndOf({ expires }: SessionCookie, { originalMaxAge: age }: StoredCookie): string | undefined {
    if (expires && !(expires instanceof Date)) {
        return 'is not a Date: give it one, or set maxAge (ms) instead';
    }
    const end = typeof age === 'number' ? Date.now() + age : 0;
    // The age is counted from now on with each answer, so that it may lead a little further than the date that was set.
    if ((expires && expires.getTime() > LAST_COOKIE_TIME) || end > 2 * LAST_COOKIE_TIME) {
        return "is after the year 9999, which browsers don't take: choose an earlier Date, or a smaller maxAge";
    }
    return end >= FIRST_TIME ? undefined : 'is an invalid Date: set it, or maxAge, to a time that there is';
}

/** Whether a session still has the cookie that is stored. */
function hasCookie(cookie: SessionCookie, stored: StoredCookie): boolean {
    // express-session's own has the settings as properties: no need to ask for a copy of them.
    return isAlike(cookie instanceof Cookie ? (cookie as StoredCookie) : cookieOf(cookie), stored);
}

/** express-session moves `expires` all the time and may lose a millisecond of `maxAge`: neither is a change. */
function isAlike(now: StoredCookie, before: StoredCookie): boolean {
    const age = now.originalMaxAge ?? null;
    const ageBefore = before.originalMaxAge ?? null;
    const isSameAge =
        age === ageBefore ||
        (typeof age === 'number' && typeof ageBefore === 'number' && Math.abs(age - ageBefore) <= 1000);
    return isSameAge && hasSameSettings(now, before);
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

function checkSize(snapshot: Pick<Snapshot, 'body' | 'entries'>, limits: SessionLimits): void {
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

type Lossy = NonNullable<SessionLimits['lossy']>;

const MOST_LOSSY_LEVELS = 8;
const MOST_LOSSY_ITEMS = 1000;

/** What was said of a session: it is read more than once in a request. */
const saidOf = new WeakMap<HttpSession, Set<string>>();

/** Names what JSON drops or changes, each once. What can't be turned into JSON at all is told where it is tried. */
function warnOfLosses(session: HttpSession, data: object, lossy: Lossy): void {
    const said = saidOf.get(session) ?? new Set<string>();
    saidOf.set(session, said);
    const walked = new Set<object>();
    try {
        warnInside('', data, 0);
    } catch {
        // a getter or a proxy threw
    }

    function warnOf(path: string, value: unknown, depth: number, isItem: boolean): void {
        const what = lossOf(value, isItem);
        if (what) {
            say(path, what);
        } else if (typeof value === 'object' && value !== null && depth < MOST_LOSSY_LEVELS && !hasToJson(value)) {
            warnInside(path, value, depth);
        }
    }

    /** Of an object's or a list's parts; bounded, as data may be large. */
    function warnInside(path: string, value: object, depth: number): void {
        if (walked.has(value)) {
            return;
        }
        walked.add(value);
        const names = Object.keys(value);
        if (Array.isArray(value)) {
            // Holes, too: they are stored as null.
            for (const [index, item] of value.slice(0, MOST_LOSSY_ITEMS).entries()) {
                warnOf(`${path}[${index}]`, item, depth + 1, true);
            }
            for (const name of names.filter((one) => !/^\d+$/.test(one))) {
                say(`${path}.${name}`, 'a property of an array, which is not stored');
            }
        } else {
            for (const name of names.slice(0, MOST_LOSSY_ITEMS)) {
                warnOf(`${path}.${name}`, (value as Record<string, unknown>)[name], depth + 1, false);
            }
        }
        for (const symbol of Object.getOwnPropertySymbols(value)) {
            if (Object.prototype.propertyIsEnumerable.call(value, symbol)) {
                say(`${path}[${String(symbol)}]`, 'under a symbol, which is not stored');
            }
        }
    }

    function say(path: string, what: string): void {
        if (!said.has(path)) {
            said.add(path);
            lossy(path, what);
        }
    }
}

/** How a value changes by being stored, as the end of a sentence; undefined where it does not, or only in its parts. */
function lossOf(value: unknown, isItem: boolean): string | undefined {
    const dropped = isItem ? 'which is stored as null' : 'which is not stored';
    if (typeof value === 'function' || typeof value === 'symbol') {
        return `a ${typeof value}, ${dropped}`;
    }
    if (value === undefined) {
        return isItem ? `undefined, ${dropped}` : undefined; // that is how a key is deleted
    }
    if (typeof value === 'number' && !Number.isFinite(value)) {
        return `${value}, which is stored as null`;
    }
    if (typeof value !== 'object' || value === null) {
        return undefined;
    }
    if (
        !hasToJson(value) &&
        (types.isMap(value) || types.isSet(value) || types.isWeakMap(value) || types.isWeakSet(value))
    ) {
        return `a ${value.constructor.name}, which is stored as {}: store an array instead`;
    }
    const isPlain = hasPlainPrototype(value);
    if (isPlain && !hasToJson(value)) {
        return undefined;
    }
    const becomes = becomesOf(value);
    if (types.isDate(value)) {
        return becomes === 'null' ? 'an invalid Date, which is stored as null' : undefined;
    }
    const name = isPlain ? 'an object with toJSON' : `a ${value.constructor?.name || 'class'}`;
    switch (becomes) {
        case undefined:
            return `${name} whose JSON is undefined, ${dropped}`;
        case 'null':
            return `${name}, which is stored as null`;
        default:
            return isPlain ? undefined : `${name}, which comes back as ${becomes}`;
    }
}

/** What an object is once it was stored and read again; undefined where nothing is stored of it. */
function becomesOf(value: object): string | undefined {
    const json: string | undefined = JSON.stringify(value);
    switch (json?.[0]) {
        case undefined:
            return undefined;
        case '{':
            return 'a plain object';
        case '[':
            return 'a plain array';
        case '"':
            return 'text';
        default:
            return json === 'null' ? 'null' : `a ${typeof JSON.parse(json as string)}`;
    }
}

function hasToJson(value: object): boolean {
    return typeof (value as { toJSON?: unknown }).toJSON === 'function';
}

/** That of an object literal or an array, also of one that another realm has made. */
function hasPlainPrototype(value: object): boolean {
    const prototype = Object.getPrototypeOf(value);
    if (Array.isArray(value)) {
        return prototype !== null && Array.isArray(prototype);
    }
    return prototype === null || Object.getPrototypeOf(prototype) === null;
}
