import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { artisanOn } from './artisanOn.js';
import { recordWith } from './helpers/inside/Contract.js';
import { RedisStore } from './helpers/inside/Session/Stores/Redis.js';
import { testSessionStore } from './helpers/inside/Testing.js';
import { onRedis } from './helpers/onRedis.js';
import { freePort, program, RedisServer } from './helpers/redis.js';
import { sessionApp } from './helpers/sessionApp.js';

/** Three masters, each with a third of the slots. */
async function startCluster(): Promise<RedisServer[]> {
    const settings = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'];
    const nodes = await Promise.all([0, 1, 2].map(() => RedisServer.start(...settings)));
    const [first] = nodes as [RedisServer];
    for (const [index, node] of nodes.entries()) {
        const [from, to] = [Math.floor((index * 16_384) / 3), Math.floor(((index + 1) * 16_384) / 3) - 1];
        node.cli('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to));
        node.cli('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
    }
    for (const node of nodes.slice(1)) {
        first.cli('CLUSTER', 'MEET', '127.0.0.1', String(node.port));
    }
    await vi.waitFor(
        () => {
            for (const node of nodes) {
                expect(node.cli('CLUSTER', 'INFO')).toContain('cluster_state:ok');
                expect(node.cli('CLUSTER', 'NODES').split('\n')).toHaveLength(3);
            }
        },
        { timeout: 20_000, interval: 100 },
    );
    return nodes;
}

await onRedis('a cluster of Redis', () => {
    let nodes: Promise<RedisServer[]> | undefined;
    const cluster = async () => {
        nodes ??= startCluster();
        return (await nodes).map(({ port }) => ({ url: `redis://127.0.0.1:${port}` }));
    };
    let prefixes = 0;

    testSessionStore(
        'redis driver on a cluster',
        async () => {
            const prefix = `cluster${++prefixes}:`;
            const rootNodes = await cluster();
            const reopen = () => RedisStore.open({ rootNodes, prefix });
            return { store: await reopen(), reopen };
        },
        { lacks: [] },
    );

    test('sets damaged records aside, and lists what all its servers hold', async () => {
        const store = await RedisStore.open({ rootNodes: await cluster(), prefix: 'aside:' });
        onTestFinished(() => store.close());
        for (let n = 0; n < 30; n += 1) {
            await store.write(`s${n}`, recordWith({ n }), undefined, Date.now() + 60_000);
        }
        expect(await store.setAside('s7')).toBe(true);
        expect(await store.setAside('s7')).toBe(false);
        expect(await store.length()).toBe(29);
        let listed = 0;
        for await (const _ of store.records()) {
            listed += 1;
        }
        expect(listed).toBe(29);
    });

    test('is looked at by the doctor, server by server, and tried by session:test, which leaves no key', async () => {
        const rootNodes = await cluster();
        const artisan = artisanOn({
            session: { driver: 'redis', drivers: { redis: { rootNodes, prefix: 'tried:' } } },
        });
        const looked = await artisan('session:doctor');
        expect(looked.errors).toBe('');
        expect(looked.output.match(/^ok +Redis .* answers at the cluster/gm)?.length).toBeGreaterThan(0);
        expect(looked.output).toMatch(/^ok +Writing +A key was written, read and removed\.$/m);
        const tried = await artisan('session:test');
        expect([tried.code, tried.errors]).toEqual([0, '']);
        expect(tried.output).toContain('It keeps 45 of 45 promises.');
        for (const node of (await nodes) ?? []) {
            expect(node.cli('--scan', '--pattern', 'tried:~contract*')).toBe('');
        }
    });

    test('a frozen server is a 503 in time for the sessions that it holds, and nothing to the others', async () => {
        const rootNodes = await cluster();
        const app = await sessionApp({
            session: { driver: 'redis', drivers: { redis: { rootNodes, commandTimeoutMs: 300 } } },
            routes: (router) => {
                router.post('/put', (request, response) => {
                    request.session['n'] = 1;
                    response.json('put');
                });
                router.get('/get', (request, response) => void response.json(request.session['n'] ?? null));
            },
        });
        const browsers = await Promise.all(
            Array.from({ length: 24 }, async () => {
                const browser = app.browser();
                await browser.visit('/put', { method: 'POST' });
                return browser;
            }),
        );
        const [, frozen] = (await nodes) as [RedisServer, RedisServer];
        frozen.freeze();
        const statuses = await Promise.all(browsers.map(async (browser) => (await browser.visit('/get')).status));
        frozen.thaw();
        expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(4);
        expect(statuses.filter((status) => status === 503).length).toBeGreaterThan(0);
        await vi.waitFor(
            async () => {
                const again = await Promise.all(browsers.map((browser) => browser.json('/get')));
                expect(again).toEqual(Array(24).fill(1));
            },
            { timeout: 8_000, interval: 100 },
        );
    });

    test('is stopped', async () => {
        for (const node of (await nodes) ?? []) {
            await node.stop();
        }
    });
});

await onRedis('what a sentinel watches over', (master) => {
    test('is found by it, and found again after a failover', async () => {
        const replica = await RedisServer.start('--replicaof', '127.0.0.1', String(master.port));
        onTestFinished(() => replica.stop());
        await vi.waitFor(() => expect(replica.cli('INFO', 'replication')).toContain('master_link_status:up'), 10_000);
        const port = await startSentinel(master.port);
        const store = await RedisStore.open({
            name: 'shop',
            sentinelRootNodes: [{ host: '127.0.0.1', port }],
            commandTimeoutMs: 500,
        });
        onTestFinished(() => store.close());
        const version = await store.write('one', recordWith({ n: 1 }), undefined, Date.now() + 60_000);
        expect(version).toBeDefined();
        await vi.waitFor(() => expect(replica.cli('GET', 'sess:one')).toContain('"n":1'), 3_000);
        await master.kill();
        await vi.waitFor(
            async () =>
                expect(await store.write('one', recordWith({ n: 2 }), version, Date.now() + 60_000)).toBeDefined(),
            { timeout: 25_000, interval: 200 },
        );
        expect(replica.cli('GET', 'sess:one')).toContain('"n":2');
    });
});

async function startSentinel(master: number): Promise<number> {
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), 'sosise-sentinel-'));
    const file = join(folder, 'sentinel.conf');
    const lines = [
        `port ${port}`,
        'bind 127.0.0.1',
        `sentinel monitor shop 127.0.0.1 ${master} 1`,
        'sentinel down-after-milliseconds shop 700',
        'sentinel failover-timeout shop 3000',
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    const child: ChildProcess = spawn(program, [file, '--sentinel'], { stdio: 'ignore' });
    onTestFinished(async () => {
        const exit = once(child, 'exit');
        child.kill('SIGKILL');
        await exit;
        rmSync(folder, { recursive: true, force: true });
    });
    const replicas = () =>
        execFileSync('redis-cli', ['-p', String(port), 'SENTINEL', 'REPLICAS', 'shop'], { encoding: 'utf8' });
    await vi.waitFor(() => expect(replicas()).toContain('127.0.0.1')); // it has to find the replica
    return port;
}
