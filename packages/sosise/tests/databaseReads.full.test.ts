import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { recordWith } from './helpers/inside/Contract.js';
import { openDatabaseStore } from './helpers/inside/Session/Stores/Database.js';
import { onPostgres } from './helpers/onPostgres.js';
import { ownTable } from './helpers/ownTable.js';
import { postgresServer } from './helpers/postgres.js';

const later = () => Date.now() + 60_000;
const RECORD = recordWith({ n: 1 });

/** A store on a table of its own, with a pool that counts the statements by which records are read. */
async function open(commandTimeoutMs = 5_000) {
    const own = ownTable();
    const pool = new pg.Pool({ ...postgresServer, max: 4 });
    let reads = 0;
    pool.on('connect', (client) => {
        const { query } = client;
        client.query = function counting(this: pg.PoolClient, ...args: unknown[]) {
            reads += Number(
                /^SELECT (?:key, )?record, version FROM \S+ WHERE key = /.test((args[0] as { text: string }).text),
            );
            return Reflect.apply(query, this, args);
        } as typeof client.query;
    });
    const { table } = own.options;
    const store = await openDatabaseStore({ pool, table, createTable: true, formerTable: false, commandTimeoutMs });
    onTestFinished(async () => {
        await store.close();
        await pool.end();
        await own.drop();
    });
    return { store, sql: own.sql, table: own.table, reads: () => reads };
}

await onPostgres('reads that wait for each other share a statement', () => {
    test('and each gets its own record, or none', async () => {
        const { store, reads } = await open();
        const keys = [
            'plain',
            "it's",
            'a"b',
            'back\\slash',
            'nul\0',
            '{a,b}',
            'NULL',
            '',
            'ü €',
            ...Array(40).keys(),
        ].map(String);
        for (const [n, key] of keys.entries()) {
            if (n % 3 !== 0) {
                await store.write(key, recordWith({ n }), undefined, later());
            }
        }
        const read = await Promise.all([...keys, ...keys].map(async (key) => store.read(key)));
        const found = read.map((stored) => stored && JSON.parse(stored.record).n);
        const expected = keys.map((_, n) => (n % 3 === 0 ? undefined : n));
        expect(found).toEqual([...expected, ...expected]);
        expect(reads()).toBe(1);
    });

    test('what is written before a read begins is in it, also where it waits', async () => {
        const { store } = await open();
        const reading = Array.from({ length: 20 }, async () => store.read('other'));
        await store.write('mine', RECORD, undefined, later());
        expect((await store.read('mine'))?.record).toBe(RECORD);
        expect(await Promise.all(reading)).toEqual(Array(20).fill(undefined));
    });

    describe('while the table is locked', () => {
        test('all fail in time, those that wait for others too, and go on when it is free', async () => {
            const { store, table } = await open(400);
            await store.write('one', RECORD, undefined, later());
            const holder = new pg.Client(postgresServer);
            await holder.connect();
            onTestFinished(() => holder.end());
            await holder.query('BEGIN');
            await holder.query(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
            const started = performance.now();
            const reads = await Promise.allSettled(Array.from({ length: 10 }, async () => store.read('one')));
            expect(reads.map(({ status }) => status)).toEqual(Array(10).fill('rejected'));
            expect(performance.now() - started).toBeLessThan(390 + 400);
            await holder.query('ROLLBACK');
            await expect.poll(async () => store.read('one'), { timeout: 5_000 }).toMatchObject({ record: RECORD });
        });
    });
});
