import { EventEmitter, once } from 'node:events';
import { RedisStore as StockRedisStore } from 'connect-redis';
import { sign } from 'cookie-signature';
import { createClient } from 'redis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { recordWith, sessionWith } from './helpers/inside/Contract.js';
import { DamagedRecordError, keyOf } from './helpers/inside/Session/Record.js';
import { RedisStore, type RedisStoreOptions } from './helpers/inside/Session/Stores/Redis.js';
import { exclusive, login } from './helpers/inside/Session.js';
import { testSessionStore } from './helpers/inside/Testing.js';
import { expectSessionsAlone, keysOf } from './helpers/keysOf.js';
import { onRedis } from './helpers/onRedis.js';
import type { RedisServer } from './helpers/redis.js';
import { SECRET, type SessionApp, sessionApp } from './helpers/sessionApp.js';

const later = () => Date.now() + 60_000;
let prefixes = 0;

/** A store with keys of its own. */
async function open(server: RedisServer, options: RedisStoreOptions = {}): Promise<RedisStore> {
    const store = await RedisStore.open({ ...server.options, prefix: `p${++prefixes}:`, ...options });
    onTestFinished(() => store.close());
    return store;
}

await onRedis('the redis driver', (server) => {
    testSessionStore(
        'redis driver',
        async () => {
            const prefix = `contract${++prefixes}:`;
            const reopen = () => RedisStore.open({ ...server.options, prefix });
            return { store: await reopen(), reopen };
        },
        { lacks: [] },
    );

    describe('between processes', () => {
        test('a lease of a process that died ends by itself, and one that is held lasts', async () => {
            const prefix = 'leases:';
            const [mine, other] = [await open(server, { prefix }), await open(server, { prefix })];
            server.cli('SET', `${prefix}~lock:one`, 'somebody who died', 'PX', '500');
            const lease = await mine.lock('one', 5_000);
            expect(lease).toBeDefined();
            expect(await other.lock('one', 50)).toBeUndefined();
            await lease?.release();
        });

        test('a lease that ran out is not given back over the next owner', async () => {
            const store = await open(server);
            const lease = await store.lock('one', 1_000);
            server.cli('SET', `p${prefixes}:~lock:one`, 'the next owner');
            await lease?.release();
            expect(server.cli('GET', `p${prefixes}:~lock:one`)).toBe('the next owner');
        });

        test('who lost the lease to another request stores nothing of what it did under it', async () => {
            const events = new EventEmitter();
            const apps = await Promise.all(
                [1, 2].map(() =>
                    sessionApp({
                        session: { driver: 'redis', drivers: { redis: { ...server.options, prefix: 'lost:' } } },
                        routes: (router) => {
                            router.post('/begin', (request, response) => {
                                request.session['n'] = 0;
                                response.json('begun');
                            });
                            router.post('/add', exclusive(), async (request, response) => {
                                const n = Number(request.session['n']);
                                if (request.query['waits']) {
                                    events.emit('waits');
                                    await once(events, 'go on');
                                }
                                request.session['n'] = n + 1;
                                response.json(n + 1);
                            });
                            router.post('/login', exclusive(), async (request, response) => {
                                const n = Number(request.session['n']);
                                events.emit('waits');
                                await once(events, 'go on');
                                request.session['n'] = n + 1;
                                await login(request, 'anna');
                                response.json(n + 1);
                            });
                            router.get('/n', (request, response) => void response.json(request.session['n']));
                        },
                    }),
                ),
            );
            const browser = (apps[0] as SessionApp).browser();
            await browser.visit('/begin', { method: 'POST' });
            const other = (apps[1] as SessionApp).browser();
            for (const [name, value] of browser.cookies) {
                other.cookies.set(name, value);
            }
            let n = 0;
            for (const path of ['/add?waits=1', '/login']) {
                const waits = once(events, 'waits');
                const first = browser.visit(path, { method: 'POST' });
                await waits;
                server.cli('DEL', ...server.cli('KEYS', 'lost:~lock:*').split('\n')); // as when its process is stopped for long
                expect(await other.json('/add', { method: 'POST' })).toBe(++n);
                expect(await other.json('/add', { method: 'POST' })).toBe(++n);
                events.emit('go on');
                expect((await first).status, path).toBe(503);
                expect(await browser.json('/n')).toBe(n);
            }
        });

        test('one of them walks through the records, once in every interval', async () => {
            const prefix = `p${++prefixes}:`;
            const stores = await Promise.all([1, 2, 3].map(() => open(server, { prefix })));
            const turns = await Promise.all(stores.map((store) => store.mayWalk(60_000)));
            expect(turns.filter(Boolean)).toHaveLength(1);
            const later = await open(server, { prefix: `p${++prefixes}:` });
            expect(await later.mayWalk(50)).toBe(true);
            await expect.poll(() => later.mayWalk(50)).toBe(true);
        });

        test('a server that forgot the scripts is told them again', async () => {
            const store = await open(server);
            const version = await store.write('one', recordWith({ n: 1 }), undefined, later());
            server.cli('SCRIPT', 'FLUSH');
            expect(await store.write('one', recordWith({ n: 2 }), version, later())).toBeDefined();
        });
    });

    describe('what it stores', () => {
        test('is one key per session, which Redis drops by itself at its end', async () => {
            const store = await open(server);
            await store.write('one', recordWith({ n: 1 }), undefined, Date.now() + 5_000);
            const ttl = Number(server.cli('PTTL', `p${prefixes}:one`));
            expect(ttl).toBeGreaterThan(4_000);
            expect(ttl).toBeLessThanOrEqual(5_000);
        });

        test.each([
            ['short', 10],
            ['long', 50_000],
        ])(
            'is compared as a whole: a %s record that only ends otherwise is another version',
            async (_which, length) => {
                const store = await open(server);
                const version = await store.write('one', recordWith({ text: 'ü'.repeat(length) }), undefined, later());
                server.cli('APPEND', `p${prefixes}:one`, ' ');
                expect(await store.write('one', recordWith({}), version, later())).toBeUndefined();
                expect(await store.remove('one', version)).toBe(false);
            },
        );

        test('lies under names that a pattern can not confuse', async () => {
            const [odd, other] = [
                await open(server, { prefix: 'a[b]*?:' }),
                await open(server, { prefix: 'ab-anything:' }),
            ];
            await odd.write('one', recordWith({}), undefined, later());
            await other.write('two', recordWith({}), undefined, later());
            expect(await keysOf(odd)).toEqual(['one']);
        });

        test('is listed without locks, and without what was set aside', async () => {
            const store = await open(server);
            await expectSessionsAlone(store);
            expect(await store.length()).toBe(1);
        });

        test('and was set aside is kept for a person to look at, for as long as the config says', async () => {
            const store = await open(server, { keepDamagedMs: 60_000 });
            server.cli('SET', `p${prefixes}:one`, 'no JSON');
            expect(await store.setAside('one')).toBe(true);
            const [key = ''] = server.cli('KEYS', `p${prefixes}:~aside:*`).split('\n');
            expect(server.cli('GET', key)).toBe('no JSON');
            expect(Number(server.cli('PTTL', key))).toBeGreaterThan(50_000);
        });

        test.each([
            ['a list', ['RPUSH', 'x']],
            ['bytes that are no text', ['SETRANGE', '0', '{"\xff\xfe":1}']],
        ])('and can not be a session is a damaged record: %s', async (_what, [command = '', ...args]) => {
            const store = await open(server);
            const key = `p${prefixes}:one`;
            if (command === 'SETRANGE') {
                const client = await createClient({ socket: server.options }).connect();
                await client.set(key, Buffer.from('{"__lastAccess":1,"\xff":1}', 'latin1'));
                client.destroy();
            } else {
                server.cli(command, key, ...args);
            }
            await expect(store.read('one')).rejects.toThrow(DamagedRecordError);
            expect(await store.setAside('one')).toBe(true);
            expect(await store.read('one')).toBeUndefined();
        });

        test('keeps a sign that stands for broken text, where the visitor typed it', async () => {
            const store = await open(server);
            await store.write('one', recordWith({ text: 'a \uFFFD b' }), undefined, later());
            expect(JSON.parse((await store.read('one'))?.record ?? '').text).toBe('a \uFFFD b');
        });

        test('goes through the serializer of the options, both ways', async () => {
            const serializer = {
                stringify: (session: object) => Buffer.from(JSON.stringify(session)).toString('base64'),
                parse: async (text: string) => JSON.parse(Buffer.from(text, 'base64').toString()) as object,
            };
            const store = await open(server, { serializer });
            const version = await store.write('one', recordWith({ n: 1 }), undefined, later());
            expect(server.cli('GET', `p${prefixes}:one`)).toMatch(/^[\w+/]+=*$/);
            expect(JSON.parse((await store.read('one'))?.record ?? '')).toMatchObject({ n: 1 });
            expect(await store.write('one', recordWith({ n: 2 }), version, later())).toBeDefined();
            server.cli('SET', `p${prefixes}:two`, 'no base64 of JSON');
            await expect(store.read('two')).rejects.toThrow(DamagedRecordError);
        });
    });

    describe('beside stock connect-redis', () => {
        const HOUR = 3_600_000;

        async function stock(options: object = {}) {
            const client = await createClient({ socket: server.options }).connect();
            onTestFinished(() => client.destroy());
            return new StockRedisStore({ client, prefix: `p${++prefixes}:`, ...options });
        }

        test('its sessions are taken over: nobody is logged out by the change', async () => {
            const theirs = await stock();
            await theirs.set('plain-id', sessionWith({ who: 'anna' }, HOUR));
            const app = await sessionApp({
                session: {
                    driver: 'redis',
                    drivers: { redis: { ...server.options, prefix: theirs.prefix } },
                    idle: HOUR,
                },
                routes: (router) =>
                    router.get('/who', (request, response) => void response.json(request.session['who'])),
            });
            const browser = app.browser();
            browser.cookies.set('sosise', encodeURIComponent(`s:${sign('plain-id', SECRET)}`));
            expect(await browser.json('/who')).toBe('anna');
            expect(server.cli('EXISTS', `${theirs.prefix}plain-id`), 'it moved to its key').toBe('0');
            expect(server.cli('EXISTS', `${theirs.prefix}${keyOf('plain-id')}`)).toBe('1');
        });

        test('a session that it kept alive by touching alone counts as used', async () => {
            const theirs = await stock();
            const old = sessionWith({ who: 'anna' }, HOUR);
            old.cookie.expires = new Date(Date.now() - 10 * HOUR); // as it was when it was last changed
            server.cli(
                'SET',
                `${theirs.prefix}one`,
                JSON.stringify({ ...old, cookie: { path: '/', expires: old.cookie.expires, originalMaxAge: HOUR } }),
                'PX',
                String(HOUR - 60_000),
            );
            const store = await open(server, { prefix: theirs.prefix });
            const { record } = (await store.read('one')) ?? { record: '{}' };
            const seen = Number(JSON.parse(record).__lastAccess);
            expect(Math.abs(seen - (Date.now() - 60_000))).toBeLessThan(30_000);
            expect(JSON.parse(record).who).toBe('anna');
        });

        test('each reads what the other’s set() wrote', async () => {
            const theirs = await stock();
            const ours = await open(server, { prefix: theirs.prefix });
            await theirs.set('one', sessionWith({ n: 1 }));
            await ours.set('two', sessionWith({ n: 2 }));
            expect(await ours.get('one')).toMatchObject({ n: 1 });
            expect(await theirs.get('two')).toMatchObject({ n: 2 });
        });
    });
});
