import { DamagedRecordError } from './DamagedRecordError.js';
import { copyOfPlain } from './plainData.js';

/** How a session ended, for the note that is left in its place. */
const END_REASONS = ['destroyed', 'regenerated', 'migrated', 'revoked', 'idle', 'absolute'] as const;
export type EndReason = (typeof END_REASONS)[number];

/** Whose session it is since `login()`, and since when (ms since the epoch). */
export interface Login {
    readonly user: string;
    readonly at: number;
    /** When the user's list of sessions was last seen to name this one. */
    readonly listed?: number | undefined;
    /** The client's address and browser at login, where `registry` of the config asks for them. */
    readonly address?: string | undefined;
    readonly browser?: string | undefined;
}

/** The cookie part of a record, with express-session's names. */
export interface StoredCookie {
    originalMaxAge?: number | null | false;
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
    /** When the session began and when it was last active, in ms since the epoch. */
    readonly created: number;
    readonly seen: number;
    readonly login: Login | undefined;
    /** A clock that was far ahead wrote this: the times are set right at the next write, which is due. */
    readonly isAhead: boolean;
    readonly cookie: StoredCookie;
    /** `cookie.originalMaxAge`, which says how long the session lives: known without parsing the cookie. */
    readonly maxAge: StoredCookie['originalMaxAge'];
    /** What of the cookie a route has changed, by name; all else is as the config says. Undefined: an old record, which does not say. */
    readonly own: readonly string[] | undefined;
    /** The keys of the session, without `cookie` and without what the framework keeps beside them. Never changed. */
    readonly data: Readonly<Record<string, unknown>>;
    /** The same, if it is parsed already: who asks often is compared with it, and not with a text that is made for it. */
    readonly known?: Readonly<Record<string, unknown>> | undefined;
    /** The keys for a route, which may change them, and what they hold. */
    copy(): Record<string, unknown>;
    /** The keys as they stand at the end of a record that was written here: `,"key":value,…`. */
    readonly body: string | undefined;
    /** Whether the keys may hold something flashed. False: they do not. */
    readonly mayHoldFlash: boolean;
}

/** What stays of a session that ended: nothing of its data, so that its id can be refused for a while. */
export interface EndedRecord {
    readonly kind: 'ended';
    readonly at: number;
    readonly reason: EndReason;
    /** The key of the session that took its place. */
    readonly to?: string | undefined;
    /** Its id, which only who knows the id of this one can read: see `successorId.ts`. */
    readonly sealedId?: string | undefined;
}

/** No session, but the keys of one user's sessions. It may name some that have ended; it misses none that live. */
export interface UserRecord {
    readonly kind: 'user';
    readonly seen: number;
    /** Each with the time (ms since the epoch) at which it came into the list, oldest first. */
    readonly sessions: ReadonlyMap<string, number>;
}

export type ParsedRecord = LiveRecord | EndedRecord | UserRecord;

/** session-file-store's name for the time of the last access; kept, so that either can read the other's records. */
export const LAST_ACCESS = '__lastAccess';
/** Where the framework keeps what it knows of a session, beside the session's own keys. */
export const META = '__sosise';
/**
 * How the keys begin under which flashed values are stored. With a character that is rare, as records are searched for it:
 * 20 ns for 1 KB, where `__flash:` takes 290 (Node 20).
 */
export const FLASH = '~flash:';

const ENDED = `{"${LAST_ACCESS}":0,"${META}":{"ended":`;

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** As much as the clocks of machines that share a store may differ. */
export const CLOCKS_DIFFER_MS = 60_000;

function isAhead(time: number, now: number): boolean {
    return time - now > CLOCKS_DIFFER_MS;
}

/** Deeper than any real session, and far from where JSON.stringify runs out of stack. */
export const MAX_DEPTH = 200;
/** The largest maxBytes there may be, and what stands before the data. */
const LARGEST_LENGTH = 4_100_000;
/** Shorter texts can't be nested deeply enough to do harm. */
const HARMFUL_LENGTH = 4_000;

/**
 * A record is one JSON object: when it was last seen, what the framework knows, the cookie, and the session's keys.
 * @param body The keys as `bodyOf` gives them.
 */
