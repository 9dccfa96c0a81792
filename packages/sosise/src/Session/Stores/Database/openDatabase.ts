import { setTimeout as sleep } from 'node:timers/promises';
import { optionalImport } from '../../../Config/optionalImport.js';
import { ConfigError } from '../../../Exceptions/errors.js';
import { sqlitePathOf } from '../../Config/databaseUrl.js';
import type { Database } from './Database.js';
import { DatabaseError } from './DatabaseError.js';
import { DatabaseStore } from './DatabaseStore.js';
import type { DatabaseStoreOptions, PgPool } from './DatabaseStoreOptions.js';
import { FormerTable } from './FormerTable.js';
import { PostgresDatabase } from './PostgresDatabase.js';
import { SqliteDatabase } from './SqliteDatabase.js';
import { createTable, quoted, tableVersion } from './sessionTable.js';

const CONNECT_TIMEOUT_MS = 5_000;
const COMMAND_TIMEOUT_MS = 1_000;
const PAUSE_MS = 100;
const TTL_SECONDS = 86_400;
export const TABLE = 'sessions';
const FORMER_TABLE = 'session';
const CONFIG = 'src/config/session.ts';

/** Connects, and looks at the table. Throws ConfigError where the server does not answer within `connectTimeoutMs`, or refuses. */
export async function openDatabaseStore(options: DatabaseStoreOptions): Promise<DatabaseStore> {
    const database = await openDatabase(options);
    try {
        await readyTable(database, options);
        const former = await formerTable(database, options);
        const table = quoted(options.table ?? TABLE);
        const store = new DatabaseStore({ database, table, former, keepDamagedMs: options.keepDamagedMs });
        await refuseForbidden(store);
        return store;
    } catch (error) {
        await database.close();
        throw error instanceof DatabaseError ? notOpened(database, options, error) : error;
    }
}

/** The database by these options; of PostgreSQL only the pool, which connects with the first statement. */
export async function openDatabase(options: DatabaseStoreOptions): Promise<Database> {
    const { url, pool, commandTimeoutMs = COMMAND_TIMEOUT_MS, prepare = false, warn = () => undefined } = options;
    const path = sqlitePathOf(url);
    if (path !== undefined) {
        return SqliteDatabase.open({ path, commandTimeoutMs, fsync: options.fsync === true });
    }
    const given = typeof pool === 'function' ? await pool() : pool;
    return new PostgresDatabase(given ?? (await newPool(options, commandTimeoutMs)), {
        address: given ? 'the server of the pool' : addressOf(options),
        commandTimeoutMs,
        prepare,
        isOwn: given === undefined,
        warn,
    });
}

/** Makes the table where that is asked for; else says the command that does. */
async function readyTable(database: Database, options: DatabaseStoreOptions): Promise<void> {
    const { table = TABLE, createTable: mayCreate = database.dialect === 'sqlite' } = options;
    const version = await untilAnswered(options, () => tableVersion(database, table));
    if (version > 0) {
        return;
    }
    if (mayCreate) {
        await createTable(database, table).catch((error: DatabaseError) => {
            throw error.isOfTable ? notOurs(table) : error;
        });
        if ((await tableVersion(database, table)) > 0) {
            return;
        }
        throw notOurs(table);
    }
    throw new ConfigError(
        `Session driver [database]: ${database.address} has no table ${table}: ./artisan session:table prints its SQL, and --run makes it.`,
    );
}

function notOurs(table: string): ConfigError {
    return new ConfigError(
        `Session driver [database]: the table ${table} is not one for these sessions: set table of drivers.database in ${CONFIG} to another name.`,
    );
}

async function formerTable(database: Database, options: DatabaseStoreOptions): Promise<FormerTable | undefined> {
    const { formerTable: name = FORMER_TABLE, table = TABLE, ttl = TTL_SECONDS } = options;
    const former = name === false ? undefined : await FormerTable.find(database, name, quoted(table), ttl * 1_000);
    if (!former && typeof options.formerTable === 'string') {
        throw new ConfigError(
            `Session driver [database]: formerTable of drivers.database in ${CONFIG} names ${options.formerTable}, which is no table of connect-pg-simple (sid, sess, expire).`,
        );
    }
    return former;
}

