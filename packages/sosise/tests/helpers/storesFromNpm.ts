import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import util from 'node:util';
import { RedisStore } from 'connect-redis';
import session, { type Store } from 'express-session';
import memorystore from 'memorystore';
import pg from 'pg';
import { createClient } from 'redis';
import sessionFileStore from 'session-file-store';
import type { StoreHandles } from './inside/Testing.js';
import { PostgresTable, postgresServer, whyNoPostgres } from './postgres.js';
import { RedisServer, whyNoRedis } from './redis.js';

/** A session store of somebody else, as the tests open it. */
export interface NpmStore {
    /** The package's name. */
    readonly name: string;
    /** Why it can't run here; undefined where it can. */
    readonly missing: string | undefined;
    /** A fresh, empty one. */
    open(): Promise<StoreHandles>;
    /** What it lacks, by the names of the promises, beside what no plain store can be given. */
    readonly lacks: readonly string[];
    /** Nobody else can reach what it holds. */
    readonly sharesNothing?: boolean;
}

type Options = Record<string, unknown>;
type StoreClass = new (options: Options, loaded?: () => void) => Store;
type Maker = (given: unknown) => StoreClass;

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const source = fileURLToPath(new URL('../stores', import.meta.url));
/** Below node_modules, where git and editors don't look, and from where the project's own packages are found. */
const target = join(root, 'node_modules/.stores');

/** What only these tests need is no package of the project: it is installed beside them, once. */
function whyNotInstalled(): string | undefined {
    const lock = 'package-lock.json';
    const isThere = existsSync(join(target, 'installed'));
    if (isThere && readFileSync(join(target, lock)).equals(readFileSync(join(source, lock)))) {
        return undefined;
    }
    try {
        mkdirSync(target, { recursive: true });
        rmSync(join(target, 'installed'), { force: true });
        cpSync(source, target, { recursive: true });
        const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
        execFileSync('npm', ['ci', '--prefix', '.', ...quiet], { cwd: target, stdio: ['ignore', 'ignore', 'pipe'] });
        mkdirSync(join(target, 'installed'));
        return undefined;
    } catch (error) {
        return `the packages in packages/sosise/tests/stores can't be installed: ${(error as Error).message.split('\n')[0]}`;
    }
}

/** The MariaDB or MySQL of the tests; MYSQL_HOST, MYSQL_PORT, MYSQL_USER, MYSQL_PASSWORD and MYSQL_DATABASE name another. */
const mariaDbServer = {
    host: process.env['MYSQL_HOST'] ?? '127.0.0.1',
    port: Number(process.env['MYSQL_PORT'] ?? 3306),
    user: process.env['MYSQL_USER'] ?? 'root',
    password: process.env['MYSQL_PASSWORD'] ?? '',
    database: process.env['MYSQL_DATABASE'] ?? 'sosise_test',
};

const notInstalled = whyNotInstalled();
const load: (name: string) => unknown = createRequire(join(target, 'package.json'));
const noPostgres = notInstalled ?? (await whyNoPostgres());
const noMariaDb = notInstalled ?? (await whyNoMariaDb());
/** Started with the first store that needs it. */
let redis: Promise<RedisServer> | undefined;
let names = 0;

/** Ends what the stores were opened on. */
export async function closeStores(): Promise<void> {
    await (await redis)?.stop();
}

const NO_LONG_IDS = ['takes ids of 5,000 characters', 'keeps keys of 5,000 characters apart'];
const NO_CONTROL_IDS = ['takes ids with control characters', 'keeps keys with control characters apart'];
const NO_LIST = ['lists its sessions', 'lists its records'];
const NO_TOUCH = [
    'has touch, which keeps the data',
    'lives on when it is touched',
    'does not revive a destroyed session by a touch',
];
const NO_DOTS = 'takes keys with dots and dollars';
const GIVES_EXPIRED = 'does not give expired sessions';

