import type { StoredCookie } from './CookieSettings.js';
import { lastSeenByCookie, storedCookie } from './cookieText.js';
import { DamagedRecordError } from './DamagedRecordError.js';
import { isObject, isTime, parseObject, tryParse } from './jsonText.js';
import { copyOfPlain } from './plainData.js';
import {
    CLOCKS_DIFFER_MS,
    END_REASONS,
    FLASH,
    isReservedKey,
    LAST_ACCESS,
    type LiveRecord,
    type Login,
    META,
    type ParsedRecord,
} from './SessionRecord.js';

/** The largest maxBytes there may be, and what stands before the data. */
const LARGEST_LENGTH = 4_100_000;
const NOTHING_OWN: readonly string[] = [];

function isAhead(time: number, now: number): boolean {
    return time - now > CLOCKS_DIFFER_MS;
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
        { text: cookie },
        text.slice(head.length, -1),
    );
}

/**
 * A record as it has just been written: `liveRecord` with the same cookie and body made its text.
 * @param data What the body says, where somebody has a copy of that at hand.
 */
export function writtenRecord(
    { seen, created, own, login, maxAge }: Pick<LiveRecord, 'seen' | 'created' | 'own' | 'login' | 'maxAge'>,
    cookie: CookieOfRecord,
    body: string,
    data?: Readonly<Record<string, unknown>>,
): LiveRecord {
    return new OwnRecord({ seen, created, own, login, isAhead: false, maxAge }, cookie, body, data);
}

/** A cookie's JSON text, or what it says, or both. */
interface CookieOfRecord {
    readonly text?: string | undefined;
    readonly parsed?: StoredCookie | undefined;
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
    public life: LiveRecord['life'];
    public today: LiveRecord['today'];
    public readonly cookieText: string | undefined;
    public knownCookie: StoredCookie | undefined;
    private flash: boolean | undefined;

    public constructor(
        times: Pick<LiveRecord, 'seen' | 'created' | 'own' | 'login' | 'isAhead' | 'maxAge'>,
        cookie: CookieOfRecord,
        public readonly body: string,
        public known?: Readonly<Record<string, unknown>>,
    ) {
        this.cookieText = cookie.text;
        this.knownCookie = cookie.parsed;
        this.seen = times.seen;
        this.created = times.created;
        this.login = times.login;
        this.isAhead = times.isAhead;
        this.maxAge = times.maxAge;
        this.own = times.own;
    }

    public get cookie(): StoredCookie {
        this.knownCookie ??= storedCookie(tryParse(this.cookieText as string));
        return this.knownCookie;
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
        const data = parseObject(`{${this.body.slice(1)}}`);
        if (LAST_ACCESS in data || META in data || 'cookie' in data) {
            throw new DamagedRecordError('a key appears twice');
        }
        return withoutReserved(data);
    }
}

/** Stock records may use names that are ours: they are left out, as the package does. */
function withoutReserved(data: Record<string, unknown>): Record<string, unknown> {
    for (const key of Object.keys(data)) {
        if (isReservedKey(key)) {
            delete data[key];
        }
    }
    return data;
}

function parseForeign(text: string, now: number): ParsedRecord {
    const { [LAST_ACCESS]: lastAccess, [META]: rawMeta, cookie: rawCookie, ...keys } = parseObject(text);
    const data = withoutReserved(keys);
    const meta = isObject(rawMeta) ? rawMeta : {};
    if (isTime(meta.ended)) {
        const reason = END_REASONS.find((known) => known === meta.reason) ?? 'destroyed';
        const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
        return { kind: 'ended', at: meta.ended, reason, to: text(meta.to), sealedId: text(meta.sealedId) };
    }
    if (isObject(meta.sessions)) {
        const sessions = new Map(Object.entries(meta.sessions).map(([key, time]) => [key, Number(time)]));
        const moves = isObject(meta.moves)
            ? new Map(Object.entries(meta.moves).map(([to, key]) => [to, String(key)]))
            : undefined;
        return { kind: 'user', seen: Math.min(Number(lastAccess), now), sessions, moves };
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
    // A binding that can't be read must not be taken for none.
    if (
        !isTextOrNone(value.binding) ||
        !isTextOrNone(value.deviceKey) ||
        !(value.proved === undefined || isTime(value.proved))
    ) {
        throw new DamagedRecordError('its login part is not valid');
    }
    const at = value.at - now > CLOCKS_DIFFER_MS ? 0 : Math.min(value.at, now);
    return { ...(value as unknown as Login), at };
}

function isTextOrNone(value: unknown): boolean {
    return value === undefined || typeof value === 'string';
}

function ownIn(own: unknown): readonly string[] | undefined {
    return Array.isArray(own) ? own.map(String) : undefined;
}
