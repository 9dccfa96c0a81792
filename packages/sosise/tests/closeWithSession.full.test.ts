import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { HttpServer, login, StoredSessions } from 'sosise';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Browser } from './helpers/Browser.js';
import { onPostgres } from './helpers/onPostgres.js';
import { onRedis } from './helpers/onRedis.js';
import { ownTable } from './helpers/ownTable.js';
import type { ServerOptions } from './helpers/server/ServerOptions.js';
import { SECRET, type SessionApp, sessionApp, temporaryFolder } from './helpers/sessionApp.js';
import { STOCK } from './stock.js';

const SOCKETS = 1_000;
const ROUNDS = 5;

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

async function openSocket({ url }: SessionApp, { cookies }: Browser): Promise<Socket> {
    const socket = createConnection(Number(new URL(url).port), '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    socket.write(
        `GET /raw HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: raw\r\nCookie: ${cookie}\r\n\r\n`,
    );
    await once(socket, 'data');
    return socket;
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

function expectEnds(shared: () => Shared, withinMs: number): void {
    test(`${SOCKETS} sockets cost little, and one is closed after a logout in another process, as are ${SOCKETS} of one session`, async () => {
        const root = temporaryFolder();
        const app = await openingApp(shared(), root);
        const url = await otherProcess(shared(), app.folder);
        const browsers: Browser[] = [];
        const sockets: Socket[] = [];
        for (let count = 0; count < SOCKETS; count += 1) {
            const browser = app.browser();
            await browser.visit('/login', { method: 'POST', body: { user: `user ${count}` } });
            browsers.push(browser);
            sockets.push(await openSocket(app, browser));
        }
        const times: number[] = [];
        for (let round = 0; round < ROUNDS; round += 1) {
            times.push(await msUntilClosed(browsers[round] as Browser, url, sockets.slice(round, round + 1)));
        }
        expect(sockets.filter(({ closed }) => closed)).toHaveLength(ROUNDS);
        expect(Math.min(...times)).toBeLessThan(withinMs);
        const before = process.cpuUsage();
        await sleep(4_500);
        const { user, system } = process.cpuUsage(before);
        const many = browsers[ROUNDS] as Browser;
        const own: Socket[] = sockets.slice(ROUNDS, ROUNDS + 1);
        while (own.length < SOCKETS) {
            own.push(await openSocket(app, many));
        }
        const all = await msUntilClosed(many, url, own);
        expect(all).toBeLessThan(2 * withinMs);
        console.log(
            JSON.stringify({
                ...shared(),
                times: times.map(Math.round),
                cpuMsPerRound: Math.round((user + system) / 5_000),
                all: Math.round(all),
            }),
        );
    });
}

describe('file', () => {
    expectEnds(() => ({ driver: 'file' }), 2_000);
});

await onRedis('redis', (server) => {
    describe.each([false, true])('encrypt: %s', (encrypt) => {
        expectEnds(() => ({ driver: 'redis', redisPort: server.port, encrypt }), 2_000);
    });
});

await onPostgres('database', () => {
    const { options, drop } = ownTable();
    expectEnds(() => ({ driver: 'database', database: options as Record<string, unknown> }), 2_000);
    test('leaves no table', drop);
});
