import type { ConfigDefinition } from '../Config/ConfigRepository.js';
import type { Environment } from '../Config/Environment.js';
import type { Place } from '../Config/Place.js';
import {
    anyOf,
    arrayOf,
    boolean,
    func,
    integer,
    nullable,
    object,
    oneOf,
    optional,
    type Rule,
    string,
} from '../Config/rules.js';
import { SECRET, SECRET_FIX, secretsIn, weaknessOf } from '../Config/secrets.js';
import { toError } from '../Exceptions/thrown.js';
import { ownPath } from '../Support/ownPath.js';
import { isStandardSchema } from '../Support/StandardSchema.js';
import { kindOf } from '../Support/show.js';
import { LONGEST_TIMER_MS } from '../Support/timers.js';
import { driverRules } from './Config/driverRules.js';
import { LONGEST_AGE_MS, type SessionConfig } from './Config/SessionConfig.js';
import { checkCookies, cookieNames, cookieRules, formerRules } from './Cookie/cookieRules.js';

const HOUR_MS = 3_600_000;

const duration = integer({ min: 1, max: LONGEST_AGE_MS, unit: 'milliseconds' });
const wait = integer({ min: 1, max: LONGEST_TIMER_MS, unit: 'milliseconds' });
const LARGEST_BYTES = 4_000_000;
/** Of one user: each login looks at them. */
const MOST_SESSIONS = 10_000;

const bytes: Rule = (value, at) => {
    if (!(value instanceof Uint8Array)) {
        at.problem(value, 'Buffers');
    }
};
const schemaRule: Rule = (value, at) => {
    if (!isStandardSchema(value)) {
        at.problem(value, 'schemas of a Standard Schema library, such as zod');
    }
};
const secretRule: Rule = optional(anyOf(string(), bytes, arrayOf(optional(anyOf(string(), bytes)))));
/** The page to come back to is put behind it, as a part of its query. */
const loginPages: Rule = (value, at) => {
    if (typeof value !== 'string' || value.includes('#') || ownPath(value) !== value) {
        at.problem(value, "paths of this application, such as '/login'");
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
    loginPage: optional(loginPages),
    deviceBound: anyOf(
        boolean(),
        object({ refreshMinutes: optional(integer({ min: 1, max: 1_440, unit: 'minutes' })) }),
    ),
    clearSiteData: arrayOf(oneOf('cache', 'cookies', 'storage', 'executionContexts', '*')),
    registry: object({
        address: boolean(),
        browser: boolean(),
        max: optional(anyOf(integer({ min: 1, max: MOST_SESSIONS }), func())),
        whenFull: oneOf('endOldest', 'refuse'),
    }),
    concurrency: oneOf('merge', 'exclusive'),
    lockTimeoutMs: wait,
    storeTimeoutMs: wait,
    warnBytes: integer({ min: 0, max: LARGEST_BYTES }),
    maxBytes: integer({ min: 1, max: LARGEST_BYTES }),
    schema: optional(schemaRule),
    upgrade: optional(func()),
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
        deviceBound: false,
        registry: { address: false, browser: false, whenFull: 'endOldest' },
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
        checkCookies(value as Partial<SessionConfig>, at);
        checkFallback(value as Partial<SessionConfig>, at);
        checkUpgrade(value as Partial<SessionConfig>, at);
        checkBinding(value as Partial<SessionConfig>, at);
        checkLimit(value as Partial<SessionConfig>, at);
    },
};

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
        at.key('fallback').say(`${moved}: set driver to 'file', 'redis' or 'database', or fallback to [].`);
    }
    for (const [index, name] of (Array.isArray(fallback) ? fallback : []).entries()) {
        const place = at.key('fallback').key(index);
        if (name === driver) {
            place.say(
                'is the driver itself: name the one that was used before it. If both stores are of this driver, move to another driver first.',
            );
        } else if (name === 'memory') {
            place.say('is empty after every start: there is nothing to take from it.');
        } else if (fallback?.indexOf(name) !== index) {
            place.say('stands there twice.');
        }
    }
}

function checkUpgrade({ schema, upgrade }: Partial<SessionConfig>, at: Place): void {
    if (upgrade !== undefined && schema === undefined) {
        at.key('upgrade').say('is never called without a schema: set schema, which says what old data is.');
    }
}

/** Browsers bind no partitioned cookies, and renew a cookie for the one host that has registered it. */
function checkBinding({ deviceBound = false, cookie }: Partial<SessionConfig>, at: Place): void {
    const key = cookie?.domain !== undefined ? 'domain' : cookie?.partitioned === true ? 'partitioned' : undefined;
    if (deviceBound !== false && key !== undefined) {
        at.key('deviceBound').say(
            `does not go with cookie.${key}: browsers would not renew the cookie that proves the device. Leave one of them out.`,
        );
    }
}

function checkLimit({ registry }: Partial<SessionConfig>, at: Place): void {
    if (registry?.whenFull === 'refuse' && registry.max === undefined) {
        at.key('registry')
            .key('max')
            .say(
                "is missing, so that whenFull: 'refuse' never refuses a login: set how many sessions a user may have.",
            );
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

/** The sentence that says how to fix a secret. */
export function secretFix({ cutVariables = [] }: Environment): string {
    return cutVariables.includes(SECRET)
        ? `${SECRET} in .env ends before a #, where a comment begins: put the value between quotes.`
        : `${SECRET_FIX}.`;
}