/** Those of the table in docs/drivers.md, in its order. */
export const storesFromNpm: readonly NpmStore[] = [
    {
        name: 'session-file-store',
        missing: undefined,
        lacks: [
            'is fast and silent about unknown ids',
            'takes odd ids',
            'keeps odd keys apart',
            ...NO_CONTROL_IDS,
            ...NO_LONG_IDS,
            ...NO_LIST,
        ],
        open: async () => {
            const { folder, close } = temporary();
            const FileStore = sessionFileStore(session);
            // Deep inside: the package follows an id such as ../x out of its folder.
            const open = () => new FileStore({ path: join(folder, 'sites/mine/sessions'), logFn: () => undefined });
            return { store: open(), reopen: open, close };
        },
    },
    {
        name: 'memorystore',
        missing: undefined,
        sharesNothing: true,
        lacks: [],
        open: async () => ({ store: new (memorystore(session) as unknown as StoreClass)({}) }),
    },
    {
        name: 'connect-redis',
        missing: whyNoRedis(),
        lacks: [],
        open: async () => {
            redis ??= RedisServer.start();
            const client = await createClient({ socket: (await redis).options }).connect();
            const open = () => new RedisStore({ client, prefix: `${names}:` });
            names += 1;
            return { store: open(), reopen: open, close: () => client.close() };
        },
    },
    {
        name: 'connect-pg-simple',
        missing: noPostgres,
        lacks: [...NO_CONTROL_IDS, ...NO_LIST],
        open: async () => {
            const table = await new PostgresTable(newName()).create();
            return { store: table.open(), reopen: () => table.open(), close: () => table.drop() };
        },
    },
    {
        name: 'connect-session-knex',
        missing: noPostgres,
        lacks: [...NO_CONTROL_IDS, ...NO_LONG_IDS],
        open: async () => {
            const { knex } = load('knex') as { knex: (options: Options) => Knex };
            const { ConnectSessionKnexStore } = load('connect-session-knex') as Record<string, StoreClass>;
            const database = knex({ client: 'pg', connection: postgresServer, pool: { min: 0, max: 4 } });
            const tableName = newName();
            const options = { knex: database, tableName, cleanupInterval: 0 };
            const open = () => new (ConnectSessionKnexStore as StoreClass)(options);
            const store = open();
            await (store as Store & { ready: Promise<void> }).ready;
            const close = async () => {
                await database.schema.dropTable(tableName);
                await database.destroy();
            };
            return { store, reopen: open, close };
        },
    },
    {
        name: 'connect-session-sequelize',
        missing: noPostgres,
        lacks: [...NO_LONG_IDS, ...NO_LIST, GIVES_EXPIRED],
        open: async () => {
            const { DataTypes, Sequelize } = load('sequelize') as SequelizePackage;
            const SequelizeStore = (load('connect-session-sequelize') as Maker)(session.Store);
            const { user: username, ...server } = postgresServer;
            const options = { ...server, username, dialect: 'postgres', dialectModule: pg, logging: false };
            const db = new Sequelize(options);
            const table = newName();
            // The package's own model has room for ids of 36 characters; names of ours are 50.
            db.define(table, {
                sid: { type: DataTypes['STRING'], primaryKey: true },
                expires: DataTypes['DATE'],
                data: DataTypes['TEXT'],
            });
            const open = () => new SequelizeStore({ db, table, checkExpirationInterval: -1 });
            const store = open() as Store & { sync(): Promise<void> };
            await store.sync();
            const close = async () => {
                await db.drop();
                await db.close();
            };
            return { store, reopen: open, close };
        },
    },
    {
        name: 'express-mysql-session',
        missing: noMariaDb,
        lacks: NO_LONG_IDS,
        open: async () => {
            const MySqlStore = (load('express-mysql-session') as Maker)(session);
            const connection = await mariaDb();
            const tableName = newName();
            const open = async () => {
                const store = new MySqlStore({ ...mariaDbServer, schema: { tableName } });
                await (store as Store & { onReady(): Promise<void> }).onReady();
                return store;
            };
            const close = async () => {
                await connection.query(`DROP TABLE ${tableName}`);
                await connection.end();
            };
            return { store: await open(), reopen: open, close };
        },
    },
    {
        name: 'better-sqlite3-session-store',
        missing: notInstalled ?? (isBuiltin('node:sqlite') ? undefined : 'this Node.js has no node:sqlite'),
        lacks: ['lists its sessions', 'lives on when it is touched'],
        open: async () => {
            const { DatabaseSync } = load('node:sqlite') as { DatabaseSync: new (path: string) => { close(): void } };
            const SqliteStore = (load('better-sqlite3-session-store') as Maker)(session);
            const { folder, close } = temporary();
            const client = new DatabaseSync(join(folder, 'sessions.db'));
            const open = () => new SqliteStore({ client });
            const closeBoth = () => {
                client.close();
                close();
            };
            return { store: open(), reopen: open, close: closeBoth };
        },
    },
    {
        name: 'connect-loki',
        missing: notInstalled,
        sharesNothing: true,
        lacks: [...NO_LIST, GIVES_EXPIRED, 'is not changed by what happens to objects it was given or gave'],
        open: async () => {
            const LokiStore = (load('connect-loki') as Maker)(session);
            const { folder, close } = temporary();
            const store = new LokiStore({ path: join(folder, 'sessions.db'), autosave: false });
            await once(store, 'connect');
            return { store, close };
        },
    },
    {
        name: 'session-memory-store',
        missing: notInstalled,
        sharesNothing: true,
        lacks: [
            'takes odd ids',
            'keeps odd keys apart',
            'has touch, which keeps the data',
            'does not revive a destroyed session by a touch',
            GIVES_EXPIRED,
        ],
        open: async () => {
            const MemoryStore = (load('session-memory-store') as Maker)(session);
            return { store: new MemoryStore({ expires: 10 * 365 * 86_400 }) };
        },
    },
    nedb('express-nedb-session', [...NO_TOUCH, ...NO_LIST, GIVES_EXPIRED, NO_DOTS, 'gives the cookie with its times']),
    nedb('connect-nedb-session', [...NO_TOUCH, ...NO_LIST, GIVES_EXPIRED]),
    nedb('nedb-session-store', [NO_DOTS]),
];

