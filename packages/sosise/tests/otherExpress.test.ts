import { createRequire } from 'node:module';
import express, { type Express, type Request, type Response } from 'express';
import session from 'express-session';
import { applicationOf, authenticatedUser, exclusive, login, logout } from 'sosise';
import { describe, expect, test } from 'vitest';
import { HttpPipeline, routesOf } from './helpers/inside/Http.js';
import { listen } from './helpers/listen.js';
import { sessionApp } from './helpers/sessionApp.js';

const load = createRequire(import.meta.url);
const copies: Record<string, typeof express> = {
    'this express': express,
    'express 5.1': load('express51'),
    'express 4': load('express4'),
};

/** An application as a package brings it along, with the copy of Express that it has. */
function admin(make: typeof express): Express {
    const app = make();
    const answer = (response: Response, next: (error: unknown) => void, work: () => unknown) =>
        Promise.resolve()
            .then(work)
            .then((result) => response.json(result ?? null), next);
    app.get('/id', (request, response) => {
        request.session['seen'] = true;
        response.json([request.sessionID, request.session.id]);
    });
    app.get('/own', (request, response) => {
        response.json(['session', 'sessionID', 'sessionStore'].map((name) => Object.hasOwn(request, name)));
    });
    app.get('/ended', (request, response) => {
        response.json([request.sessionEnded ?? null, Object.keys(request.session).sort()]);
    });
    app.get('/regenerate', (request, response, next) => {
        answer(response, next, async () => {
            await request.session.regenerate();
            request.session['again'] = true;
        });
    });
    app.get('/login', (request, response, next) => answer(response, next, () => login(request, 7)));
    app.post('/login', (request, response, next) => answer(response, next, () => login(request, 7)));
    app.post('/id', (request, response) => {
        request.session['seen'] = true;
        response.json(null);
    });
    app.get('/logout', (request, response, next) => answer(response, next, () => logout(request)));
    app.get('/user', (request, response) => response.json(authenticatedUser(request) ?? null));
    app.get('/kernel', (request, response) => response.json(applicationOf(request).environment.name));
    app.get('/count', exclusive(), (request: Request, response: Response) => {
        request.session['count'] = Number(request.session['count'] ?? 0) + 1;
        response.json(request.session['count']);
    });
    return app;
}

