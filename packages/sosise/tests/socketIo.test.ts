import { once } from 'node:events';
import type { Server } from 'node:http';
import { io, type Socket } from 'socket.io-client';
import { HttpServer, login, type ServiceProvider, type ServiceProviderClass, SessionRegistry } from 'sosise';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { guideFolder } from './docs/guideFolder.js';
import { type SessionApp, sessionApp } from './helpers/sessionApp.js';

/** An application with what docs/realtime.md adds for Socket.IO. */
async function chat(boot?: (server: HttpServer) => void): Promise<SessionApp> {
    const guide = guideFolder('docs/realtime.md');
    const { default: Provider } = await guide.load<{ default: ServiceProviderClass }>(
        'src/app/Providers/ChatServiceProvider.ts',
    );
    return sessionApp({
        session: { driver: 'memory' },
        routes: (router) => {
            router.post('/login', async (request, response) => {
                await login(request, 7);
                response.json('welcome');
            });
            router.get('/', (_request, response) => response.json('a page'));
        },
        boot: (kernel) => {
            void (new Provider(kernel) as ServiceProvider).boot();
            boot?.(kernel.container.make(HttpServer));
        },
    });
}

async function memberOf(app: SessionApp): Promise<string> {
    const browser = app.browser();
    await browser.visit('/login', { method: 'POST' });
    return [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
}

function connect({ url }: SessionApp, transport: string, headers: Record<string, string>): Socket {
    const socket = io(url, { transports: [transport], extraHeaders: headers, reconnection: false, forceNew: true });
    onTestFinished(() => void socket.close());
    return socket;
}

const messageOf = (socket: Socket) =>
    new Promise<unknown>((resolve) =>
        socket.on('welcome', resolve).on('connect_error', ({ message }) => resolve(message)),
    );

describe.each(['polling', 'websocket'])('Socket.IO by %s, as docs/realtime.md attaches it', (transport) => {
    test('knows in its handshake who is logged in', async () => {
        const app = await chat();
        const cookie = await memberOf(app);
        expect(await messageOf(connect(app, transport, { cookie }))).toBe('7');
        expect(await messageOf(connect(app, transport, {}))).toBe('Please log in.');
        expect(await app.browser().json('/')).toBe('a page');
    });

    test('refuses a page of another origin, and a session that has ended', async () => {
        const app = await chat();
        const cookie = await memberOf(app);
        const origin = 'https://evil.example.com';
        expect(await messageOf(connect(app, transport, { cookie, origin }))).not.toBe('7');
        await app.app.container.make(SessionRegistry).revoke(7);
        expect(await messageOf(connect(app, transport, { cookie }))).toBe('Please log in.');
    });

    test('hears that the server stops, and holds nothing up', async () => {
        const app = await chat();
        const socket = connect(app, transport, { cookie: await memberOf(app) });
        await messageOf(socket);
        const ended = new Promise((resolve) => socket.on('disconnect', resolve));
        const begun = performance.now();
        await app.app.container.make(HttpServer).close();
        await ended;
        expect(performance.now() - begun).toBeLessThan(5_000);
    });
});

test('an upgrade of onUpgrade() is taken beside it', async () => {
    const app = await chat((server) => {
        server.onUpgrade('/live', (_request, socket) => void socket.end('HTTP/1.1 418 Teapot\r\n\r\n'));
    });
    const refused = new WebSocket(`${app.url.replace('http', 'ws')}/live?x=1`);
    const [, response] = await once(refused, 'unexpected-response');
    expect(response.statusCode).toBe(418);
    response.destroy();
    expect(await messageOf(connect(app, 'websocket', { cookie: await memberOf(app) }))).toBe('7');
});

test('attach() gives the server itself, before it listens, and no more afterwards', async () => {
    const seen: [Server, boolean][] = [];
    const app = await chat((server) => void server.attach((http) => seen.push([http, http.listening])));
    expect(seen.map(([, listening]) => listening)).toEqual([false]);
    expect(seen[0]?.[0].listening).toBe(true);
    expect(() => app.app.container.make(HttpServer).attach(() => undefined)).toThrow(
        "The server listens already: call attach(…) in a provider's boot().",
    );
});
