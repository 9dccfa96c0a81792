import type { StoredCookie } from './CookieSettings.js';

/** How a session ended, for its tombstone. */
export const END_REASONS = ['destroyed', 'regenerated', 'migrated', 'revoked', 'replaced', 'idle', 'absolute'] as const;
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
    /** The id under which a device may bind itself to this login: see `DeviceBinding`. */
    readonly binding?: string | undefined;
    /** The public key of the device that has done so, as `deviceProof.ts` writes it. */
    readonly deviceKey?: string | undefined;
    /** When the last challenge was made that it has answered: it, and those before it, count no more. */
    readonly proved?: number | undefined;
}

/** When a session ends, and from when a request has to be written down as activity (ms since the epoch). */
export interface Life {
    readonly endsAt: number;
    readonly reason: 'idle' | 'absolute';
    readonly touchAt: number;
    /** The session's cookie as the config of today has it, once somebody has asked for it. */
    cookie?: StoredCookie;
}

export interface LiveRecord {
    readonly kind: 'live';
    /** When the session began and when it was last active, in ms since the epoch. */
    readonly created: number;
    readonly seen: number;
    readonly login: Login | undefined;
    /** A clock that was far ahead wrote this: the times are set right at the next write, which is due. */
    readonly isAhead: boolean;
    /** Parsed when it is asked for. Throws DamagedRecordError where it can't be. */
    readonly cookie: StoredCookie;
    /** The same, if it is parsed already, and its JSON text, where that is at hand. */
    readonly knownCookie?: StoredCookie | undefined;
    readonly cookieText?: string | undefined;
    /** `cookie.originalMaxAge`, which says how long the session lives: known without parsing the cookie. */
    readonly maxAge: StoredCookie['originalMaxAge'];
    /** What of the cookie a route has changed, by name; all else is as the config says. Undefined: an old record, which does not say. */
    readonly own: readonly string[] | undefined;
    /** The keys of the session, without `cookie` and without what the framework keeps beside them. Never changed. */
    readonly data: Readonly<Record<string, unknown>>;
    /** The same, if it is parsed already: who asks often is compared with it, and not with a text that is made for it. */
    readonly known?: Readonly<Record<string, unknown>> | undefined;
    /** What of them a route sees, where a schema refuses the others: those stay stored as they are. */
    readonly shown?: Readonly<Record<string, unknown>> | undefined;
    /** The keys for a route, which may change them, and what they hold. */
    copy(): Record<string, unknown>;
    /** The keys as they stand at the end of a record that was written here: `,"key":value,…`. */
    readonly body: string | undefined;
    /** Whether the keys may hold something flashed. False: they do not. */
    readonly mayHoldFlash: boolean;
    /** What SessionLifetime has worked out of it: it is asked with each request. */
    life?: Life | undefined;
    /** The same in the form that the config's schema describes, once somebody has asked for it. */
    today?: LiveRecord | undefined;
}

/** A tombstone, all that is left of a session that ended: its id can be refused for a while. */
export interface EndedRecord {
    readonly kind: 'ended';
    readonly at: number;
    readonly reason: EndReason;
    /** The key of the session that took its place. */
    readonly to?: string | undefined;
    /** Its id, which only who knows the id of this one can read: see `sealedSuccessorId.ts`. */
    readonly sealedId?: string | undefined;
}

/** No session, but the keys of one user's sessions. It may name some that have ended; it misses none that live. */
export interface UserRecord {
    readonly kind: 'user';
    readonly seen: number;
    /** Each with the time (ms since the epoch) at which it came into the list, oldest first. */
    readonly sessions: ReadonlyMap<string, number>;
    /** Of those that came a moment ago in place of another: the key of that one. Both are in the list until it has ended. */
    readonly moves?: ReadonlyMap<string, string> | undefined;
}

export type ParsedRecord = LiveRecord | EndedRecord | UserRecord;

/** session-file-store's name for the time of the last access; kept, so that either can read the other's records. */
export const LAST_ACCESS = '__lastAccess';
/** Where the framework keeps what it knows of a session, beside the session's own keys. */
export const META = '__sosise';
/**
 * How the keys begin under which flashed values are stored.
 */
export const FLASH = '~flash:';

/** As much as the clocks of machines that share a store may differ. */
export const CLOCKS_DIFFER_MS = 60_000;

/** Names that data can't have: the session's methods and properties, and what the record keeps beside the data. */
export const RESERVED_KEYS: ReadonlySet<string> = new Set([
    ...['id', 'req', 'cookie', 'save', 'reload', 'destroy', 'regenerate', 'migrate', 'touch', 'resetMaxAge'],
    ...['__proto__', LAST_ACCESS, META],
]);

/** As `flash()` names what it puts by; any other key that begins so would be taken for it, and be deleted. */
const FLASHED = new RegExp(`^${FLASH}.*:[\\w-]{8}$`, 's');

/** Whether data can't have this name. */
export function isReservedKey(key: string): boolean {
    return RESERVED_KEYS.has(key) || (key.startsWith(FLASH) && !FLASHED.test(key));
}