describe.each(Object.keys(copies))('an application of %s that a router mounts', (name) => {
    const make = copies[name] as typeof express;
    const start = (options: Parameters<typeof sessionApp>[0] = {}) =>
        sessionApp({ ...options, routes: (router) => router.use('/admin', admin(make)) });

    test('has the visitor’s session, id and store as its own', async () => {
        const app = await start();
        const [one, other] = [app.browser(), app.browser()];
        const ids = [await one.json<string[]>('/admin/id'), await other.json<string[]>('/admin/id')];
        expect(new Set(ids.flat()).size).toBe(2);
        expect(ids.flat().every((id) => id.length > 20)).toBe(true);
        expect(await one.json('/admin/id')).toEqual(ids[0]);
        expect(await one.json('/admin/own')).toEqual([true, true, true]);
        expect(await app.browser().json('/admin/own')).toEqual([true, true, true]);
        expect(await one.json('/admin/kernel')).toBe('test');
    });

    test('regenerates, logs in and out, and takes turns', async () => {
        const app = await start();
        const browser = app.browser();
        await browser.visit('/admin/id');
        const before = browser.copy();
        await browser.visit('/admin/regenerate');
        expect(await browser.json('/admin/ended')).toEqual([null, ['again', 'cookie']]);
        expect(await before.json('/admin/ended')).toEqual([null, ['cookie']]);
        expect((await browser.visit('/admin/login')).status).toBe(200);
        expect(await browser.json('/admin/user')).toBe('7');
        await Promise.all([1, 2, 3, 4].map(() => browser.copy().visit('/admin/count')));
        expect(await browser.json('/admin/count')).toBe(5);
        const after = browser.copy();
        await browser.visit('/admin/logout');
        expect(await after.json('/admin/ended')).toEqual(['destroyed', ['cookie']]);
    });

    test.each<[string, object]>([
        ['true', { secure: true }],
        ["'auto'", { secure: 'auto', sameSite: 'auto' }],
    ])('stores sessions in production behind a proxy that speaks https, secure: %s', async (_which, cookie) => {
        const app = await start({ environment: 'production', http: { trustProxy: 1 }, session: { cookie } });
        const browser = app.browser();
        const https = { headers: { 'x-forwarded-proto': 'https' } };
        await browser.visit('/admin/id', https);
        expect(browser.received[0]).toContain('; Secure');
        expect((await browser.visit('/admin/login', https)).status).toBe(200);
        expect(await browser.json('/admin/user', https)).toBe('7');
    });

    test('takes forms there, also of a browser that sends no Sec-Fetch-Site', async () => {
        const app = await start({ environment: 'production', http: { trustProxy: 1 } });
        const browser = app.browser();
        const from = (origin: string) => ({
            method: 'POST',
            headers: { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'shop.example', origin },
        });
        expect((await browser.visit('/admin/id', from('https://evil.example'))).status).toBe(403);
        expect((await browser.visit('/admin/login', from('https://evil.example'))).status).toBe(403);
        expect((await browser.visit('/admin/id', from('https://shop.example'))).status).toBe(200);
        expect(browser.received).toHaveLength(1);
        expect((await browser.visit('/admin/login', from('https://shop.example'))).status).toBe(200);
        expect(await browser.json('/admin/user', { headers: { 'x-forwarded-proto': 'https' } })).toBe('7');
    });

    test('is listed, as far as it tells', async () => {
        const app = await start();
        const rows = routesOf(app.app.container.make(HttpPipeline));
        expect(rows.some(({ path }) => path.endsWith('/login'))).toBe(true);
    });
});

test('an application of Express 4 that has no route yet is no reason to end', async () => {
    const app = await sessionApp({
        routes: (router) => router.use('/admin', (copies['express 4'] as typeof express)()),
    });
    expect(routesOf(app.app.container.make(HttpPipeline))).toBeInstanceOf(Array);
});

test('the session of an application around this one is left alone', async () => {
    const app = await sessionApp({
        routes: (router) =>
            router
                .get('/', (request, response) => {
                    request.session['inner'] = 1;
                    response.json([typeof (request.session as { touch?: unknown }).touch, request.session['outer']]);
                })
                .get('/login', (request, response) =>
                    login(request, 7).catch(({ message }) => void response.json(message)),
                ),
    });
    const outer = express();
    outer.use(session({ secret: 'outer', resave: false, saveUninitialized: false, name: 'outer' }));
    outer.use((request, _response, next) => {
        request.session['outer'] = 'there';
        next();
    });
    outer.use(app.handler);
    const server = outer.listen(0);
    try {
        const { port } = server.address() as { port: number };
        const response = await fetch(`http://127.0.0.1:${port}/`);
        expect(await response.json()).toEqual(['function', 'there']);
        expect(response.headers.getSetCookie().map((line) => line.split('=')[0])).toEqual(['outer']);
        expect(await (await fetch(`http://127.0.0.1:${port}/login`)).json()).toContain(
            'an application around this one',
        );
    } finally {
        server.close();
    }
});

test('a session is stored where the host says that headers are sent as soon as an answer is asked for', async () => {
    const { handler } = await sessionApp({
        routes: (router) => {
            router.get('/put', (request, response) => {
                request.session['cart'] = ['tea'];
                response.json('stored');
            });
            router.get('/get', (request, response) => void response.json(request.session['cart'] ?? null));
        },
    });
    const host = express().use((request, response) => {
        // As @fastify/express has it.
        let isAsked = false;
        Object.defineProperty(response, 'headersSent', { get: () => isAsked, configurable: true });
        response.send = (body) => {
            isAsked = true;
            return response.end(body);
        };
        handler(request, response);
    });
    const browser = await listen(host);
    expect(await browser.json('/put')).toBe('stored');
    expect(await browser.json('/get')).toEqual(['tea']);
});