export function liveRecord(
    { seen, created, own, login }: Pick<LiveRecord, 'seen' | 'created' | 'login'> & Partial<Pick<LiveRecord, 'own'>>,
    cookie: StoredCookie | string,
    body: string,
): string {
    const ownPart = own === undefined ? '' : own.length === 0 ? ',"own":[]' : `,"own":${JSON.stringify(own)}`;
    const loginPart = login ? `,"login":${JSON.stringify(login)}` : '';
    const cookieText = typeof cookie === 'string' ? cookie : JSON.stringify(cookie);
    return `{"${LAST_ACCESS}":${seen},"${META}":{"created":${created}${ownPart}${loginPart}},"cookie":${cookieText}${body}}`;
}

/** The settings of a cookie as they stand behind its times. Those of an application's cookies are nearly all the same. */
let lastSettings: { readonly cookie: StoredCookie; readonly text: string } | undefined;

/**
 * A cookie's JSON text: 0.9 in place of 2.5 µs (Node 20).
 * @param now Where the browser gets the cookie now, the time in ms since the epoch that its end is counted from. The record
 * keeps the end of the cookie that the browser has.
 */
export function cookieTextAt(cookie: StoredCookie, now: number | undefined): string {
    const { originalMaxAge } = cookie;
    const expires = now === undefined ? cookie.expires : undefined;
    if (typeof originalMaxAge !== 'number' || (now === undefined && typeof expires !== 'string')) {
        return JSON.stringify(cookie);
    }
    if (!lastSettings || !hasSameSettings(cookie, lastSettings.cookie)) {
        // By name: a record that somebody else wrote may hold more.
        const { path, domain, httpOnly, secure, sameSite, partitioned, priority } = cookie;
        const settings = { path, domain, httpOnly, secure, sameSite, partitioned, priority };
        const text = JSON.stringify(settings);
        lastSettings = { cookie: settings, text: text === '{}' ? '}' : `,${text.slice(1)}` };
    }
    const end = now === undefined ? JSON.stringify(expires) : `"${isoOf(now + originalMaxAge)}"`;
    return `{"originalMaxAge":${originalMaxAge},"expires":${end}${lastSettings.text}`;
}

let lastTime = Number.NaN;
let lastIso = '';

/** A time as JSON has it. Under load many requests have the same one: 1 µs each. */
function isoOf(time: number): string {
    if (time !== lastTime) {
        lastIso = new Date(time).toISOString();
        lastTime = time;
    }
    return lastIso;
}

/** What a cookie says beside its times. */
export const COOKIE_SETTINGS = ['path', 'domain', 'httpOnly', 'secure', 'sameSite', 'partitioned', 'priority'] as const;
/** How a record names the age of its cookie, where that is the session's own. */
export const OWN_AGE = 'maxAge';
const NOTHING_OWN: readonly string[] = [];

/** Whether two cookies differ in nothing but their times. */
export function hasSameSettings(one: StoredCookie, other: StoredCookie): boolean {
    return (
        isSame(one.path, other.path) &&
        isSame(one.domain, other.domain) &&
        isSame(one.httpOnly, other.httpOnly) &&
        isSame(one.secure, other.secure) &&
        isSame(one.sameSite, other.sameSite) &&
        isSame(one.partitioned, other.partitioned) &&
        isSame(one.priority, other.priority)
    );
}

function isSame(one: unknown, other: unknown): boolean {
    return (one ?? null) === (other ?? null);
}

/** The record of a user's sessions. Stock readers take it for an expired session. */
export function userRecord(seen: number, sessions: ReadonlyMap<string, number>): string {
    const list = JSON.stringify(Object.fromEntries(sessions));
    return `{"${LAST_ACCESS}":${seen},"${META}":{"sessions":${list}},"cookie":{"originalMaxAge":1}}`;
}

/** The end of a record: each key with its JSON text. */
export function bodyOf(entries: Iterable<readonly [key: string, json: string]>): string {
    let body = '';
    for (const [key, json] of entries) {
        body += `,${JSON.stringify(key)}:${json}`;
    }
    return body;
}

/** The keys of such an end, each with its JSON text, without parsing what they hold. */
export function entriesIn(body: string): Map<string, string> {
    const entries = new Map<string, string>();
    let start = 1; // behind the comma
    while (start < body.length) {
        const colon = endOfString(body, start) + 1;
        const end = endOfValue(body, colon + 1);
        entries.set(JSON.parse(body.slice(start, colon)) as string, body.slice(colon + 1, end));
        start = end + 1;
    }
    return entries;
}

