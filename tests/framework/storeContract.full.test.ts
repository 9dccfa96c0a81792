import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import connectPgSimple from 'connect-pg-simple';
import session from 'express-session';
import pg from 'pg';
import sessionFileStore from 'session-file-store';
import { describe, test } from 'vitest';
import { type StoreHandles, testSessionStore } from '../helpers/testSessionStore.js';

/** What the adapter can't give to any plain store. */
const adapterLacks = [
    'lists what was written before a time',
    'loses nothing between two handles on the same storage',
    'locks between two handles on the same storage',
];
const StockFileStore = sessionFileStore(session);

testSessionStore(
    'stock session-file-store',
    () => {
        const root = mkdtempSync(join(tmpdir(), 'sosise-store-'));
        // Deep inside: the package follows an id such as ../x out of its folder.
        const open = () => new StockFileStore({ path: join(root, 'sites/mine/sessions'), logFn: () => undefined });
        return { store: open(), reopen: open, close: () => rmSync(root, { recursive: true, force: true }) };
    },
    {
        lacks: [
            ...adapterLacks,
            'is fast and silent about unknown ids',
            'takes odd ids',
            'keeps odd ids apart',
            'takes ids with control characters',
            'keeps ids with control characters apart',
            'takes ids of 5,000 characters',
            'keeps ids of 5,000 characters apart',
            'lists its sessions',
            'lists its records',
        ],
    },
);

const server = { host: '127.0.0.1', port: 5432, database: 'test', user: 'postgres' };
const unreachable = await whyUnreachable();
let tables = 0;

if (unreachable === undefined) {
    testSessionStore('connect-pg-simple', onPostgres, {
        lacks: [
            ...adapterLacks,
            'takes ids with control characters',
            'keeps ids with control characters apart',
            'lists its sessions',
            'lists its records',
        ],
    });
} else if (process.env['SOSISE_REQUIRE_SERVERS'] === '1') {
    test('connect-pg-simple on a real PostgreSQL', () => {
        throw new Error(`PostgreSQL at 127.0.0.1:5432 is required (SOSISE_REQUIRE_SERVERS=1): ${unreachable}`);
    });
} else {
    console.log(`Skipped: connect-pg-simple, as no PostgreSQL answers at 127.0.0.1:5432 (${unreachable}).`);
    describe.skip('connect-pg-simple on a real PostgreSQL', () => test('keeps the promises', () => undefined));
}

/** connect-pg-simple on a table of its own, which is dropped in the end. */
async function onPostgres(): Promise<StoreHandles> {
    const tableName = `sosise_contract_${process.pid}_${++tables}`;
    const pool = new pg.Pool({ ...server, max: 4 });
    const PgStore = connectPgSimple(session);
    const open = () =>
        new PgStore({
            pool,
            tableName,
            createTableIfMissing: true,
            pruneSessionInterval: false,
            errorLog: () => undefined,
        });
    const close = async () => {
        await pool.query(`DROP TABLE IF EXISTS ${tableName}`);
        await pool.end();
    };
    return { store: open(), reopen: open, close };
}

async function whyUnreachable(): Promise<string | undefined> {
    const client = new pg.Client({ ...server, connectionTimeoutMillis: 2_000 });
    try {
        await client.connect();
        await client.query('SELECT 1');
        return undefined;
    } catch (error) {
        return error instanceof Error ? error.message : String(error);
    } finally {
        await client.end().catch(() => undefined);
    }
}
