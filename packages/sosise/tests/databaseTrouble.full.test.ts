import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import pg from 'pg';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Browser } from './helpers/Browser.js';
import { openDatabaseStore } from './helpers/inside/Session/Stores/Database.js';
import { exclusive } from './helpers/inside/Session.js';
import { onCluster } from './helpers/onPostgres.js';
import { type SessionApp, SessionManager, sessionApp } from './helpers/sessionApp.js';
import {
    addOne,
    countingRoutes,
    expectTrouble as expectTroubleOf,
    recovery as recoveryOf,
    visitorOf,
} from './helpers/storeInTrouble.js';

const LIMIT_MS = 300;
/** How long after the server's return everything has to work again. */
const RECOVERS_MS = 2_000;
let tables = 0;

function appOn(
    database: Record<string, unknown>,
    {
        boot,
        concurrency = 'merge',
    }: { boot?: (app: { container: SessionApp['app']['container'] }) => void; concurrency?: string } = {},
): Promise<SessionApp> {
    tables += 1;
    return sessionApp({
        session: {
            driver: 'database',
            drivers: { database: { commandTimeoutMs: LIMIT_MS, table: `sessions_${tables}`, ...database } },
            concurrency,
        },
        routes: (router) => {
            countingRoutes(router);
            router.post('/exclusive', exclusive(), addOne);
        },
        ...(boot && { boot }),
    });
}

const expectTrouble = (browser: Browser, { reads = true } = {}) =>
    expectTroubleOf(browser, { reads, withinMs: LIMIT_MS + 4_000 });
const recovery = (browser: Browser) => recoveryOf(browser, RECOVERS_MS + 1_000);

/** Somebody else in the middle of a transaction; gone with the test. */
async function inTransaction(options: pg.ClientConfig): Promise<pg.Client> {
    const client = new pg.Client(options);
    client.on('error', () => undefined);
    onTestFinished(() => client.end());
    await client.connect();
    await client.query('BEGIN');
    return client;
}

const logged = (app: SessionApp) => inspect(app.log, { depth: null });

