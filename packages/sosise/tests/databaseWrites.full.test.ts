import { setImmediate } from 'node:timers/promises';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { recordWith } from './helpers/inside/Contract.js';
import { openDatabaseStore } from './helpers/inside/Session/Stores/Database.js';
import { inTime } from './helpers/inside/Support.js';
import { onPostgres } from './helpers/onPostgres.js';
import { ownTable } from './helpers/ownTable.js';
import { notingPool, postgresServer } from './helpers/postgres.js';

const LIMIT_MS = 1_000;
const RECORD = recordWith({ n: 1 });
const later = () => Date.now() + 60_000;

/** A store with two connections, whose pool notes its writes, and somebody else in the middle of a transaction. */
async function open() {
    const own = ownTable();
    const { pool, asked: written } = notingPool(2, /^(?:INSERT|UPDATE) .*record/);
    const { table } = own;
    const options = { table, createTable: true, formerTable: false, commandTimeoutMs: LIMIT_MS } as const;
    const store = await openDatabaseStore({ pool, ...options });
    const other = new pg.Client(postgresServer);
    onTestFinished(async () => {
        await other.end();
        await store.close();
        await pool.end();
        await own.drop();
    });
    await other.connect();
    await other.query('BEGIN');
    written.length = 0;
    return { store, other, pool, table, written };
}

await onPostgres('a write has one time for all that it waits for', () => {
    test('also where it waits behind one that a locked table holds up', async () => {
        const { store, other, table, written } = await open();
        await other.query(`LOCK TABLE ${table} IN EXCLUSIVE MODE`); // reads go on, and the server does not count as silent
        const first = Promise.resolve(store.write('one', RECORD, undefined, later()));
        await expect.poll(() => written).toHaveLength(1);
        await store.read('one');
        const told: string[] = [];
        const behind = ['two', 'three', 'four'].map(async (key) => {
            await expect(store.write(key, RECORD, undefined, later())).rejects.toThrow(/did not answer/);
            told.push(key);
        });
        const limit = inTime(new Promise(() => undefined), LIMIT_MS, () => new Error('as long as it may take'));
        await expect(first).rejects.toThrow(/did not answer/);
        await expect(limit).rejects.toThrow(/as long as/);
        await setImmediate();
        expect(told.toSorted()).toEqual(['four', 'three', 'two']);
        await Promise.all(behind);
    });

    describe('and when that is over', () => {
        test('it is sent no more, though its statement gets a connection then', async () => {
            const { store, other, pool, table, written } = await open();
            await other.query(`INSERT INTO ${table} VALUES ('one', '', 1, 1, 1)`); // who makes the same waits for its end
            const first = expect(store.write('one', RECORD, undefined, later())).rejects.toThrow(/did not answer/);
            await expect.poll(() => written).toHaveLength(1);
            await store.read('two'); // the server answers: it does not count as silent
            const { connect } = pool;
            const asked: (() => void)[] = [];
            pool.connect = ((...args: unknown[]) =>
                void asked.push(() => Reflect.apply(connect, pool, args))) as typeof pool.connect;
            const second = expect(store.write('two', RECORD, undefined, later())).rejects.toThrow(/did not answer/);
            await Promise.all([first, second]);
            await expect.poll(() => asked).toHaveLength(1); // its statement waits for a connection
            pool.connect = connect;
            asked[0]?.();
            expect(await store.read('two')).toBeUndefined();
            expect(written).toHaveLength(1);
            await other.query('ROLLBACK');
            expect(await store.write('three', RECORD, undefined, later())).toBeDefined();
            expect(await store.read('two')).toBeUndefined();
        });
    });
});
