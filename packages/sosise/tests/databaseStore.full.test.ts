import connectPgSimple from 'connect-pg-simple';
import { sign } from 'cookie-signature';
import session, { type SessionData } from 'express-session';
import pg from 'pg';
import { SessionRegistry } from 'sosise';
import { describe, expect, onTestFinished, test } from 'vitest';
import { recordWith, sessionWith } from './helpers/inside/Contract.js';
import { keyOf } from './helpers/inside/Session/Record.js';
import { type DatabaseStore, openDatabaseStore } from './helpers/inside/Session/Stores/Database.js';
import { login } from './helpers/inside/Session.js';
import { testSessionStore } from './helpers/inside/Testing.js';
import { expectSessionsAlone, keysOf } from './helpers/keysOf.js';
import { onPostgres } from './helpers/onPostgres.js';
import { type OwnTable, ownTable } from './helpers/ownTable.js';
import { notingPool, postgresServer } from './helpers/postgres.js';
import { SECRET, SessionManager, sessionApp } from './helpers/sessionApp.js';

const HOUR = 3_600_000;
const later = () => Date.now() + 60_000;

/** A store on a table of its own, both gone with the test. */
async function open(
    more: OwnTable['options'] = {},
    shared = ownTable(more),
): Promise<OwnTable & { store: DatabaseStore }> {
    const store = await openDatabaseStore(shared.options);
    onTestFinished(async () => {
        await store.close();
        await shared.drop();
    });
    return { ...shared, store };
}

