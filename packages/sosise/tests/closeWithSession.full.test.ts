import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { HttpServer, login, StoredSessions } from 'sosise';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Browser } from './helpers/Browser.js';
import { onPostgres } from './helpers/onPostgres.js';
import { onRedis } from './helpers/onRedis.js';
import { ownTable } from './helpers/ownTable.js';
import { rawSocket } from './helpers/rawSocket.js';
import type { ServerOptions } from './helpers/server/ServerOptions.js';
import { SECRET, type SessionApp, sessionApp, temporaryFolder } from './helpers/sessionApp.js';
import { STOCK } from './stock.js';

const SOCKETS = 1_000;
const ROUNDS = 5;
const SLEPT_MS = 4_500;
/** As many as a browser's pages would open at once. */
const AT_ONCE = 20;

/** What the two processes share. */
interface Shared {
    readonly driver: 'file' | 'redis' | 'database';
    readonly redisPort?: number;
    readonly database?: Record<string, unknown>;
    readonly encrypt?: boolean;
}

/** An application where sockets are opened by sessions, in this process. */
async function openingApp({ driver, redisPort, database, encrypt = false }: Shared, root: string): Promise<SessionApp> {
    return sessionApp({
        root,
        session: {
            driver,
            encrypt,
            drivers: { ...(redisPort && { redis: { port: redisPort } }), ...(database && { database }) },
        },
        routes: (router) => {
            router.post('/login', async (request, response) => {
                await login(request, request.body.user);
                response.json('welcome');
            });
        },
        boot: ({ container }) =>
            void container.make(HttpServer).onUpgrade('/raw', (request, socket) => {
                container.make(StoredSessions).closeWithSession(request, socket);
                socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n');
            }),
    });
}

/** The same sessions in a process of their own, whose routes end them. Gives its address. */
async function otherProcess(shared: Shared, folder: string): Promise<string> {
    const options: ServerOptions = {
        wiring: 'skeleton',
        store: shared.driver === 'redis' ? 'redis' : 'file',
        folder,
        redisPort: shared.redisPort ?? 0,
        database: shared.database,
        idleMs: 3_600_000,
        secret: SECRET,
        project: STOCK,
        session: { name: 'sosise', encrypt: shared.encrypt ?? false },
    };
    const script = fileURLToPath(new URL('promises/server.ts', import.meta.url));
    const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', script, JSON.stringify(options)], {
        stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exit = once(child, 'exit');
    onTestFinished(async () => {
        child.kill('SIGKILL');
        await exit;
    });
    for await (const line of createInterface(child.stdout as NodeJS.ReadableStream)) {
        const { loaded, port } = JSON.parse(line) as { loaded?: boolean; port?: number };
        if (loaded) {
            child.stdin?.write('start\n');
        } else if (port) {
            child.stdout?.resume();
            return `http://127.0.0.1:${port}`;
        }
    }
    throw new Error('The other process did not start.');
}

async function inTurns<T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> {
    const done: T[] = [];
    while (done.length < count) {
        const { length } = done;
        done.push(
            ...(await Promise.all(
                Array.from({ length: Math.min(AT_ONCE, count - length) }, (_, n) => work(length + n)),
            )),
        );
    }
    return done;
}

/** How long it takes from a logout in another process until a socket is closed here, in ms. */
async function msUntilClosed(browser: Browser, url: string, sockets: readonly Socket[]): Promise<number> {
    const there = new Browser(url);
    for (const [name, value] of browser.cookies) {
        there.cookies.set(name, value);
    }
    const closed = Promise.all(sockets.map((socket) => once(socket, 'close')));
    const answer = await there.visit('/destroy');
    const ended = performance.now();
    expect(await answer.json()).toBe('logged out');
    await closed;
    return performance.now() - ended;
}

function expectEnds(shared: () => Shared, withinMs = 2_000): void {
    test(`${SOCKETS} sockets cost little, and one is closed after a logout in another process, as are ${SOCKETS} of one session`, async () => {
        const root = temporaryFolder();
        const app = await openingApp(shared(), root);
        const url = await otherProcess(shared(), app.folder);
        const open = async (browser: Browser) => ({ browser, socket: await rawSocket(app.url, browser.cookies) });
        const opened = await inTurns(SOCKETS, async (count) => {
            const browser = app.browser();
            await browser.visit('/login', { method: 'POST', body: { user: `user ${count}` } });
            return open(browser);
        });
        const times: number[] = [];
        for (const { browser, socket } of opened.slice(0, ROUNDS)) {
            times.push(await msUntilClosed(browser, url, [socket]));
        }
        expect(opened.filter(({ socket }) => socket.closed)).toHaveLength(ROUNDS);
        expect(Math.min(...times)).toBeLessThan(withinMs);
        const before = process.cpuUsage();
        await sleep(SLEPT_MS);
        const { user, system } = process.cpuUsage(before);
        const { browser } = opened[ROUNDS] as { browser: Browser };
        const own = await inTurns(SOCKETS, () => open(browser));
        const sockets = own.map(({ socket }) => socket);
        const all = await msUntilClosed(browser, url, sockets);
        expect(all).toBeLessThan(2 * withinMs);
        const { driver, encrypt } = shared();
        const cpuMs = Math.round((user + system) / 1_000 / (SLEPT_MS / 900));
        console.log(
            `${driver}${encrypt ? ', encrypted' : ''}: ${times.map(Math.round)} ms until one is closed; ${Math.round(all)} ms until all are; ${cpuMs} ms of CPU a round.`,
        );
    });
}

describe('file', () => {
    expectEnds(() => ({ driver: 'file' }));
});

await onRedis('redis', (server) => {
    describe.each([false, true])('encrypt: %s', (encrypt) => {
        expectEnds(() => ({ driver: 'redis', redisPort: server.port, encrypt }));
    });
});

await onPostgres('database', () => {
    const { options, drop } = ownTable();
    expectEnds(() => ({ driver: 'database', database: options as Record<string, unknown> }));
    test('leaves no table', drop);
});
