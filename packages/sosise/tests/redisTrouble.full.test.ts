import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { applicationOf, SessionRegistry, StoredSessions } from 'sosise';
import { expect, onTestFinished, test, vi } from 'vitest';
import { recordWith } from './helpers/inside/Contract.js';
import { RedisStore } from './helpers/inside/Session/Stores/Redis.js';
import { onRedis } from './helpers/onRedis.js';
import { freePort, RedisServer } from './helpers/redis.js';
import { createKernel, type SessionApp, sessionApp } from './helpers/sessionApp.js';
import { silentServer } from './helpers/silentServer.js';
import { countingRoutes, envelope, expectTrouble, recovery, visitorOf } from './helpers/storeInTrouble.js';

const LIMIT_MS = 200;

/** What an application asks of the sessions that are stored. */
const looks: Record<string, (registry: SessionRegistry, stored: StoredSessions) => Promise<unknown>> = {
    list: (registry) => registry.list(7),
    revoke: (registry) => registry.revoke(7),
    revokeOne: (registry) => registry.revokeOne(7, 'a fingerprint'),
    revokeAll: (registry) => registry.revokeAll(),
    count: (_registry, stored) => stored.count(),
    all: (_registry, stored) => stored.all().next(),
    ofUser: (_registry, stored) => stored.ofUser('7').next(),
    find: (_registry, stored) => stored.find('a fingerprint'),
    end: (_registry, stored) => stored.revoke('a fingerprint'),
    prune: (_registry, stored) => stored.prune(),
};

function appOn(port: number, redis: Record<string, unknown> = {}): Promise<SessionApp> {
    return sessionApp({
        session: {
            driver: 'redis',
            drivers: { redis: { port, commandTimeoutMs: LIMIT_MS, connectTimeoutMs: 600, ...redis } },
        },
        routes: countingRoutes,
    });
}

async function ownServer(...settings: string[]): Promise<RedisServer> {
    const server = await RedisServer.start(...settings);
    onTestFinished(() => server.stop());
    return server;
}

const logged = (app: SessionApp) => inspect(app.log, { depth: null });

