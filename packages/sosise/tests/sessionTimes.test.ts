import { sign } from 'cookie-signature';
import type { Router } from 'express';
import session from 'express-session';
import { login, requireRecentLogin, SessionRegistry } from 'sosise';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { travel } from './helpers/inside/Testing.js';
import { loginRoutes } from './helpers/loginRoutes.js';
import { SECRET, SessionManager, sessionApp } from './helpers/sessionApp.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function routes(router: Router): void {
    router.post('/login', async (request, response) => {
        await login(request, 7);
        response.json('logged in');
    });
    loginRoutes(router);
    router.get('/vault', requireRecentLogin({ minutes: 5 }), (_request, response) => {
        response.json('vault');
    });
}

const post = (body: unknown = {}) => ({ method: 'POST', body });
const me = { user: null, data: {}, ended: null };
const later = (ms: number) => vi.setSystemTime(Date.now() + ms);

beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => {
    vi.useRealTimers();
});

describe.each(['file', 'memory'])('after a login while the clock was a month ahead, %s driver', (driver) => {
    async function loggedInAhead() {
        const app = await sessionApp({ routes, session: { driver, idle: HOUR, absolute: 2 * HOUR } });
        later(30 * DAY);
        const browser = app.browser();
        await browser.visit('/login', post());
        return { app, browser, setRight: () => later(-30 * DAY) };
    }

    test('the session lives no longer than any other, however much it is used', async () => {
        const { browser, setRight } = await loggedInAhead();
        setRight();
        for (let halves = 0; halves <= 4; halves += 1) {
            expect(await browser.json('/me')).toEqual({ ...me, user: '7' });
            later(30 * MINUTE);
        }
        expect(await browser.json('/me')).toEqual({ ...me, ended: 'absolute' });
    });

    test('it idles like any other, once it was used', async () => {
        const { browser, setRight } = await loggedInAhead();
        setRight();
        await browser.visit('/me');
        later(HOUR + 1000);
        expect(await browser.json('/me')).toEqual({ ...me, ended: 'idle' });
    });

    test('revokeAll ends it', async () => {
        const { app, browser, setRight } = await loggedInAhead();
        setRight();
        expect(await app.app.container.make(SessionRegistry).revokeAll()).toBe(1);
        expect(await browser.json('/me')).toEqual({ ...me, ended: 'revoked' });
    });

    test('a page that asks for a recent login asks for one', async () => {
        const { browser, setRight } = await loggedInAhead();
        expect((await browser.visit('/vault')).status).toBe(200);
        setRight();
        expect((await browser.visit('/vault')).status).toBe(401);
        await browser.visit('/login', post());
        expect((await browser.visit('/vault')).status).toBe(200);
    });

    test('who logged out by that clock gets a new session, and no month without one', async () => {
        const { browser, setRight } = await loggedInAhead();
        const copy = browser.copy();
        await browser.visit('/logout', post());
        setRight();
        await copy.visit('/put', post({ cart: [1] }));
        expect(await copy.json('/me')).toEqual({ ...me, data: { cart: [1] } });
    });
});

describe('the idle time', () => {
    test('a process whose clock is a second behind writes nothing for a read, and sends no cookie again', async () => {
        const app = await sessionApp({ routes, session: { idle: HOUR, cookie: { maxAge: HOUR } } });
        const browser = app.browser();
        await browser.visit('/login', post());
        later(-1000);
        const sent = browser.received.length;
        expect(await browser.json('/me')).toEqual({ ...me, user: '7' });
        expect(browser.received.length).toBe(sent);
    });

    test('a visitor who comes every half an hour keeps a cookie that lives for an hour, however long the session idles', async () => {
        const app = await sessionApp({ routes, session: { idle: 30 * DAY, cookie: { maxAge: HOUR } } });
        const browser = app.browser();
        await browser.visit('/login', post());
        for (let visits = 1; visits <= 3; visits += 1) {
            later(30 * MINUTE);
            const sent = browser.received.length;
            expect(await browser.json('/me')).toEqual({ ...me, user: '7' });
            expect(browser.received.length).toBe(sent + 1);
        }
    });

    test('a cookie that lives for a month is not sent again as often as a session of an hour is in use', async () => {
        const app = await sessionApp({ routes, session: { idle: HOUR, cookie: { maxAge: 30 * DAY } } });
        const browser = app.browser();
        await browser.visit('/login', post());
        const sent = browser.received.length;
        later(30 * MINUTE);
        await browser.visit('/me');
        later(45 * MINUTE);
        expect(await browser.json('/me')).toEqual({ ...me, user: '7' });
        expect(browser.received.length).toBe(sent);
    });

    test('holds where the cookie has a day on which it expires', async () => {
        const expires = new Date(Date.now() + 300 * DAY);
        const app = await sessionApp({ routes, session: { idle: 30 * MINUTE, cookie: { expires } } });
        const client = app.client().actingAs(7);
        await client.get('/me');
        travel('29 minutes');
        expect((await client.get('/me')).json()).toEqual({ ...me, user: '7' });
        travel('31 minutes');
        expect((await client.get('/me')).json()).toEqual({ ...me, ended: 'idle' });
    });

    test('and the absolute one hold for sessions of other packages that tell no time', async () => {
        const store = new session.MemoryStore();
        for (const id of ['used', 'unused']) {
            const cookie = { originalMaxAge: null, expires: null, httpOnly: true, path: '/' };
            store.set(id, { cookie, who: id } as never);
        }
        const app = await sessionApp({
            routes,
            session: { driver: 'plain', idle: HOUR, absolute: 2 * HOUR },
            boot: (kernel) => kernel.container.make(SessionManager).extend('plain', () => store),
        });
        const [used, unused] = [app.browser(), app.browser()];
        used.cookies.set('sosise', encodeURIComponent(`s:${sign('used', SECRET)}`));
        unused.cookies.set('sosise', encodeURIComponent(`s:${sign('unused', SECRET)}`));
        expect(await unused.json('/me')).toEqual({ ...me, data: { who: 'unused' } });
        for (let halves = 0; halves <= 4; halves += 1) {
            expect(await used.json('/me')).toEqual({ ...me, data: { who: 'used' } });
            later(30 * MINUTE);
        }
        expect(await used.json('/me')).toEqual({ ...me, ended: 'absolute' });
        expect(await unused.json('/me')).toEqual({ ...me, ended: 'idle' });
    });
});
