import {
    anyOf,
    arrayOf,
    boolean,
    func,
    integer,
    number,
    object,
    oneOf,
    optional,
    type Rule,
    record,
    type Shape,
    string,
} from '../../Config/rules.js';
import { nearest } from '../../Support/nearest.js';
import { LONGEST_TIMER_MS } from '../../Support/timers.js';
import { isPostgresUrl, sqlitePathOf } from './databaseUrl.js';
import { LONGEST_AGE_MS } from './SessionConfig.js';

const wait = integer({ min: 1, max: LONGEST_TIMER_MS, unit: 'milliseconds' });
/** Of a package's own options; 0 turns some of them off. */
const clientTime = number({ min: 0, max: LONGEST_TIMER_MS, unit: 'milliseconds' });
const clientWait = optional(clientTime);
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

const databaseUrl: Rule = (value, at) => {
    if (typeof value !== 'string' || !(isPostgresUrl(value) || sqlitePathOf(value) !== undefined)) {
        at.say(
            "is no address of a database: allowed are postgres://user:password@host:5432/database, and the path of a SQLite file such as storage/sessions.sqlite. What is to end with the process is driver 'memory'.",
        );
    }
};

const pools: Rule = (value, at) => {
    if (typeof value !== 'function' && typeof (value as { connect?: unknown } | null)?.connect !== 'function') {
        at.problem(value, 'pools of the package pg, functions that give one');
    }
};

const tableName = string({ pattern: /^[a-z_][\w$]*(?:\.[a-z_][\w$]*)?$/i, allowed: 'names of tables' });

/** All others are the pool's, and the client's. */
const databaseShape: Shape = {
    url: optional(databaseUrl),
    pool: optional(pools),
    host: optional(string({ minLength: 1 })),
    port: optional(integer({ min: 1, max: 65_535 })),
    user: optional(string()),
    password: optional(anyOf(string(), func())),
    database: optional(string({ minLength: 1 })),
    ssl: optional(anyOf(boolean(), object({}, { open: true }))),
    max: optional(integer({ min: 1, max: 10_000 })),
    connectTimeoutMs: optional(wait),
    commandTimeoutMs: optional(wait),
    table: optional(tableName),
    createTable: optional(boolean()),
    formerTable: optional(anyOf(tableName, oneOf(false))),
    ttl: optional(number({ min: 1, max: LONGEST_AGE_MS / 1000, unit: 'seconds' })),
    prepare: optional(boolean()),
    fsync: optional(boolean()),
};

/** Those of the clients that a misspelt name of ours could be taken for. */
const CLIENT_OPTIONS = new Set(['name', 'credentialsProvider', 'min', 'options']);

/** A client's options pass, unless they are one of ours misspelt. */
function clientOptions(shape: Shape): Rule {
    const names = Object.keys(shape);
    return (value, at) => {
        object(shape, { open: true })(value, at);
        for (const key of Object.keys((value ?? {}) as object)) {
            const near = Object.hasOwn(shape, key) || CLIENT_OPTIONS.has(key) ? undefined : nearest(key, names);
            if (near !== undefined) {
                at.key(key).say(`is not a known key: did you mean ${at.key(near).path}?`);
            }
        }
    };
}

/** The options of the packages, and the few that are ours. */
export const driverRules: Rule = (value, at) => {
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
        clientOptions(redisShape)(options.redis, at.key('redis'));
    }
    if (options?.database) {
        clientOptions(databaseShape)(options.database, at.key('database'));
    }
};