await onRedis('when Redis is in trouble', () => {
    test('and frozen, requests are answered in time; once it goes on, so do they', async () => {
        const server = await ownServer();
        const app = await appOn(server.port);
        const browser = await visitorOf(app);
        server.freeze();
        await expectTrouble(browser);
        const many = await Promise.all(Array.from({ length: 200 }, () => browser.copy().visit('/read')));
        expect(many.every(({ status }) => status === 503)).toBe(true);
        server.thaw();
        await recovery(browser);
        expect(app.log.filter(({ message }) => /does not answer within 200 ms/.test(message))).toHaveLength(1);
    });

    test('and frozen for long, a new connection is made, and is the one that comes back', async () => {
        const server = await ownServer();
        const browser = await visitorOf(await appOn(server.port, { connectTimeoutMs: 300 }));
        server.freeze();
        await expectTrouble(browser);
        await sleep(1_200); // several connections were tried
        await expectTrouble(browser);
        server.thaw();
        await recovery(browser);
    });

    test('and killed, requests are answered, and the process connects again by itself', async () => {
        const server = await ownServer();
        const app = await appOn(server.port, { commandTimeoutMs: 1_500 });
        const browser = await visitorOf(app);
        const trouble = async () => {
            const started = performance.now();
            await expectTrouble(browser);
            return performance.now() - started;
        };
        await server.kill();
        const first = await trouble();
        expect(await trouble(), 'at once, now that it is known to be away').toBeLessThan(first);
        await server.start();
        await recovery(browser);
        expect(logged(app)).not.toContain('sha256-');
    });

    test('and restarted within a moment, nobody hears of it', async () => {
        const server = await ownServer();
        const browser = await visitorOf(await appOn(server.port, { commandTimeoutMs: 2_000 }));
        await server.kill();
        const waiting = Promise.all(Array.from({ length: 10 }, () => browser.copy().visit('/read')));
        await server.start();
        expect((await waiting).map(({ status }) => status)).toEqual(Array(10).fill(200));
    });

    test('and slow, a request fails in time or is answered', async () => {
        const server = await ownServer('--enable-debug-command', 'yes');
        const browser = await visitorOf(await appOn(server.port));
        const sleeping = sleepOn(server.port, 1.5);
        await vi.waitFor(async () => expect((await browser.visit('/read')).status).toBe(503)); // it sleeps now
        await expectTrouble(browser);
        await sleeping;
        await recovery(browser);
    });

    test('and out of memory, what is stored is read, and what can not be stored is a 503', async () => {
        const server = await ownServer('--maxmemory-policy', 'noeviction');
        const browser = await visitorOf(await appOn(server.port));
        server.cli('CONFIG', 'SET', 'maxmemory', '1');
        await expectTrouble(browser, { reads: false });
        expect(await browser.json('/read')).toEqual({ n: 1 });
        server.cli('CONFIG', 'SET', 'maxmemory', '0');
        await recovery(browser);
    });

    test('and a replica that may only be read, changes are a 503 until it is a master again', async () => {
        const server = await ownServer();
        const browser = await visitorOf(await appOn(server.port));
        server.cli('REPLICAOF', '127.0.0.1', String(await freePort()));
        await expectTrouble(browser, { reads: false });
        server.cli('REPLICAOF', 'NO', 'ONE');
        await recovery(browser);
    });

    test('and fails over behind its address, the new master is found although the old one still answers', async () => {
        const atOnce = ['--repl-diskless-sync-delay', '0'];
        const servers = [await ownServer(...atOnce), await ownServer(...atOnce)] as const;
        const [port, lead] = await movingAddress(servers[0].port);
        const browser = await visitorOf(await appOn(port));
        servers[1].cli('REPLICAOF', '127.0.0.1', String(servers[0].port));
        await vi.waitFor(
            () => expect(servers[1].cli('INFO', 'replication')).toContain('master_link_status:up'),
            10_000,
        );
        servers[1].cli('REPLICAOF', 'NO', 'ONE');
        servers[0].cli('REPLICAOF', '127.0.0.1', String(servers[1].port));
        await expectTrouble(browser, { reads: false });
        lead(servers[1].port); // as names do, some time later
        await recovery(browser);
        expect(await browser.json('/read')).toEqual({ n: 2 });
    });

    test('a failed change was not half-way stored, and the next one counts on', async () => {
        const server = await ownServer();
        const browser = await visitorOf(await appOn(server.port));
        server.freeze();
        await expectTrouble(browser);
        server.thaw();
        await recovery(browser);
        const { n } = (await browser.json('/read')) as { n: number };
        expect(n).toBeGreaterThanOrEqual(2);
        expect(n, 'the one that was never answered may have arrived').toBeLessThanOrEqual(3);
    });

    test('and away, looking after sessions is a 503, too', async () => {
        const server = await ownServer();
        const app = await sessionApp({
            session: {
                driver: 'redis',
                drivers: { redis: { port: server.port, commandTimeoutMs: LIMIT_MS, connectTimeoutMs: 600 } },
            },
            routes: (router) => {
                for (const [name, look] of Object.entries(looks)) {
                    router.get(`/${name}`, async (request, response) => {
                        const { container } = applicationOf(request);
                        response.json(await look(container.make(SessionRegistry), container.make(StoredSessions)));
                    });
                }
            },
        });
        const browser = app.browser();
        await server.kill();
        for (const name of Object.keys(looks)) {
            const answer = await browser.visit(`/${name}`);
            expect([name, answer.status]).toEqual([name, 503]);
            expect(await answer.json()).toEqual(envelope);
        }
        await server.start();
        for (const name of Object.keys(looks)) {
            await vi.waitFor(async () => expect((await browser.visit(`/${name}`)).status, name).toBeLessThan(503));
        }
    });

    test('a password that is wrong is told at once, and never written anywhere', async () => {
        const server = await ownServer('--requirepass', 'Right7kQ2vX9mZ4');
        const secret = 'Wrong7kQ2vX9mZ4';
        const { app, log } = createKernel({
            session: {
                driver: 'redis',
                drivers: {
                    redis: { url: `redis://:${secret}@127.0.0.1:${server.port}/0`, connectTimeoutMs: 3_600_000 },
                },
            },
        });
        const error = await app.boot().then(
            () => undefined,
            (thrown: Error) => thrown,
        );
        expect(error?.message).toMatch(/refused the application: .*WRONGPASS.*Correct username, password/);
        expect(inspect([error, log], { depth: null })).not.toContain(secret);
    });

    test.each([
        ['may not run scripts', '~sess:* +@all -@scripting'],
        ['may not touch the keys', '~other:* +@all'],
        ['may not write', '~sess:* +@all -set'],
    ])('a user who %s is told at once', async (_what, rights) => {
        const server = await ownServer();
        server.cli('ACL', 'SETUSER', 'shop', 'on', '>Right7kQ2vX9mZ4', ...rights.split(' '));
        const opening = RedisStore.open({ port: server.port, username: 'shop', password: 'Right7kQ2vX9mZ4' });
        await expect(opening).rejects.toThrow(/refused the application: Redis refused: NOPERM .*\. Correct username/);
    });

    test('a server that lets nobody in is told in its own words', async () => {
        const server = await ownServer();
        server.cli('CONFIG', 'SET', 'maxclients', '1');
        const socket = connect(server.port, '127.0.0.1');
        onTestFinished(() => void socket.destroy());
        await once(socket, 'connect');
        await vi.waitFor(() => expect(server.cli('PING')).toContain('max number of clients'));
        await expect(RedisStore.open({ port: server.port, connectTimeoutMs: 300 })).rejects.toThrow(
            /let nobody in within 300 ms: Redis refused: ERR max number of clients reached\. Look at the server/,
        );
    });

    test('a user with the rights that docs/drivers.md names keeps sessions', async () => {
        const server = await ownServer();
        const page = readFileSync(new URL('../../../docs/drivers.md', import.meta.url), 'utf8');
        const [, rights = ''] = /^ACL SETUSER shop on >\S+ (.+)$/m.exec(page) ?? [];
        server.cli('ACL', 'SETUSER', 'shop', 'on', '>Right7kQ2vX9mZ4', ...rights.split(' '));
        const redis = { username: 'shop', password: 'Right7kQ2vX9mZ4' };
        const store = await RedisStore.open({ port: server.port, ...redis });
        onTestFinished(() => store.close());
        const version = await store.write('one', recordWith({ n: 1 }), undefined, Date.now() + 60_000);
        expect((await store.read('one'))?.version).toBe(version);
        expect(await store.count()).toBe(1);
        for await (const { key: id } of store.records()) {
            expect(id).toBe('one');
        }
        const lease = await store.lock('one', 100);
        await lease?.release();
        expect(await store.setAside('one')).toBe(true);
        await recovery(await visitorOf(await appOn(server.port, redis)));
    });

    test('start-up waits for a server that is only just starting', async () => {
        const server = await ownServer();
        await server.kill();
        const opening = RedisStore.open({ port: server.port, connectTimeoutMs: 4_000 });
        await sleep(150);
        await server.start();
        const store = await opening;
        await store.check();
        await store.close();
    });

    test('a server that accepts connections and never says a word stops start-up in time', async () => {
        const port = await silentServer();
        await expect(RedisStore.open({ port, connectTimeoutMs: 300 })).rejects.toThrow(
            /did not answer within 300 ms \(ETIMEDOUT\)/,
        );
    });
});

/** A port that leads to another one, and what leads new connections elsewhere. */
async function movingAddress(target: number): Promise<[port: number, lead: (target: number) => void]> {
    let leadsTo = target;
    const ends = new Set<Socket>();
    const server = createServer((near) => {
        const far = connect(leadsTo, '127.0.0.1');
        for (const end of [near, far]) {
            ends.add(end);
            end.on('error', () => {}).on('close', () => {
                near.destroy();
                far.destroy();
            });
        }
        near.pipe(far).pipe(near);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
        server.close();
        for (const end of ends) {
            end.destroy();
        }
    });
    const lead = (other: number) => {
        leadsTo = other;
    };
    return [(server.address() as AddressInfo).port, lead];
}

/** Lets the server sleep, on a connection of its own. */
async function sleepOn(port: number, seconds: number): Promise<void> {
    const socket = connect(port, '127.0.0.1');
    socket.write(`DEBUG SLEEP ${seconds}\r\n`);
    await once(socket, 'data');
    socket.destroy();
}