/** Where the string that begins at an index ends: the index of its last quote. */
function endOfString(text: string, start: number): number {
    let end = text.indexOf('"', start + 1);
    while (end > 0 && isEscaped(text, end)) {
        end = text.indexOf('"', end + 1);
    }
    return end < 0 ? text.length : end;
}

function isEscaped(text: string, index: number): boolean {
    let backslashes = 0;
    while (text.charCodeAt(index - 1 - backslashes) === BACKSLASH) {
        backslashes += 1;
    }
    return backslashes % 2 === 1;
}

/** The index of the comma behind a value, or of the end. */
function endOfValue(text: string, start: number): number {
    let depth = 0;
    for (let index = start; index < text.length; index += 1) {
        const code = text.charCodeAt(index);
        if (code === QUOTE) {
            index = endOfString(text, index);
        } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
            depth += 1;
        } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
            depth -= 1;
        } else if (code === COMMA && depth === 0) {
            return index;
        }
    }
    return text.length;
}

/** The text that takes the place of an ended session's record. Stock readers take it for an expired session. */
export function endedRecord(
    at: number,
    reason: EndReason,
    { to, sealedId }: Pick<EndedRecord, 'to' | 'sealedId'> = {},
): string {
    const rest = JSON.stringify({ reason, to, sealedId }).slice(1);
    return `${ENDED}${at},${rest},"cookie":{"originalMaxAge":1}}`;
}

/** Whether a stored text is the note of an ended session. */
export function isEndedRecord(text: string): boolean {
    return text.startsWith(ENDED);
}

/** The beginning of a record that was written here, up to its body. */
const HEAD = new RegExp(
    `^\\{"${LAST_ACCESS}":(\\d{1,15}),"${META}":\\{"created":(\\d{1,15})(?:,"own":\\[([a-zA-Z",]*)\\])?(?:,"login":(\\{(?:"(?:[^"\\\\]|\\\\.)*"|[^{}"])*\\}))?\\},"cookie":(\\{"originalMaxAge":(null|\\d{1,15})[^{}]*\\})(?=[,}])`,
);

/** Reads a record, also one written by the stock packages. Throws DamagedRecordError where it can't be a session. */
export function parseRecord(text: string, now: number): ParsedRecord {
    if (text.length > LARGEST_LENGTH) {
        throw new DamagedRecordError('it is larger than any session may be');
    }
    const head = HEAD.exec(text);
    return head ? ownRecord(text, head as unknown as Head, now) : parseForeign(text, now);
}

type Head = readonly [
    head: string,
    seen: string,
    created: string,
    own: string | undefined,
    login: string | undefined,
    cookie: string,
    maxAge: string,
];

function ownRecord(text: string, [head, seen, created, own, login, cookie, maxAge]: Head, now: number): LiveRecord {
    if (!text.endsWith('}')) {
        throw new DamagedRecordError('it is not JSON');
    }
    const saidSeen = Number(seen);
    const saidCreated = Number(created);
    return new OwnRecord(
        {
            // A clock that was ahead when the record was written must not keep the session alive for longer.
            seen: Math.min(saidSeen, now),
            created: Math.min(saidCreated, now),
            isAhead: isAhead(saidSeen, now) || isAhead(saidCreated, now),
            own: own === '' ? NOTHING_OWN : own?.replaceAll('"', '').split(','),
            login: login === undefined ? undefined : loginIn(tryParse(login), now),
            maxAge: maxAge === 'null' ? null : Number(maxAge),
        },
        cookie,
        text.slice(head.length, -1),
    );
}

/**
 * A record as it has just been written: `liveRecord` with the same cookie and body made its text.
 * @param data What the body says, where somebody has a copy of that at hand.
 */
export function writtenRecord(
    { seen, created, own, login, maxAge }: Pick<LiveRecord, 'seen' | 'created' | 'own' | 'login' | 'maxAge'>,
    cookie: StoredCookie | string,
    body: string,
    data?: Readonly<Record<string, unknown>>,
): LiveRecord {
    return new OwnRecord({ seen, created, own, login, isAhead: false, maxAge }, cookie, body, data);
}

/**
 * A record that was written here. Most requests only ask when it was seen: its cookie and its data are parsed when a
 * route looks at the session, and throw DamagedRecordError then where they are damaged.
 */
class OwnRecord implements LiveRecord {
    public readonly kind = 'live';
    public readonly seen: number;
    public readonly created: number;
    public readonly login: Login | undefined;
    public readonly isAhead: boolean;
    public readonly maxAge: StoredCookie['originalMaxAge'];
    public readonly own: readonly string[] | undefined;
    private flash: boolean | undefined;

