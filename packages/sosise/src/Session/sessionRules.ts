import { serialize } from 'cookie';
import type { ConfigDefinition } from '../Config/ConfigRepository.js';
import type { Environment } from '../Config/Environment.js';
import type { Place } from '../Config/Place.js';
import {
    anyOf,
    arrayOf,
    boolean,
    func,
    instanceOf,
    integer,
    nullable,
    number,
    object,
    oneOf,
    optional,
    type Rule,
    record,
    type Shape,
    string,
} from '../Config/rules.js';
import { SECRET, SECRET_FIX, secretsIn, weaknessOf } from '../Config/secrets.js';
import { toError } from '../Exceptions/thrown.js';
import { nearest } from '../Support/nearest.js';
import { kindOf } from '../Support/show.js';
import { LONGEST_TIMER_MS } from '../Support/timers.js';
import {
    type FormerCookie,
    MAX_COOKIE_BYTES,
    type SessionConfig,
    type SessionCookieConfig,
} from './Config/SessionConfig.js';
import { cookieName } from './Config/settingsOf.js';
import { LAST_COOKIE_TIME } from './Record/CookieSettings.js';

const HOUR_MS = 3_600_000;

/** `s:`, an id of 32 characters, and the signature of 43 with its dot; two characters are escaped. */
const ISSUED_LENGTH = 82;