/** Finds out at the start that a user may not write here, not at the first change. Other errors may pass. */
async function refuseForbidden(store: DatabaseStore): Promise<void> {
    try {
        await store.check();
        await store.remove('~check', 0);
    } catch (error) {
        if ((error as DatabaseError).isLasting) {
            throw error;
        }
    }
}

/** Tries until a server that is not there yet answers, or the time is over. */
async function untilAnswered<T>(
    { connectTimeoutMs = CONNECT_TIMEOUT_MS }: DatabaseStoreOptions,
    ask: () => Promise<T>,
): Promise<T> {
    const until = performance.now() + connectTimeoutMs;
    for (;;) {
        try {
            return await ask();
        } catch (error) {
            if ((error as DatabaseError).isLasting || performance.now() + PAUSE_MS > until) {
                throw error;
            }
        }
        await sleep(PAUSE_MS);
    }
}

function notOpened(database: Database, options: DatabaseStoreOptions, error: DatabaseError): ConfigError {
    return new ConfigError(`Session driver [database]: ${database.address} ${whyNot(database, options, error)}`, {
        cause: error,
    });
}

function whyNot(
    { dialect }: Database,
    { connectTimeoutMs = CONNECT_TIMEOUT_MS, table = TABLE }: DatabaseStoreOptions,
    { message, code, kind, isLasting, isOfTls }: DatabaseError,
): string {
    if (dialect === 'sqlite') {
        return `can't be used: ${message} Correct url of drivers.database in ${CONFIG}, or the rights of the file and its folder.`;
    }
    if (isOfTls) {
        return `can't be spoken to over TLS (${code}): correct ssl of drivers.database in ${CONFIG}, or sslmode in its url; its ca holds the certificate of who signed the server's.`;
    }
    if (code === '42501') {
        return `refused the application: ${message} Allow its user to SELECT, INSERT, UPDATE and DELETE in the table ${table}.`;
    }
    if (isLasting) {
        return `refused the application: ${message} Correct user, password and database of drivers.database in ${CONFIG}.`;
    }
    return kind === 'refused' || message.startsWith('PostgreSQL refused')
        ? `let nobody in within ${connectTimeoutMs} ms: ${message} Look at the server, then start again.`
        : `did not answer within ${connectTimeoutMs} ms (${code}): start PostgreSQL, or correct drivers.database in ${CONFIG}.`;
}

/** Our own options; every other one is the pool's. */
const OURS = new Set([
    'url',
    'pool',
    'table',
    'createTable',
    'formerTable',
    'ttl',
    'connectTimeoutMs',
    'commandTimeoutMs',
    'prepare',
    'fsync',
    'keepDamagedMs',
    'warn',
]);

async function newPool(options: DatabaseStoreOptions, commandTimeoutMs: number): Promise<PgPool> {
    const { default: pg } = await optionalImport('Session driver [database]', 'pg', () => import('pg'));
    const rest = Object.fromEntries(Object.entries(options).filter(([key]) => !OURS.has(key)));
    const { url } = options;
    return new pg.Pool({
        keepAlive: true,
        connectionTimeoutMillis: commandTimeoutMs,
        ...rest,
        ...(url !== undefined && { connectionString: withLogin(url, rest) }),
    }) as unknown as PgPool;
}

/** The package lets the address win: a login beside it is put into it. */
function withLogin(url: string, { user, password }: Record<string, unknown>): string {
    const address = new URL(url);
    address.username = typeof user === 'string' ? encodeURIComponent(user) : address.username;
    address.password = typeof password === 'string' ? encodeURIComponent(password) : address.password;
    return address.href;
}

/** Where the server is, for messages: never a name or a password. */
function addressOf({ url, ...options }: DatabaseStoreOptions): string {
    const parsed = url === undefined ? undefined : new URL(url);
    const host = parsed ? decodeURIComponent(parsed.hostname) : (options['host'] ?? process.env['PGHOST']);
    const port = parsed ? parsed.port : (options['port'] ?? process.env['PGPORT']);
    return `${host || 'localhost'}:${port || 5432}`;
}