    public constructor(
        times: Pick<LiveRecord, 'seen' | 'created' | 'own' | 'login' | 'isAhead' | 'maxAge'>,
        private ownCookie: string | StoredCookie,
        public readonly body: string,
        public known?: Readonly<Record<string, unknown>>,
    ) {
        this.seen = times.seen;
        this.created = times.created;
        this.login = times.login;
        this.isAhead = times.isAhead;
        this.maxAge = times.maxAge;
        this.own = times.own;
    }

    public get cookie(): StoredCookie {
        if (typeof this.ownCookie === 'string') {
            this.ownCookie = parseCookie(this.ownCookie, this.maxAge as number | null);
        }
        return this.ownCookie;
    }

    public get data(): Readonly<Record<string, unknown>> {
        this.known ??= this.parse();
        return this.known;
    }

    public copy(): Record<string, unknown> {
        return copyOfPlain(this.data) ?? this.parse();
    }

    /** Asked with each page: so of the text, and once for a record that is kept in memory. */
    public get mayHoldFlash(): boolean {
        this.flash ??= this.body.includes(FLASH);
        return this.flash;
    }

    private parse(): Record<string, unknown> {
        return withoutReserved(parseObject(`{${this.body.slice(1)}}`));
    }
}

/** What stands behind `originalMaxAge` and `expires` in cookies that were parsed: nearly all of an application are alike. */
const knownSettings = new Map<string, StoredCookie>();
const MOST_KNOWN = 50;

/**
 * The cookie of a record that was written here, whose text begins with `originalMaxAge`. The settings behind its times
 * are parsed and checked once: 0.5 in place of 4 µs (Node 20).
 */
function parseCookie(text: string, originalMaxAge: number | null): StoredCookie {
    const start = `{"originalMaxAge":${originalMaxAge},"expires":`;
    const end = text.startsWith(`${start}"`) ? text.indexOf('"', start.length + 1) + 1 : start.length + 'null'.length;
    const settings = text.slice(end);
    const known = knownSettings.get(settings);
    if (!known || !text.startsWith(start)) {
        return parseNewCookie(text, settings);
    }
    const expires = text.slice(start.length, end);
    if (expires === 'null') {
        return { originalMaxAge, expires: null, ...known };
    }
    const time = expires.slice(1, -1);
    return Number.isFinite(Date.parse(time)) ? { originalMaxAge, expires: time, ...known } : parseNewCookie(text, '');
}

function parseNewCookie(text: string, settings: string): StoredCookie {
    const cookie = storedCookie(tryParse(text));
    if (settings.startsWith(',') && knownSettings.size < MOST_KNOWN) {
        const { originalMaxAge, expires, ...known } = cookie;
        knownSettings.set(settings, known);
    }
    return cookie;
}

/** Keys that come again in the body would count twice. */
function withoutReserved(data: Record<string, unknown>): Record<string, unknown> {
    if (LAST_ACCESS in data || META in data || 'cookie' in data) {
        throw new DamagedRecordError('a part of it stands there twice');
    }
    return data;
}

function parseForeign(text: string, now: number): ParsedRecord {
    const { [LAST_ACCESS]: lastAccess, [META]: rawMeta, cookie: rawCookie, ...data } = parseObject(text);
    const meta = isObject(rawMeta) ? rawMeta : {};
    if (isTime(meta.ended)) {
        const reason = END_REASONS.find((known) => known === meta.reason) ?? 'destroyed';
        const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
        return { kind: 'ended', at: meta.ended, reason, to: text(meta.to), sealedId: text(meta.sealedId) };
    }
    if (isObject(meta.sessions)) {
        const sessions = new Map(Object.entries(meta.sessions).map(([key, time]) => [key, Number(time)]));
        return { kind: 'user', seen: Math.min(Number(lastAccess), now), sessions };
    }
    if (typeof meta.sealed === 'string') {
        throw new DamagedRecordError('it does not decrypt, or is not encrypted where it should be');
    }
    const cookie = storedCookie(meta.cookie ?? rawCookie); // beside it where a plain store's adapter wrote it
    // A clock that was ahead when the record was written must not keep the session alive for longer.
    const saidSeen = isTime(lastAccess) ? lastAccess : (lastSeenByCookie(cookie) ?? now);
    const seen = Math.min(saidSeen, now);
    const saidCreated = isTime(meta.created) ? meta.created : seen;
    const created = Math.min(saidCreated, now);
    const login = meta.login === undefined ? undefined : loginIn(meta.login, now);
    return {
        kind: 'live',
        data,
        cookie,
        maxAge: cookie.originalMaxAge,
        own: ownIn(meta.own),
        seen,
        created,
        login,
        isAhead: isAhead(saidSeen, now) || isAhead(saidCreated, now),
        body: undefined,
        mayHoldFlash: Object.keys(data).some((key) => key.startsWith(FLASH)),
        copy: () => structuredClone(data),
    };
}

