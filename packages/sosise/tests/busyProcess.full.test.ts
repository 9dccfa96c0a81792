import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { Browser } from './helpers/Browser.js';
import { onRedis } from './helpers/onRedis.js';
import type { ServerOptions } from './helpers/server/ServerOptions.js';
import { temporaryFolder } from './helpers/sessionApp.js';
import { STOCK } from './stock.js';

const script = fileURLToPath(new URL('./promises/server.ts', import.meta.url));
const LIMIT_MS = 300;
const VISITORS = 160;

/** A server in a process of its own that can be stopped. */
async function serve(store: ServerOptions['store'], redisPort = 0): Promise<{ child: ChildProcess; port: number }> {
    const folder = join(temporaryFolder(), 'sessions');
    mkdirSync(folder);
    const options: ServerOptions = {
        wiring: 'skeleton',
        store,
        folder,
        redisPort,
        idleMs: 3_600_000,
        secret: 'a secret that is long enough for a server of its own',
        project: STOCK,
        session: {
            storeTimeoutMs: LIMIT_MS,
            drivers: {
                file: { path: folder },
                ...(redisPort > 0 && { redis: { port: redisPort, commandTimeoutMs: LIMIT_MS } }),
            },
        },
    };
    const child = spawn(process.execPath, ['--import', 'tsx', script, JSON.stringify(options)], {
        stdio: ['pipe', 'pipe', 'inherit'],
    });
    child.stdin.write('start\n');
    const exit = once(child, 'exit');
    onTestFinished(async () => {
        child.kill('SIGCONT');
        child.kill('SIGKILL');
        await exit;
    });
    for await (const line of createInterface(child.stdout)) {
        const { port } = JSON.parse(line) as { port?: number };
        if (port !== undefined) {
            child.stdout.resume();
            return { child, port };
        }
    }
    throw new Error('The server did not start.');
}

/** Each is stopped for longer than the store has, while changes of many visitors are under way. */
async function changesOfAStoppedProcess(store: ServerOptions['store'], redisPort?: number): Promise<void> {
    const { child, port } = await serve(store, redisPort);
    const browsers = Array.from({ length: VISITORS }, () => new Browser(`http://127.0.0.1:${port}`));
    await Promise.all(browsers.map((browser) => browser.visit('/increment/n')));
    for (let round = 1; round <= 5; round += 1) {
        const answers = Promise.all(browsers.map((browser) => browser.visit('/increment/n')));
        for (const pause of [5, 10, 20]) {
            await sleep(pause * round);
            child.kill('SIGSTOP');
            await sleep(2 * LIMIT_MS);
            child.kill('SIGCONT');
        }
        const refused = (await answers).filter(({ status }) => status !== 200);
        expect(refused.length, `round ${round}`).toBe(0);
        const stored = await Promise.all(browsers.map((browser) => browser.json('/read')));
        expect(stored.filter(({ n }) => n === round + 1)).toHaveLength(VISITORS);
    }
}

test('a process that was stopped answers 200 for what it stores in files', () => changesOfAStoppedProcess('file'));

const mostWaiting = (): number =>
    process.platform === 'linux' ? Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8')) : 0;

test.skipIf(mostWaiting() < 1_000)('a burst of a thousand connections is held while the process is away', async () => {
    const { child, port } = await serve('memory');
    child.kill('SIGSTOP');
    const sockets = Array.from({ length: 1_000 }, () => connect(port, '127.0.0.1'));
    onTestFinished(() => {
        for (const socket of sockets) {
            socket.destroy();
        }
    });
    let connected = 0;
    for (const socket of sockets) {
        socket.once('connect', () => {
            connected += 1;
        });
    }
    await expect.poll(() => connected).toBe(1_000); // it accepts none: who is not held now waits for ever
});

await onRedis('a process that was stopped', (server) => {
    test('answers 200 for what it stores in Redis', () => changesOfAStoppedProcess('redis', server.port));
});
