import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import session from 'express-session';
import sessionFileStore from 'session-file-store';
import { test } from 'vitest';
import { PostgresTable, serversAreRequired, whyNoPostgres } from '../helpers/postgres.js';
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

const unreachable = await whyNoPostgres();
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
} else {
    test.skipIf(!serversAreRequired)('connect-pg-simple on a real PostgreSQL', () => {
        throw new Error(`PostgreSQL is required here (SOSISE_REQUIRE_SERVERS=1): ${unreachable}`);
    });
    console.log(`Skipped: connect-pg-simple, as no PostgreSQL answers: ${unreachable}`);
}

async function onPostgres(): Promise<StoreHandles> {
    const table = await new PostgresTable(`sosise_contract_${process.pid}_${++tables}`).create();
    return { store: table.open(), reopen: () => table.open(), close: () => table.drop() };
}
