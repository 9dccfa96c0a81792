import { once } from 'node:events';
import { createConnection } from 'node:net';
import type { Request, Response, Router } from 'express';
import { exclusive, SessionRegistry, StoredSessions } from 'sosise';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { travel } from './helpers/inside/Testing.js';
import { type SessionApp, type SessionAppOptions } from './helpers/sessionApp.js';
import { realtimeApp } from './realtimeApp.js';

const member = async (app: SessionApp) => {
    const browser = app.browser();
    await browser.visit('/login', { method: 'POST' });
    return browser;
};
const cookieOf = ({ cookies }: { cookies: ReadonlyMap<string, string> }) =>
    [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');

/** A stream whose parts can be asked for. */
async function stream(app: SessionApp, path: string, cookie: string) {
    const aborted = new AbortController();
    const response = await fetch(app.url + path, { headers: { cookie }, signal: aborted.signal });
    onTestFinished(() => aborted.abort());
    const reader = response.body?.getReader();
    const part = async () => {
        const { value } = (await reader?.read()) ?? {};
        return value && Buffer.from(value).toString();
    };
    return { response, part, leave: () => aborted.abort() };
}

describe('the WebSocket of docs/realtime.md', () => {
    const open = async (app: SessionApp, cookie: string) => {
        const socket = new WebSocket(`${app.url.replace('http', 'ws')}/live`, { headers: { cookie } });
        const [message] = await once(socket, 'message');
        return { socket, greeting: String(message) };
    };

    test('welcomes its user, and refuses strangers', async () => {
        const app = await realtimeApp();
        const { socket, greeting } = await open(app, cookieOf(await member(app)));
        expect(greeting).toBe('Welcome, 7');
        socket.terminate();
        const refused = new WebSocket(`${app.url.replace('http', 'ws')}/live`);
        const [, response] = await once(refused, 'unexpected-response');
        expect(response.statusCode).toBe(401);
        response.destroy();
    });

    test('is closed once its session has ended, and no other', async () => {
        const app = await realtimeApp();
        const [ended, other] = [await member(app), await member(app)];
        const [first, second] = [await open(app, cookieOf(ended)), await open(app, cookieOf(other))];
        const registry = app.app.container.make(SessionRegistry);
        const [{ fingerprint = '' } = {}] = await registry.list(7);
        const closed = once(first.socket, 'close');
        await registry.revokeOne(7, fingerprint);
        expect((await closed)[0]).toBe(4401);
        expect(second.socket.readyState).toBe(WebSocket.OPEN);
        second.socket.terminate();
    });

    test('is cut off a second later where its client does not answer', async () => {
        const app = await realtimeApp();
        const socket = createConnection(Number(new URL(app.url).port), '127.0.0.1');
        socket.write(
            `GET /live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'k'.repeat(22)}==\r\nCookie: ${cookieOf(await member(app))}\r\n\r\n`,
        );
        let heard = '';
        socket.on('data', (bytes) => {
            heard += bytes.toString('latin1');
        });
        await expect.poll(() => heard).toContain('Welcome, 7');
        vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
        onTestFinished(() => void vi.useRealTimers());
        await app.app.container.make(SessionRegistry).revoke(7);
        await expect.poll(() => heard).toContain('The session has ended');
        const closed = once(socket, 'close');
        await vi.advanceTimersByTimeAsync(1_000);
        await closed;
    });

    test('survives a malformed frame, as the process does', async () => {
        const app = await realtimeApp();
        const { socket } = await open(app, cookieOf(await member(app)));
        const closed = once(socket, 'close');
        (socket as unknown as { _socket: { write(bytes: Buffer): void } })._socket.write(
            Buffer.from([0xff, 0xff, 0x00]),
        );
        await closed;
        expect((await app.browser().visit('/data')).status).toBe(200);
    });

    test('and the stream are told when the server stops, which waits for neither', async () => {
        const app = await realtimeApp({ http: { shutdownTimeoutMs: 60_000 } });
        const browser = await member(app);
        const { socket } = await open(app, cookieOf(browser));
        const news = await stream(app, '/news', cookieOf(browser));
        expect(await news.part()).toMatch(/^data: /);
        const closed = once(socket, 'close');
        await app.close();
        expect((await closed)[0]).toBe(1001);
        expect(await news.part()).toBeUndefined();
    });
});

describe('a stream', () => {
    /** Streams until it is told otherwise, and does what a test wants on the way. */
    const streaming = (parts: { request?: Request; response?: Response }) => (router: Router) => {
        router.get('/stream', (request, response) => {
            Object.assign(parts, { request, response });
            request.session['before'] = true;
            response.set('Content-Type', 'text/event-stream');
            response.flushHeaders();
            response.write('data: begun\n\n');
        });
    };
    const begin = async (options: SessionAppOptions = {}) => {
        const parts: { request?: Request; response?: Response } = {};
        const app = await realtimeApp({ ...options, routes: streaming(parts) });
        const browser = await member(app);
        const open = await stream(app, '/stream', cookieOf(browser));
        expect(await open.part()).toBe('data: begun\n\n');
        return { app, browser, open, request: parts.request as Request, response: parts.response as Response };
    };

    test('has stored its session when its headers arrive', async () => {
        const { browser } = await begin();
        expect(await browser.json('/data')).toEqual({ before: true });
    });

    test('stores what changes later when it is told to save, or when it ends', async () => {
        const { browser, request, response, open } = await begin();
        request.session['later'] = 1;
        await request.session.save();
        expect(await browser.json('/data')).toEqual({ before: true, later: 1 });
        request.session['last'] = 1;
        response.end();
        expect(await open.part()).toBeUndefined();
        expect(await browser.json('/data')).toEqual({ before: true, later: 1, last: 1 });
    });

    test('loses what was changed and not saved when its page goes away', async () => {
        const { browser, request, response, open } = await begin();
        request.session['lost'] = 1;
        const closed = once(response, 'close');
        open.leave();
        await closed;
        expect(await browser.json('/data')).toEqual({ before: true });
    });

    test('sees what others changed after reload, and overwrites none of it', async () => {
        const { browser, request } = await begin();
        await browser.visit('/store', { method: 'POST', body: { theirs: 1 } });
        expect(request.session['theirs']).toBeUndefined();
        request.session['mine'] = 1;
        await request.session.save();
        await request.session.reload();
        expect(request.session['theirs']).toBe(1);
        expect(await browser.json('/data')).toEqual({ before: true, theirs: 1, mine: 1 });
    });

    test('of a visitor without a session gets none after its headers', async () => {
        let request: Request | undefined;
        let response: Response | undefined;
        const app = await realtimeApp({
            routes: (router) =>
                router.get('/late', (incoming, answer) => {
                    [request, response] = [incoming, answer];
                    answer.write('begun');
                }),
        });
        const open = await stream(app, '/late', '');
        expect(await open.part()).toBe('begun');
        (request as Request).session['late'] = 1;
        response?.end();
        expect(await open.part()).toBeUndefined();
        expect(open.response.headers.get('set-cookie')).toBeNull();
        expect(JSON.stringify(app.log)).toContain('headers');
    });

    test('ends with its session, also where that takes a change with it that was not saved', async () => {
        const { app, request, response, open } = await begin();
        app.app.container.make(StoredSessions).closeWithSession(request, response);
        request.session['lost'] = 1;
        await app.app.container.make(SessionRegistry).revoke(7);
        expect(await open.part().catch(() => undefined)).toBeUndefined();
        expect(JSON.stringify(app.log)).toContain('could not be stored at the end of a stream');
    });

    test('does not keep its session alive', async () => {
        const { app, request } = await begin();
        const sessions = app.app.container.make(StoredSessions);
        expect(await sessions.ofRequest(request)).toBeDefined();
        travel('3 hours');
        expect(await sessions.ofRequest(request)).toBeUndefined();
        await expect(request.session.reload()).rejects.toThrow();
    });

    test('with exclusive() holds up the others', async () => {
        const app = await realtimeApp({
            session: { lockTimeoutMs: 100 },
            routes: (router) =>
                router.get('/held', exclusive(), (_request, response) => {
                    response.write('begun');
                }),
        });
        const browser = await member(app);
        const open = await stream(app, '/held', cookieOf(browser));
        expect(await open.part()).toBe('begun');
        expect((await browser.visit('/exclusive')).status).toBe(503);
        open.leave();
        await expect.poll(async () => (await browser.visit('/exclusive')).status).toBe(200);
    });

    test('of docs/realtime.md ends with its session', async () => {
        vi.useFakeTimers({ toFake: ['setInterval'] });
        onTestFinished(() => void vi.useRealTimers());
        const app = await realtimeApp({ session: { driver: 'memory' } });
        const browser = await member(app);
        const news = await stream(app, '/news', cookieOf(browser));
        expect(news.response.headers.get('cache-control')).toBe('private, no-store');
        expect(await news.part()).toMatch(/^data: 2/);
        expect(await browser.json('/data')).toEqual({ reads: 'news' });
        await vi.advanceTimersByTimeAsync(5_000);
        expect(await news.part()).toMatch(/^data: 2/);
        await app.app.container.make(SessionRegistry).revoke(7);
        expect(await news.part()).toBeUndefined();
    });
});