/** Who a session belongs to must not be guessed, and nobody has logged in at a time to come. */
function loginIn(value: unknown, now: number): Login {
    if (!isObject(value) || typeof value.user !== 'string' || !isTime(value.at)) {
        throw new DamagedRecordError('its login part is not valid');
    }
    const at = value.at - now > CLOCKS_DIFFER_MS ? 0 : Math.min(value.at, now);
    return { ...(value as unknown as Login), at };
}

function ownIn(own: unknown): readonly string[] | undefined {
    return Array.isArray(own) ? own.map(String) : undefined;
}

function storedCookie(cookie: unknown): StoredCookie {
    if (!isObject(cookie) || !isStoredCookie(cookie)) {
        throw new DamagedRecordError('it has no valid cookie part');
    }
    return cookie;
}

function parseObject(text: string): Record<string, unknown> {
    if (text.length > HARMFUL_LENGTH && isDeeperThan(text, MAX_DEPTH)) {
        throw new DamagedRecordError('it is nested too deeply');
    }
    const parsed = /__proto__|\\u00/.test(text) ? parseWithoutProto(text) : tryParse(text);
    if (!isObject(parsed)) {
        throw new DamagedRecordError('it is not a JSON object');
    }
    return parsed;
}

function tryParse(text: string, reviver?: (key: string, value: unknown) => unknown): unknown {
    try {
        return JSON.parse(text, reviver);
    } catch {
        throw new DamagedRecordError(text === '' ? 'it is empty' : 'it is not JSON');
    }
}

/** The name may stand there in escapes, too. */
function parseWithoutProto(text: string): unknown {
    let found = false;
    const parsed = tryParse(text, (key, value) => {
        found ||= key === '__proto__';
        return value;
    });
    if (found || (isObject(parsed) && Object.hasOwn(parsed, '__proto__'))) {
        throw new DamagedRecordError('it holds a __proto__ key');
    }
    return parsed;
}

/** Whether a text is nested deeper than so many levels. Nearly none has as many brackets: 0.6 in place of 2.7 µs for 1 KB (Node 20). */
export function isDeeperThan(text: string, levels: number): boolean {
    return hasMoreBrackets(text, levels) && depthOf(text) > levels;
}

function hasMoreBrackets(text: string, most: number): boolean {
    let found = 0;
    for (const bracket of ['[', '{']) {
        for (let at = text.indexOf(bracket); at >= 0 && found <= most; at = text.indexOf(bracket, at + 1)) {
            found += 1;
        }
    }
    return found > most;
}

/** The deepest nesting of brackets, strings left out. */
function depthOf(text: string): number {
    let depth = 0;
    let deepest = 0;
    let inString = false;
    for (let index = 0; index < text.length; index += 1) {
        const code = text.charCodeAt(index);
        if (inString) {
            if (code === BACKSLASH) {
                index += 1;
            } else if (code === QUOTE) {
                inString = false;
            }
        } else if (code === QUOTE) {
            inString = true;
        } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
            depth += 1;
            deepest = Math.max(deepest, depth);
        } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
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
    const seen = expires - (cookie.originalMaxAge || Number.NaN);
    return Number.isFinite(seen) ? seen : undefined;
}

const optional = (type: string) => (value: unknown) => value === undefined || value === null || typeof value === type;
const COOKIE_CHECKS: Record<keyof StoredCookie, (value: unknown) => boolean> = {
    // express-session's documents say false for a cookie that ends with the browser.
    originalMaxAge: (value) => value === undefined || value === null || value === false || isTime(value),
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
    return wrongSetting(cookie) === undefined;
}

/** The name of the first setting that no cookie can have. */
export function wrongSetting(cookie: Readonly<Record<string, unknown>>): string | undefined {
    return Object.keys(COOKIE_CHECKS).find((key) => !COOKIE_CHECKS[key as keyof StoredCookie](cookie[key]));
}