await onCluster('when PostgreSQL is in trouble', (cluster) => {
    test('and frozen, requests are answered in time; once it goes on, so do they', async () => {
        const app = await appOn(cluster.options);
        const browser = await visitorOf(app);
        cluster.freeze();
        await expectTrouble(browser);
        const many = await Promise.all(Array.from({ length: 200 }, () => browser.copy().visit('/read')));
        expect(many.every(({ status }) => status === 503)).toBe(true);
        cluster.thaw();
        await recovery(browser);
        expect(app.log.filter(({ message }) => /does not answer within 300 ms/.test(message))).toHaveLength(1);
        expect(logged(app)).not.toContain('sha256-');
        const [row] = await cluster.sql(
            "SELECT count(*)::int AS n FROM pg_stat_activity WHERE backend_type = 'client backend'",
        );
        expect(row?.['n'], 'connections were not piled up').toBeLessThan(20);
    });

    test('and frozen, requests fail at once as soon as that is known, and those without a session go on', async () => {
        const app = await appOn({ ...cluster.options, commandTimeoutMs: 1_500 });
        const browser = await visitorOf(app);
        cluster.freeze();
        expect((await browser.copy().visit('/read')).status).toBe(503);
        const begin = performance.now();
        expect((await browser.copy().visit('/no-such-route')).status).toBe(404);
        expect((await browser.copy().visit('/read')).status).toBe(503);
        expect(performance.now() - begin).toBeLessThan(1_500);
        cluster.thaw();
        await recovery(browser);
    });

    test('and frozen, a store that was closed meanwhile asks for it no more', async () => {
        const pool = new pg.Pool({ ...cluster.options, max: 3 });
        onTestFinished(() => pool.end());
        const table = `sessions_${tables}`;
        const store = await openDatabaseStore({ pool, table, createTable: true, commandTimeoutMs: LIMIT_MS });
        cluster.freeze();
        onTestFinished(() => cluster.thaw());
        const reading = store.read('one');
        await setImmediate(); // it is under way
        await store.close();
        const connect = vi.spyOn(pool, 'connect');
        await expect(reading).rejects.toThrow(/did not answer/);
        expect(connect).not.toHaveBeenCalled();
    });

    test('and killed, requests are answered, and the process connects again by itself', async () => {
        const app = await appOn(cluster.options);
        const browser = await visitorOf(app);
        await cluster.kill();
        await expectTrouble(browser);
        await sleep(LIMIT_MS);
        await expectTrouble(browser);
        await cluster.start();
        await recovery(browser);
        expect(logged(app)).not.toContain('sha256-');
    });

    test('and restarted within a moment, nobody hears of it', async () => {
        const app = await appOn({ ...cluster.options, commandTimeoutMs: 1_900 });
        const browser = await visitorOf(app);
        await cluster.shutDown();
        const waiting = Promise.all(Array.from({ length: 10 }, () => browser.copy().visit('/read')));
        await cluster.start();
        expect((await waiting).map(({ status }) => status)).toEqual(Array(10).fill(200));
    });

    test('and its connections are ended, nobody hears of it either', async () => {
        const app = await appOn({ ...cluster.options, commandTimeoutMs: 1_900 });
        const browser = await visitorOf(app);
        for (let round = 0; round < 5; round += 1) {
            const load = Promise.all(Array.from({ length: 20 }, () => browser.copy().visit('/read')));
            await cluster.terminateBackends();
            expect((await load).map(({ status }) => status)).toEqual(Array(20).fill(200));
        }
    });

    test('and a pool of the application loses its connections, the process lives on', async () => {
        const pool = new pg.Pool({ ...cluster.options, max: 3 });
        onTestFinished(() => pool.end());
        const app = await appOn(
            { createTable: true },
            {
                boot: ({ container }) =>
                    void container.make(SessionManager).configure('database', { pool: () => pool }),
            },
        );
        const browser = await visitorOf(app);
        await cluster.terminateBackends();
        await cluster.kill();
        await expectTrouble(browser);
        await cluster.start();
        await recovery(browser);
    });

    test('and one record is locked by somebody, the others are served meanwhile', async () => {
        const app = await appOn(cluster.options);
        const [stuck, free] = [await visitorOf(app), await visitorOf(app)];
        const client = await inTransaction(cluster.options);
        await client.query(
            `SELECT 1 FROM sessions_${tables} WHERE key LIKE 'sha256-%' ORDER BY written_at LIMIT 1 FOR UPDATE`,
        );
        const [{ status }, ...others] = await Promise.all([
            stuck.visit('/add', { method: 'POST' }),
            ...Array.from({ length: 10 }, () => free.visit('/read')),
        ]);
        expect(status).toBe(503);
        expect(others.map((other) => other.status)).toEqual(Array(10).fill(200));
        await client.query('ROLLBACK');
        await recovery(stuck);
    });

    test('and slow, a request fails in time or is answered', async () => {
        const app = await appOn(cluster.options);
        const browser = await visitorOf(app);
        const client = await inTransaction(cluster.options);
        await client.query(`LOCK TABLE sessions_${tables}`);
        await expectTrouble(browser);
        await Promise.all(Array.from({ length: 100 }, () => browser.copy().visit('/read')));
        const [row] = await client
            .query("SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            .then(({ rows }) => rows);
        expect(row?.n, 'what waits there does not pile up').toBeLessThan(15);
        await client.query('ROLLBACK');
        await recovery(browser);
    });

    test('and read-only, as a replica is, what is stored is read, and changes are a 503 until it is not', async () => {
        const browser = await visitorOf(await appOn(cluster.options));
        await cluster.sql('ALTER SYSTEM SET default_transaction_read_only = on');
        await cluster.sql('SELECT pg_reload_conf()');
        await vi.waitFor(async () => expect((await browser.visit('/add', { method: 'POST' })).status).toBe(503));
        await expectTrouble(browser, { reads: false });
        expect((await browser.visit('/read')).status).toBe(200);
        await cluster.sql('BEGIN READ WRITE; COMMIT');
        await cluster.sql('ALTER SYSTEM RESET default_transaction_read_only');
        await cluster.sql('SELECT pg_reload_conf()');
        await recovery(browser);
    });

    test('and out of connections, those that there are go on', async () => {
        const app = await appOn({ ...cluster.options, user: 'shop', max: 20 });
        const browser = await visitorOf(app);
        await cluster.sql('ALTER ROLE shop CONNECTION LIMIT 2');
        onTestFinished(() => cluster.sql('ALTER ROLE shop CONNECTION LIMIT -1').then(() => undefined));
        const answers = await Promise.all(Array.from({ length: 40 }, () => browser.copy().visit('/read')));
        expect(answers.map(({ status }) => status)).toEqual(Array(40).fill(200));
        await cluster.sql('ALTER ROLE shop CONNECTION LIMIT 0');
        await cluster.terminateBackends();
        await expectTrouble(browser);
        await cluster.sql('ALTER ROLE shop CONNECTION LIMIT -1');
        await recovery(browser);
    });

    test('and its table is gone, or may not be used any more, requests are a 503', async () => {
        const app = await appOn({ ...cluster.options, user: 'shop' });
        const browser = await visitorOf(app);
        const table = `sessions_${tables}`;
        await cluster.sql(`ALTER TABLE ${table} RENAME TO elsewhere`);
        await expectTrouble(browser);
        await cluster.sql(`ALTER TABLE elsewhere RENAME TO ${table}`);
        await recovery(browser);
        await cluster.sql(`ALTER TABLE ${table} OWNER TO postgres`);
        await expectTrouble(browser);
        await cluster.sql(`ALTER TABLE ${table} OWNER TO shop`);
        await recovery(browser);
    });

    test('a lock that its holder could not give back ends by itself', async () => {
        const app = await appOn(cluster.options);
        const browser = await visitorOf(app);
        await browser.visit('/exclusive', { method: 'POST' });
        expect(await cluster.sql(`SELECT key FROM sessions_${tables} WHERE key LIKE '~lock%'`)).toEqual([]);
        expect(await browser.json('/read')).toEqual({ n: 2 });
    });

    test('start-up waits for a server that is only just starting', async () => {
        await cluster.kill();
        const opening = openDatabaseStore({ ...cluster.options, createTable: true, connectTimeoutMs: 20_000 });
        await sleep(150);
        await cluster.start();
        const store = await opening;
        await store.check();
        await store.close();
    });
});