/** Set-Cookie names and paths can't hold these; browsers would cut the cookie there. */
const COOKIE_NAME = /^(?!__proto__$)[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** A hundred years: dates beyond some point can't be written. */
const LONGEST_AGE_MS = 100 * 365 * 24 * HOUR_MS;
const duration = integer({ min: 1, max: LONGEST_AGE_MS, unit: 'milliseconds' });
const wait = integer({ min: 1, max: LONGEST_TIMER_MS, unit: 'milliseconds' });
/** Of a package's own options; 0 turns some of them off. */
const clientTime = number({ min: 0, max: LONGEST_TIMER_MS, unit: 'milliseconds' });
const clientWait = optional(clientTime);
const LARGEST_BYTES = 4_000_000;
/** More entries than this no Map can hold. */
const MOST_ENTRIES = 16_777_216;
/** The client's own, for one server. */
const clientShape: Shape = {
    pingInterval: clientWait,
    socket: optional(
        object(
            {
                connectTimeout: clientWait,
                socketTimeout: clientWait,
                keepAliveInitialDelay: clientWait,
                reconnectStrategy: optional(anyOf(oneOf(false), clientTime, func())),
            },
            { open: true },
        ),
    ),
};
const clientRules = object(clientShape, { open: true });

const cookieNames = string({ pattern: COOKIE_NAME, allowed: 'names that a cookie can have, but for __proto__' });
const cookiePath = string({ pattern: /^\/[^;\s]*$/, allowed: 'paths that begin with /' });
const cookieDomain = string({ pattern: /^[A-Za-z0-9.-]+$/, allowed: 'host names' });

const cookieRules: Rule = (value, at) => {
    if (typeof value === 'function') {
        at.say(
            "is a function, which can't be checked at start-up: use an object, and change request.session.cookie in a route.",
        );
        return;
    }
    object({
        maxAge: optional(nullable(integer({ min: 1, max: LONGEST_AGE_MS, unit: 'milliseconds' }))),
        expires: optional(nullable(instanceOf(Date))),
        path: optional(cookiePath),
        domain: optional(cookieDomain),
        httpOnly: optional(boolean()),
        secure: optional(oneOf(true, false, 'auto')),
        sameSite: optional(oneOf(true, false, 'lax', 'strict', 'none', 'auto')),
        partitioned: optional(boolean()),
        priority: optional(oneOf('low', 'medium', 'high')),
    })(value, at);
    checkCookie((value ?? {}) as SessionCookieConfig, at);
};

/** What passes each rule may still be no cookie: found out here, and not with the first visitor. */
function checkCookie({ maxAge, expires, path, domain }: SessionCookieConfig, at: Place): void {
    const date = expires ?? new Date(Date.now() + (typeof maxAge === 'number' ? maxAge : 0));
    try {
        serialize('name', '', {
            ...(date instanceof Date && { expires: date }),
            ...(typeof path === 'string' && { path }),
            ...(typeof domain === 'string' && { domain }),
        });
    } catch (error) {
        at.say(`can't be sent: ${(error as Error).message.replace('option ', '')}.`);
    }
}

const formerRules: Rule = (value, at) => {
    object({ name: optional(cookieNames), domain: optional(cookieDomain), path: optional(cookiePath) })(value, at);
    checkCookie((value ?? {}) as FormerCookie, at);
};

const bytes: Rule = (value, at) => {
    if (!(value instanceof Uint8Array)) {
        at.problem(value, 'Buffers');
    }
};
const secretRule: Rule = optional(anyOf(string(), bytes, arrayOf(optional(anyOf(string(), bytes)))));

/** Options whose values may hold a password: what is wrong with them is said without them. */
const redisUrl: Rule = (value, at) => {
    const match = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
    if (!match || !/^rediss?:$/.test(match.protocol) || !/^\/?\d*$/.test(match.pathname)) {
        at.say(
            'is no address of a Redis server: allowed are redis://user:password@host:6379/0, and rediss:// for TLS.',
        );
    }
};

/** All others are the client's, and there are many. */
const redisShape: Shape = {
    url: optional(redisUrl),
    host: optional(string({ minLength: 1 })),
    port: optional(integer({ min: 1, max: 65_535 })),
    username: optional(string()),
    password: optional(string()),
    database: optional(integer({ min: 0, max: 2_147_483_647 })),
    tls: optional(anyOf(boolean(), object({}, { open: true }))),
    connectTimeoutMs: optional(wait),
    commandTimeoutMs: optional(wait),
    prefix: optional(string()),
    ...clientShape,
    scanInterval: clientWait,
    defaults: optional(clientRules),
    nodeClientOptions: optional(clientRules),
    sentinelClientOptions: optional(clientRules),
    ttl: optional(anyOf(number({ min: 1, max: LONGEST_AGE_MS / 1000, unit: 'seconds' }), func())),
    scanCount: optional(integer({ min: 1, max: 1_000_000 })),
    serializer: optional(object({ parse: func(), stringify: func() }, { open: true })),
    disableTTL: optional(boolean()),
    disableTouch: optional(boolean()),
    rootNodes: optional(arrayOf(clientRules)),
    sentinelRootNodes: optional(arrayOf(clientRules)),
};

/** Those of the client, its cluster and its sentinels that a misspelt name of ours could be taken for. */
const CLIENT_OPTIONS = new Set(['name', 'credentialsProvider']);
const REDIS_NAMES = Object.keys(redisShape);

const redisRules: Rule = (value, at) => {
    object(redisShape, { open: true })(value, at);
    const options = (value ?? {}) as Record<string, unknown>;
    for (const key of Object.keys(options)) {
        const near = Object.hasOwn(redisShape, key) || CLIENT_OPTIONS.has(key) ? undefined : nearest(key, REDIS_NAMES);
        if (near !== undefined) {
            at.key(key).say(`is not a known key: did you mean ${at.key(near).path}?`);
        }
    }
};

/** The options of the packages, and the few that are ours. */
const driverRules: Rule = (value, at) => {
    record(object({}, { open: true }))(value, at);
    const options = value as Record<string, unknown> | undefined;
    if (options?.file) {
        object({
            path: optional(string({ minLength: 1 })),
            ttl: optional(number({ min: 0, max: LONGEST_AGE_MS / 1000, unit: 'seconds' })),
            retries: optional(integer({ min: 0, max: 1_000 })),
            factor: optional(number({ min: 0, max: 1_000 })),
            minTimeout: clientWait,
            maxTimeout: clientWait,
            reapInterval: optional(number({ min: -1, max: Math.floor(LONGEST_TIMER_MS / 1000), unit: 'seconds' })),
            reapMaxConcurrent: optional(integer({ min: 1, max: MOST_ENTRIES })),
            reapAsync: optional(boolean()),
            reapSyncFallback: optional(boolean()),
            logFn: optional(func()),
            fallbackSessionFn: optional(func()),
            encoding: optional(string()),
            encoder: optional(func()),
            decoder: optional(func()),
            fileExtension: optional(string({ pattern: /^[^/\\]*$/, allowed: 'endings of file names' })),
            secret: optional(anyOf(string(), arrayOf(string()))),
            encryptEncoding: optional(string()),
            crypto: optional(object({}, { open: true })),
            keyFunction: optional(func()),
            fsync: optional(boolean()),
        })(options.file, at.key('file'));
    }
    if (options?.memory) {
        object({
            checkPeriod: clientWait,
            max: optional(anyOf(integer({ min: 1, max: MOST_ENTRIES }), oneOf(Number.POSITIVE_INFINITY))),
            ttl: optional(anyOf(number({ min: 1, max: LONGEST_AGE_MS, unit: 'milliseconds' }), func())),
            dispose: optional(func()),
            stale: optional(boolean()),
            noDisposeOnSet: optional(boolean()),
            serializer: optional(object({ parse: func(), stringify: func() }, { open: true })),
        })(options.memory, at.key('memory'));
    }
    if (options?.redis) {
        redisRules(options.redis, at.key('redis'));
    }
};

const shape = object({
    enabled: boolean(),
    driver: string({ minLength: 1 }),
    fallback: arrayOf(string({ minLength: 1 })),
    secret: secretRule,
    name: optional(cookieNames),
    rolling: optional(boolean()),
    resave: boolean(),
    proxy: optional(boolean()),
    saveUninitialized: boolean(),
    unset: oneOf('destroy', 'keep'),
    genid: optional(givesIds),
    cookie: cookieRules,
    formerCookies: arrayOf(formerRules),
    idle: optional(duration),
    absolute: optional(nullable(duration)),
    encrypt: optional(boolean()),
    clearSiteData: arrayOf(oneOf('cache', 'cookies', 'storage', 'executionContexts', '*')),
    registry: object({ address: boolean(), browser: boolean() }),
    concurrency: oneOf('merge', 'exclusive'),
    lockTimeoutMs: wait,
    storeTimeoutMs: wait,
    warnBytes: integer({ min: 0, max: LARGEST_BYTES }),
    maxBytes: integer({ min: 1, max: LARGEST_BYTES }),
    keepDamagedMs: integer({ min: 0, max: LONGEST_AGE_MS, unit: 'milliseconds' }),
    pruneIntervalMs: integer({ min: 0, max: LONGEST_TIMER_MS, unit: 'milliseconds' }),
    drivers: driverRules,
});

export const sessionConfig: ConfigDefinition<SessionConfig> = {
    file: 'session',
    defaults: (environment) => ({
        enabled: false,
        driver: 'file',
        fallback: [],
        resave: false,
        saveUninitialized: false,
        unset: 'keep',
        cookie: { path: '/', httpOnly: true, sameSite: 'lax', secure: environment.isProduction },
        formerCookies: [],
        clearSiteData: [],
        registry: { address: false, browser: false },
        concurrency: 'merge',
        lockTimeoutMs: 10_000,
        storeTimeoutMs: 2_000,
        warnBytes: 16_384,
        maxBytes: 1_048_576,
        keepDamagedMs: 7 * 24 * HOUR_MS,
        pruneIntervalMs: HOUR_MS / 4,
        drivers: {},
    }),
    rules: (value, at) => {
        shape(value, at);
        checkSecrets(value as Partial<SessionConfig>, at);
        checkDelivery(value as Partial<SessionConfig>, at);
        checkFallback(value as Partial<SessionConfig>, at);
        checkFormer(value as Partial<SessionConfig>, at);
    },
};

/** To end the cookie that is sent would log everybody out. */
function checkFormer({ name, cookie = {}, formerCookies }: Partial<SessionConfig>, at: Place): void {
    const today = cookieName({ name, cookie }, at.environment);
    const identity = (own: FormerCookie) =>
        [own.name ?? today, own.domain?.toLowerCase().replace(/^\./, ''), own.path ?? '/'].join();
    for (const [index, former] of (Array.isArray(formerCookies) ? formerCookies : []).entries()) {
        if (former && identity(former) === identity({ ...cookie, name: today })) {
            at.key('formerCookies')
                .key(index)
                .say('is the cookie of today: give the name, the domain or the path that the former one had.');
        }
    }
}

/** Tried twice, as every new visitor would stumble over it. One that needs more of a request than there is now is found right. */
function givesIds(genid: unknown, at: Place): void {
    func()(genid, at);
    if (typeof genid !== 'function') {
        return;
    }
    let looksAtRequest = false;
    const request = new Proxy(
        { headers: {} },
        {
            get(target, name) {
                looksAtRequest = true;
                return Reflect.get(target, name);
            },
        },
    );
    const fix = 'it has to return an id, a string that is not empty, at once';
    let ids: unknown[];
    try {
        ids = [genid(request), genid(request)];
    } catch (error) {
        if (!looksAtRequest) {
            at.say(`fails (${toError(error).message}): ${fix}.`);
        }
        return;
    }
    for (const id of ids) {
        Promise.resolve(id).catch(() => undefined);
    }
    const [id, next] = ids;
    if (typeof id !== 'string' || id === '') {
        at.say(`returns ${id === '' ? 'an empty string' : kindOf(id)}: ${fix}.`);
    } else if (id === next) {
        at.say('returns the same id twice: visitors would share a session. Make each id of random bytes.');
    }
}

function checkFallback({ driver, fallback }: Partial<SessionConfig>, at: Place): void {
    if (driver === 'memory' && Array.isArray(fallback) && fallback.length > 0) {
        const moved = 'would move sessions into memory one by one, where they end with the process';
        at.key('fallback').say(`${moved}: set driver to 'file' or 'redis', or fallback to [].`);
    }
    for (const [index, name] of (Array.isArray(fallback) ? fallback : []).entries()) {
        const place = at.key('fallback').key(index);
        if (name === driver) {
            place.say('is the driver itself: name the one that was used before it.');
        } else if (name === 'memory') {
            place.say('is empty after every start: there is nothing to take from it.');
        } else if (fallback?.indexOf(name) !== index) {
            place.say('stands there twice.');
        }
    }
}

/** Cookies that browsers throw away without a word: their visitors would have no session. */
function checkDelivery(config: Partial<SessionConfig>, at: Place): void {
    const { secure, sameSite, partitioned, domain, path = '/', httpOnly, expires } = config.cookie ?? {};
    const fix = 'Set cookie.secure to true';
    if (sameSite === 'none' && secure !== true && secure !== 'auto') {
        at.key('cookie')
            .key('sameSite')
            .say(`is 'none', and browsers drop such a cookie unless it is secure. ${fix}, or sameSite to 'lax'.`);
    }
    if (partitioned === true && secure !== true) {
        at.key('cookie')
            .key('partitioned')
            .say(`is true, and browsers drop such a cookie unless it is secure. ${fix}.`);
    }
    const name = cookieName({ name: config.name, cookie: config.cookie ?? {} }, at.environment);
    const prefix = /^__(?:Host|Secure|Http)-/i.exec(name)?.[0];
    if (prefix && secure !== true) {
        at.key('name').say(
            `begins with ${prefix}, and browsers drop such a cookie unless it is secure. ${fix}, or leave name out: it gets the prefix by itself where that can be.`,
        );
    }
    if (prefix?.toLowerCase() === '__host-' && (domain !== undefined || path !== '/')) {
        at.key('name').say(
            `begins with ${prefix}, and browsers drop such a cookie if it has a ${domain === undefined ? 'path other than /' : 'domain'}. Use __Secure- instead, or leave cookie.${domain === undefined ? 'path' : 'domain'} out.`,
        );
    }
    if (/^__(?:Host-)?Http-/i.test(name) && httpOnly === false) {
        at.key('name').say('begins with __Http-, and browsers drop such a cookie unless cookie.httpOnly is true.');
    }
    if (expires instanceof Date && expires.getTime() <= Date.now()) {
        at.key('cookie').key('expires').say('is in the past, and browsers drop such a cookie. Use maxAge instead.');
    }
    if (expires instanceof Date && expires.getTime() > LAST_COOKIE_TIME) {
        at.key('cookie')
            .key('expires')
            .say('is after the year 9999, and browsers do not take that. Use maxAge instead.');
    }
    const bytes = cookieBytes(name, config.cookie ?? {});
    if (bytes > MAX_COOKIE_BYTES) {
        at.key('cookie').say(`makes a cookie of ${bytes} bytes, and browsers drop those above ${MAX_COOKIE_BYTES}.`);
    }
}

/** How long the whole cookie is, with an id as they are made here. */
function cookieBytes(name: string, { path, domain }: SessionCookieConfig): number {
    const longest = {
        expires: new Date(),
        httpOnly: true,
        secure: true,
        partitioned: true,
        sameSite: 'strict',
    } as const;
    try {
        const value = 'x'.repeat(ISSUED_LENGTH);
        return serialize(name, value, { ...longest, ...(path && { path }), ...(domain && { domain }) }).length;
    } catch {
        return 0; // said elsewhere
    }
}

/** Only where sessions are on, and wherever visitors could be harmed: on any machine but a developer's. */
function checkSecrets(config: Partial<SessionConfig>, at: Place): void {
    if (config.enabled !== true || at.environment.isDevelopment || at.environment.name === 'test') {
        return;
    }
    const secret = at.key('secret');
    const [first] = Array.isArray(config.secret) ? config.secret : [config.secret];
    if (first === undefined || first.length === 0) {
        secret.say(`is missing: sessions can't be signed. ${secretFix(at.environment)}`);
    }
    for (const [index, one] of secretsIn(config.secret).entries()) {
        const weakness = weaknessOf(one);
        if (weakness !== undefined) {
            secret.say(
                index === 0
                    ? `${weakness}. ${secretFix(at.environment)}`
                    : `holds one of earlier that ${weakness}: it would still let a cookie in. Take it out of SESSION_PREVIOUS_SECRETS.`,
            );
        }
    }
}

/** The sentence that says how a secret is mended. */
export function secretFix({ cutVariables = [] }: Environment): string {
    return cutVariables.includes(SECRET)
        ? `${SECRET} in .env ends before a #, where a comment begins: put the value between quotes.`
        : `${SECRET_FIX}.`;
}
