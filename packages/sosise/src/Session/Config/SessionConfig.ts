import type { Request } from 'express';
import type { ConfigInput } from '../../Config/define.js';
import type { Secret } from '../../Config/secrets.js';
import type { StandardSchema } from '../../Support/StandardSchema.js';

/** Browsers drop cookies above this. */
export const MAX_COOKIE_BYTES = 4096;
/** A hundred years: dates beyond some point can't be written. */
export const LONGEST_AGE_MS = 100 * 365 * 86_400_000;

/** The attributes of the session cookie, under express-session's names. Times are in ms. */
export interface SessionCookieConfig {
    maxAge?: number | null;
    expires?: Date | null;
    path?: string;
    domain?: string;
    httpOnly?: boolean;
    secure?: boolean | 'auto';
    sameSite?: boolean | 'lax' | 'strict' | 'none' | 'auto';
    partitioned?: boolean;
    priority?: 'low' | 'medium' | 'high';
}

/** A cookie of another application, or of an earlier config. What is left out is as it was for a cookie without it. */
export interface FormerCookie {
    /** Default: the name of today. */
    name?: string;
    /** Default: none, for this host only. */
    domain?: string;
    /** Default: `/`. */
    path?: string;
}

export interface SessionLimit {
    /** How many sessions a user may have at once, 1 or more; or a function that says it for a user's id. Unset: any number. */
    max?: number | ((userId: string) => number | Promise<number>);
    /** What a login above `max` does: it ends the session with the oldest login, or is refused (409). */
    whenFull: 'endOldest' | 'refuse';
}

/** What `src/config/session.ts` may hold. express-session's options have express-session's names and meaning. */
export interface SessionConfig {
    enabled: boolean;
    /** `file`, `memory`, `redis`, `database`, or a name given to `SessionManager.extend()`. */
    driver: string;
    /** Drivers that were used before: a session that `driver` does not have is taken from them on first use. */
    fallback: readonly string[];
    /** Signs the cookie; of an array the first signs and all verify. At least 32 random characters each. */
    secret?: Secret | readonly (Secret | undefined)[];
    /** The cookie's name. Unset: the name in sosise.json; where the cookie is secure with the prefix `__Host-`, or `__Secure-` with a domain or a path. */
    name?: string;
    rolling?: boolean;
    resave: boolean;
    proxy?: boolean;
    saveUninitialized: boolean;
    unset: 'destroy' | 'keep';
    genid?: (request: Request) => string;
    cookie: SessionCookieConfig;
    /** Cookies of another application, or of an earlier config, that end when the session's cookie is sent. */
    formerCookies: readonly FormerCookie[];
    /** How long a session lives without a request, in ms. Default: `cookie.maxAge`, else the driver's `ttl`, else two hours. */
    idle?: number;
    /**
     * How long a session lives however much it is used, in ms; null: no such limit. Default: seven days, or
     * `cookie.maxAge` or `idle` where that is more.
     */
    absolute?: number | null;
    /** Stores sessions encrypted. Default: false, but where `drivers.file.secret` asked for it. */
    encrypt?: boolean;
    /** Where `requireLogin()` leads browsers that are not logged in: a path. Unset: they get a 401, as all others do. */
    loginPage?: string;
    /** What `logout()` tells the browser to forget, as `Clear-Site-Data` names it. */
    clearSiteData: readonly ClearSiteData[];
    /**
     * Binds sessions to the device that logs in, where its browser can (DBSC): true, or how often a cookie is renewed that proves
     * the device. Default: false.
     */
    deviceBound: boolean | { refreshMinutes?: number };
    /** What the SessionRegistry remembers of a login besides its time, and how many sessions a user may have. */
    registry: { address: boolean; browser: boolean } & SessionLimit;
    /** `merge`: requests of one session run in parallel. `exclusive`: one after another. */
    concurrency: 'merge' | 'exclusive';
    /** How long a request waits for the session's lock under `exclusive`, in ms. */
    lockTimeoutMs: number;
    /** How long the store may take before the request is answered 503, in ms. */
    storeTimeoutMs: number;
    /** A session over this many bytes of JSON is warned of. */
    warnBytes: number;
    /** A session over this many bytes of JSON is refused. */
    maxBytes: number;
    /** What the session's keys hold, in any Standard Schema library: what is stored is checked when a route looks at it. */
    schema?: StandardSchema;
    /** Brings keys to today's form that `schema` refuses: gives those that change, and undefined for those that go. */
    upgrade?: (old: Record<string, unknown>) => Record<string, unknown> | undefined;
    /** How long a damaged record is kept for a person to look at, in ms. */
    keepDamagedMs: number;
    /** How often expired sessions are removed, in ms; 0 turns it off. */
    pruneIntervalMs: number;
    /** Options of each driver, under its name; `file`, `memory`, `redis` and `database` take their packages' own. */
    drivers: Record<string, Record<string, unknown> | undefined>;
}

export type ClearSiteData = 'cache' | 'cookies' | 'storage' | 'executionContexts' | '*';

/** Completion for `src/config/session.ts`. */
export function defineSessionConfig(config: ConfigInput<SessionConfig>): ConfigInput<SessionConfig> {
    return config;
}

/** The session config with every default worked out. Times are in ms. */
export interface SessionSettings extends Omit<SessionConfig, 'secret' | 'idle' | 'absolute' | 'encrypt'> {
    readonly name: string;
    readonly secrets: readonly Secret[];
    readonly genid: (request: Request) => string;
    readonly idleMs: number;
    readonly absoluteMs: number | null | undefined;
    readonly encrypts: boolean;
}