await onPostgres('the database driver on PostgreSQL', () => {
    testSessionStore(
        'database driver on PostgreSQL',
        async () => {
            const { options, drop } = ownTable();
            const reopen = () => openDatabaseStore(options);
            return { store: await reopen(), reopen, close: drop };
        },
        { lacks: [] },
    );

    describe('between processes', () => {
        test('a lease of a process that died ends by itself, by the clock of the database', async () => {
            const { store, sql } = await open();
            await sql(
                "INSERT INTO {} VALUES ('~lock:one', '', 7, 0, (extract(epoch FROM clock_timestamp()) * 1000)::bigint + 500)",
            );
            expect(await store.lock('one', 50)).toBeUndefined();
            const lease = await store.lock('one', 5_000);
            expect(lease).toBeDefined();
            await lease?.release();
            expect(await sql("SELECT key FROM {} WHERE key LIKE '~lock%'")).toEqual([]);
        });

        test('a lease that ran out is neither renewed nor given back over the next owner', async () => {
            const { store, sql } = await open();
            const lease = await store.lock('one', 1_000);
            await sql("UPDATE {} SET version = 7 WHERE key = '~lock:one'");
            expect(await lease?.isHeld?.(true)).toBe(false);
            await lease?.release();
            expect(await sql("SELECT version FROM {} WHERE key = '~lock:one'")).toEqual([{ version: '7' }]);
        });

        test('one of them walks through the records, once in every interval', async () => {
            const { store, options } = await open();
            const others = await Promise.all([1, 2].map(() => openDatabaseStore(options)));
            const turns = await Promise.all([store, ...others].map((each) => each.mayWalk(60_000)));
            expect(turns.filter(Boolean)).toHaveLength(1);
            await Promise.all(others.map((other) => other.close()));
        });

        test('a record that was removed and made again is another one to whoever knew the first', async () => {
            const { store } = await open();
            const first = await store.write('one', recordWith({ n: 1 }), undefined, later());
            await store.remove('one', first);
            await store.write('one', recordWith({ n: 2 }), undefined, later());
            expect(await store.write('one', recordWith({ n: 3 }), first, later())).toBeUndefined();
            expect(await store.remove('one', first)).toBe(false);
        });

        test('nothing is lost where the isolation of the database is stricter than PostgreSQL’s own', async () => {
            const { store } = await open({ options: '-c default_transaction_isolation=serializable' });
            const version = await store.write('one', recordWith({ n: 0 }), undefined, later());
            const writes = await Promise.all(
                Array.from({ length: 20 }, (_, n) => store.write('one', recordWith({ n }), version, later())),
            );
            expect(writes.filter((written) => written !== undefined)).toHaveLength(1);
        });
    });

    test('a read, a change and a new session are one round trip each', async () => {
        const { options, drop } = ownTable();
        const pool = new pg.Pool({ ...postgresServer, max: 4 });
        onTestFinished(async () => {
            await pool.end();
            await drop();
        });
        const asked: string[] = [];
        pool.on('connect', (client) => {
            const { query } = client;
            client.query = function counting(this: pg.PoolClient, ...args: unknown[]) {
                asked.push((args[0] as { text: string }).text.split(' ')[0] as string);
                return Reflect.apply(query, this, args);
            } as typeof client.query;
        });
        const app = await sessionApp({
            session: { driver: 'database', drivers: { database: { table: options.table, formerTable: false } } },
            routes: (router) => {
                router.get('/read', (request, response) => void response.json(request.session['n']));
                router.post('/add', (request, response) => {
                    request.session['n'] = Number(request.session['n'] ?? 0) + 1;
                    response.json(request.session['n']);
                });
            },
            boot: ({ container }) => void container.make(SessionManager).configure('database', { pool }),
        });
        const browser = app.browser();
        const during = async (path: string, method: string) => {
            asked.length = 0;
            await browser.visit(path, { method });
            return asked.join(' ');
        };
        expect(await during('/add', 'POST')).toBe('INSERT');
        expect(await during('/add', 'POST')).toBe('SELECT UPDATE');
        expect(await during('/read', 'GET')).toBe('SELECT');
        await app.close();
        expect((await pool.query({ text: 'SELECT 1' })).rowCount, 'the application’s pool stays open').toBe(1);
    });

    describe('writes that wait for each other share a statement', () => {
        /** A pool that notes what is asked of it, and a store on it. */
        async function noting(write: (store: DatabaseStore, table: OwnTable) => Promise<void>): Promise<string[]> {
            const own = ownTable();
            const { pool, asked } = notingPool(4);
            const store = await openDatabaseStore({
                pool,
                table: own.options.table,
                createTable: true,
                formerTable: false,
            });
            onTestFinished(async () => {
                await store.close();
                await pool.end();
                await own.drop();
            });
            await write(store, own);
            return asked.filter((text) => /^(?:INSERT|UPDATE)/.test(text) && /record = |record,/.test(text));
        }

        test('of new sessions, and of changes, each with its own outcome', async () => {
            const texts = await noting(async (store) => {
                const keys = Array.from({ length: 50 }, (_, n) => `k${n}`);
                const records = Array.from({ length: 150 }, (_, n) => recordWith({ n, text: `"\\', {}NULL` }));
                const record = (n: number) => records[n] as string;
                const made = await Promise.all(keys.map((key, n) => store.write(key, record(n), undefined, later())));
                expect(new Set(made).size).toBe(50);
                const again = keys.map((key) => store.write(key, record(0), undefined, later()));
                expect(await Promise.all(again), 'each is there already').toEqual(Array(50).fill(undefined));
                const replaced = [...made.slice(0, 25), ...made.slice(0, 25)]; // half of them have other versions
                const changed = await Promise.all(
                    keys.map((key, n) => store.write(key, record(n + 100), replaced[n], later())),
                );
                expect(changed.slice(0, 25)).not.toContain(undefined);
                expect(changed.slice(25)).toEqual(Array(25).fill(undefined));
                const stored = await Promise.all(keys.map(async (key) => store.read(key)));
                expect(stored).toEqual(
                    keys.map((_, n) => ({
                        record: record(n < 25 ? n + 100 : n),
                        version: n < 25 ? changed[n] : made[n],
                    })),
                );
            });
            const many = texts.filter((text) => text.includes('unnest'));
            expect(many, 'one for each 50').toHaveLength(3);
            expect(texts, 'one each for those that failed, and one at the start').toHaveLength(3 + 75 + 1);
        });

        test('of one session: one of them wins', async () => {
            await noting(async (store) => {
                const version = await store.write('one', recordWith({ n: 0 }), undefined, later());
                const writes = await Promise.all(
                    Array.from({ length: 40 }, (_, n) => store.write('one', recordWith({ n }), version, later())),
                );
                const winners = writes.filter((written) => written !== undefined);
                expect(winners).toHaveLength(1);
                expect((await store.read('one'))?.version).toBe(winners[0]);
            });
        });

        test('and none waits for a row that somebody else works on', async () => {
            await noting(async (store, { table }) => {
                const keys = Array.from({ length: 20 }, (_, n) => `k${n}`);
                const record = recordWith({});
                const made = await Promise.all(keys.map((key) => store.write(key, record, undefined, later())));
                const client = new pg.Client(postgresServer);
                await client.connect();
                await client.query('BEGIN');
                await client.query(`SELECT 1 FROM ${table} WHERE key IN ('k0', 'k1', 'k7') FOR UPDATE`);
                const writes = keys.map((key, n) => store.write(key, record, made[n], later()));
                const others = await Promise.all(writes.filter((_, n) => ![0, 1, 7].includes(n)));
                expect(others).not.toContain(undefined);
                await client.query('ROLLBACK');
                await client.end();
                expect(await Promise.all(writes)).not.toContain(undefined);
            });
        });

        test('and one that the server refuses takes no other with it', async () => {
            await noting(async (store) => {
                const writes = await Promise.allSettled(
                    Array.from({ length: 20 }, (_, n) =>
                        store.write(
                            `k${n}`,
                            n === 7 ? 'no text of PostgreSQL\0' : recordWith({ n }),
                            undefined,
                            later(),
                        ),
                    ),
                );
                expect(writes.map(({ status }) => status)).toEqual(
                    writes.map((_, n) => (n === 7 ? 'rejected' : 'fulfilled')),
                );
                expect((await keysOf(store)).length).toBe(19);
            });
        });
    });

    describe('what it stores', () => {
        test('names no user: lists of sessions stand under a hash', async () => {
            const { options, table, sql, drop } = ownTable();
            onTestFinished(drop);
            const app = await sessionApp({
                session: { driver: 'database', drivers: { database: { ...options, table } } },
                routes: (router) =>
                    router.post('/login', async (request, response) => {
                        await login(request, 'anna@example.org');
                        response.json('in');
                    }),
            });
            await app.browser().visit('/login', { method: 'POST' });
            expect(await app.app.container.make(SessionRegistry).list('anna@example.org')).toHaveLength(1);
            const rows = await sql('SELECT key, record FROM {} WHERE key LIKE $1', ['user-%']);
            expect(rows).toHaveLength(1);
            expect(JSON.stringify(rows)).not.toContain('anna');
        });

        test('is listed without locks, and without what was set aside', async () => {
            await expectSessionsAlone((await open()).store);
        });

        test('and was set aside is kept for a person to look at, for as long as the config says', async () => {
            const { store, sql } = await open({ keepDamagedMs: 1 });
            await sql("INSERT INTO {} VALUES ('one', 'no JSON', 1, 0, 9e12)");
            expect(await store.setAside('one')).toBe(true);
            const aside = "SELECT record FROM {} WHERE key LIKE '~aside:%:one'";
            expect(await sql(aside)).toEqual([{ record: 'no JSON' }]);
            await new Promise((resolve) => setTimeout(resolve, 5));
            await store.tidy(0);
            expect(await sql(aside)).toEqual([]);
        });

        test('and has expired is removed in batches, but for what somebody works on', async () => {
            const { store, sql, table } = await open();
            await sql(
                "INSERT INTO {} SELECT 'k' || n, 'a record', n, 0, CASE WHEN n <= 1200 THEN 1 ELSE 9e12 END FROM generate_series(1, 1250) n",
            );
            const client = new pg.Client(postgresServer);
            await client.connect();
            await client.query('BEGIN');
            await client.query(`SELECT 1 FROM ${table} WHERE key = 'k7' FOR UPDATE`);
            const removed: string[] = [];
            await store.tidy(0, undefined, (record) => removed.push(record));
            await client.query('ROLLBACK');
            await client.end();
            expect(removed).toEqual(Array(1_199).fill('a record'));
            expect(await keysOf(store)).toHaveLength(51);
            expect(await keysOf(store)).toContain('k7');
        });

        test('and was changed stands beside its old self: the page has room, and no index is touched', async () => {
            const { options, sql, drop } = ownTable();
            onTestFinished(drop);
            const store = await openDatabaseStore(options);
            const record = recordWith({ text: 'x'.repeat(900) });
            const keys = Array.from({ length: 200 }, (_, n) => `k${n}`);
            const versions: unknown[] = keys.map(() => undefined);
            const everybody = keys.map((_, n) => n);
            const turns = Array.from({ length: 3 * 25 }, (_, turn) => everybody.filter((n) => n % 25 === turn % 25));
            for (const visitors of [everybody, ...turns]) {
                await Promise.all(
                    visitors.map(async (n) => {
                        versions[n] = await store.write(keys[n] as string, record, versions[n], later());
                    }),
                );
            }
            await store.close(); // the server counts what a connection did when it ends
            const counts =
                "SELECT n_tup_upd::int AS all, n_tup_hot_upd::int AS hot FROM pg_stat_user_tables WHERE relname = '{}'";
            await expect.poll(async () => (await sql(counts))[0]?.['all']).toBe(600);
            expect((await sql(counts))[0]?.['hot']).toBeGreaterThan(550);
        });
    });

    test('prepared statements are a choice', async () => {
        const { store } = await open({ prepare: true });
        const version = await store.write('one', recordWith({ n: 1 }), undefined, later());
        expect(await store.write('one', recordWith({ n: 2 }), version, later())).toBeDefined();
        expect((await store.read('one'))?.record).toContain('"n":2');
    });

    describe('beside connect-pg-simple', () => {
        const PgStore = connectPgSimple(session);

        /** Its own table, and a session in it. */
        async function stock(id: string, data: SessionData) {
            const former = ownTable();
            await former.sql(
                'CREATE TABLE {} (sid varchar PRIMARY KEY, sess json NOT NULL, expire timestamp(6) NOT NULL)',
            );
            const pool = new pg.Pool({ ...postgresServer, max: 2 });
            onTestFinished(async () => {
                await pool.end();
                await former.drop();
            });
            const store = new PgStore({ pool, tableName: former.table, pruneSessionInterval: false });
            await new Promise<void>((resolve, reject) =>
                store.set(id, data, (error?: unknown) => (error ? reject(error) : resolve())),
            );
            return former;
        }

        test('its sessions are taken over: nobody is logged out by the change', async () => {
            const former = await stock('plain-id', sessionWith({ who: 'anna' }, HOUR));
            const own = ownTable({ formerTable: former.table });
            onTestFinished(own.drop);
            const app = await sessionApp({
                session: { driver: 'database', drivers: { database: { ...own.options } }, idle: HOUR },
                routes: (router) =>
                    router.get('/who', (request, response) => void response.json(request.session['who'] ?? null)),
            });
            const browser = app.browser();
            browser.cookies.set('sosise', encodeURIComponent(`s:${sign('plain-id', SECRET)}`));
            expect(await browser.json('/who')).toBe('anna');
            expect(await former.sql('SELECT sid FROM {}'), 'it moved to its key').toEqual([]);
            expect(await own.sql("SELECT key FROM {} WHERE key NOT LIKE '~%'")).toEqual([{ key: keyOf('plain-id') }]);
            expect(await browser.json('/who')).toBe('anna');
            await former.drop();
            expect(await app.browser().json('/who'), 'and the table may go').toBe(null);
        });

        test('they are listed, ended and set aside where they stand', async () => {
            const former = await stock('one', sessionWith({ n: 1 }, HOUR));
            await former.sql("INSERT INTO {} SELECT 'two', sess, expire FROM {}");
            await former.sql("INSERT INTO {} SELECT 'three', '[1]', expire FROM {} LIMIT 1");
            await former.sql("INSERT INTO {} SELECT 'old', sess, now() - interval '1 hour' FROM {} LIMIT 1");
            const { store, sql } = await open({ formerTable: former.table });
            expect(await keysOf(store)).toEqual(['one', 'three', 'two']);
            const [one, two] = [await store.read('one'), await store.read('two')];
            expect(await store.read('old')).toBeUndefined();
            expect(await store.write('one', 'a tombstone', 'another text', later())).toBeUndefined();
            const version = await store.write('one', 'a tombstone', one?.version, later());
            expect(await store.read('one')).toEqual({ record: 'a tombstone', version });
            expect(await store.remove('two', two?.version)).toBe(true);
            expect(await store.remove('two', two?.version)).toBe(false);
            expect(await store.setAside('three')).toBe(true);
            expect(await sql("SELECT record FROM {} WHERE key LIKE '~aside:%'")).toEqual([{ record: '[1]' }]);
            expect(await former.sql('SELECT sid FROM {}')).toEqual([{ sid: 'old' }]);
        });

        test('a session that it kept alive by touching alone counts as used', async () => {
            const former = await stock('one', sessionWith({ who: 'anna' }, HOUR));
            await former.sql("UPDATE {} SET expire = now() + interval '59 minutes'");
            const { store } = await open({ formerTable: former.table });
            const { record = '{}' } = (await store.read('one')) ?? {};
            expect(Math.abs(Number(JSON.parse(record).__lastAccess) - (Date.now() - 60_000))).toBeLessThan(30_000);
        });
    });
});