interface Knex {
    readonly schema: { dropTable(name: string): Promise<void> };
    destroy(): Promise<void>;
}

interface SequelizePackage {
    readonly DataTypes: Readonly<Record<string, unknown>>;
    readonly Sequelize: new (options: Options) => Sequelize;
}

interface Sequelize {
    define(name: string, columns: Options): unknown;
    drop(): Promise<void>;
    close(): Promise<void>;
}

interface MariaDb {
    query(statement: string): Promise<unknown>;
    end(): Promise<void>;
}

function nedb(name: string, lacks: readonly string[]): NpmStore {
    const open = async () => {
        // The database calls these, which are gone since Node.js 23.
        Object.assign(util, { isDate: util.types.isDate, isRegExp: util.types.isRegExp, isArray: Array.isArray });
        const NedbStore = (load(name) as Maker)(session);
        const { folder, close } = temporary();
        const filename = join(folder, 'sessions.db');
        // What is stored before the file has been read may be lost. Each package says in its own way when that is.
        const store = await new Promise<Store>((resolve) => {
            const loaded = () => setImmediate(() => resolve(opened));
            const opened = new NedbStore({ filename, autoCompactInterval: null, onload: loaded }, loaded);
        });
        return { store, close };
    };
    return { name, missing: notInstalled, sharesNothing: true, lacks, open };
}

/** A connection, and the database. */
async function mariaDb(): Promise<MariaDb> {
    const { createConnection } = load('mysql2/promise') as { createConnection(options: Options): Promise<MariaDb> };
    const { database, ...server } = mariaDbServer;
    const connection = await createConnection({ ...server, connectTimeout: 2_000 });
    await connection.query(`CREATE DATABASE IF NOT EXISTS ${database}`);
    await connection.query(`USE ${database}`);
    return connection;
}

async function whyNoMariaDb(): Promise<string | undefined> {
    try {
        await (await mariaDb()).end();
        return undefined;
    } catch (error) {
        return `${mariaDbServer.host}:${mariaDbServer.port}: ${(error as Error).message}`;
    }
}

function newName(): string {
    names += 1;
    return `sosise_contract_${process.pid}_${names}`;
}

function temporary(): { folder: string; close: () => void } {
    const folder = mkdtempSync(join(tmpdir(), 'sosise-store-'));
    return { folder, close: () => rmSync(folder, { recursive: true, force: true }) };
}
