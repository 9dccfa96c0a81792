import { sign } from 'cookie-signature';
import type { Router } from 'express';
import session from 'express-session';
import { login, requireRecentLogin, SessionRegistry } from 'sosise';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { keyOf, liveRecord, NO_CHANGE, type StoredCookie } from './helpers/inside/Session/Record.js';
import { SessionRepository } from './helpers/inside/Session/Repository.js';
import { MemoryStore } from './helpers/inside/Session/Stores/Memory.js';
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

describe('what a read writes down', () => {
    const start = async (session: object) => {
        const app = await sessionApp({ routes, session: { driver: 'memory', ...session } });
        const browser = app.browser();
        await browser.visit('/login', post());
        const began = Date.now();
        const driver = await app.app.container.make(SessionManager).driver('memory');
        const [, id = ''] = /^s%3A([\w-]+)\./.exec(browser.cookies.get('sosise') ?? '') ?? [];
        const seenAfter = async (ms: number) => {
            later(ms);
            await browser.visit('/me');
            const { record = '' } = (await driver.read(keyOf(id))) ?? {};
            return (JSON.parse(record) as { __lastAccess: number }).__lastAccess - began;
        };
        return { seenAfter };
    };

    test('is nothing until a twentieth of the idle time has passed, and then that it was there', async () => {
        const { seenAfter } = await start({ idle: HOUR });
        expect(await seenAfter(3 * MINUTE - 1)).toBe(0);
        expect(await seenAfter(1)).toBe(3 * MINUTE);
        expect(await seenAfter(3 * MINUTE - 1)).toBe(3 * MINUTE);
    });

    test('comes as often as the cookie needs it, where that lives for less long than the session', async () => {
        const { seenAfter } = await start({ idle: 10 * HOUR, cookie: { maxAge: HOUR } });
        expect(await seenAfter(3 * MINUTE - 1)).toBe(0);
        expect(await seenAfter(1)).toBe(3 * MINUTE);
    });

    test('and no oftener where the cookie lives for longer', async () => {
        const { seenAfter } = await start({ idle: HOUR, cookie: { maxAge: 10 * HOUR } });
        expect(await seenAfter(3 * MINUTE - 1)).toBe(0);
        expect(await seenAfter(1)).toBe(3 * MINUTE);
    });
});

test('a change sends the cookie anew once it has lost a twentieth of its life, and not before', async () => {
    const app = await sessionApp({ routes, session: { driver: 'memory', idle: 10 * HOUR, cookie: { maxAge: HOUR } } });
    const browser = app.browser();
    await browser.visit('/login', post());
    const sentAfter = async (ms: number) => {
        later(ms);
        const before = browser.received.length;
        await browser.visit('/put', post({ now: Date.now() }));
        return browser.received.length - before;
    };
    expect(await sentAfter(3 * MINUTE - 1)).toBe(0);
    expect(await sentAfter(1)).toBe(1);
    expect(await sentAfter(3 * MINUTE - 1)).toBe(0);
});

describe('to the millisecond', () => {
    const key = keyOf('a session');
    const untilClosed: StoredCookie = { originalMaxAge: null };
    const open = (options: object = {}, driver = new MemoryStore()) =>
        new SessionRepository(driver, {
            idleMs: HOUR,
            maxAgeMs: undefined,
            timeoutMs: 2_000,
            keepDamagedMs: HOUR,
            warn: () => undefined,
            ...options,
        });
    /** How it is with the session so much later than it was created, for as long as nobody uses it. */
    const kindsAfter = async (repository: SessionRepository, cookie: StoredCookie, ...moments: number[]) => {
        const began = Date.now();
        await repository.create(key, cookie, NO_CHANGE);
        const kinds: unknown[] = [];
        for (const moment of moments) {
            vi.setSystemTime(began + moment);
            const found = await repository.load(key);
            kinds.push(found.kind === 'ended' ? [found.reason, found.at - began] : found.kind);
        }
        return kinds;
    };

    test('a session lives for its idle time, and what is left of it for a day', async () => {
        const moments = [0, HOUR, HOUR + 1, HOUR + DAY, HOUR + DAY + 1];
        const ended = ['idle', HOUR];
        expect(await kindsAfter(open(), untilClosed, ...moments)).toEqual(['live', 'live', ended, ended, 'none']);
    });

    test('one that is used ends by its absolute time', async () => {
        const repository = open({ absoluteMs: HOUR + 5 });
        const began = Date.now();
        let session = await repository.create(key, untilClosed, NO_CHANGE);
        later(HOUR);
        session = session && (await repository.touch(key, session));
        expect(session?.kind).toBe('live');
        vi.setSystemTime(began + HOUR + 5);
        expect((await repository.load(key)).kind).toBe('live');
        later(1);
        expect(await repository.load(key)).toMatchObject({ kind: 'ended', reason: 'absolute', at: began + HOUR + 5 });
    });

    test('where both times end it at once, no use would have kept it', async () => {
        expect(await kindsAfter(open({ absoluteMs: HOUR }), untilClosed, HOUR, HOUR + 1)).toEqual([
            'live',
            ['absolute', HOUR],
        ]);
    });

    test.each([true, false])(
        'an age that differs from maxAge by more than a second is its own: named %s',
        async (named) => {
            const options = { maxAgeMs: HOUR, ...(named && { cookie: { maxAge: HOUR } }) };
            const ends = async (age: number) => {
                const [kind] = await kindsAfter(open(options), { originalMaxAge: age, path: '/' }, 10 * HOUR);
                return kind;
            };
            expect(await ends(HOUR + 1_000)).toEqual(['idle', HOUR]);
            expect(await ends(HOUR + 1_001)).toEqual(['idle', HOUR + 1_001]);
            expect(await ends(HOUR - 1_000)).toEqual(['idle', HOUR]);
            expect(await ends(HOUR - 1_001)).toEqual(['idle', HOUR - 1_001]);
        },
    );

    test('any age is its own where the config has none', async () => {
        const [kind] = await kindsAfter(open({ cookie: {} }), { originalMaxAge: 7, path: '/' }, 8);
        expect(kind).toEqual(['idle', 7]);
    });

    test('with a date in the config, an age that is a minute from it is the same, and one further off its own', async () => {
        const end = Date.now() + 10 * DAY;
        const expires = new Date(end);
        const open10 = () => open({ fixedEnd: end, cookie: { expires } });
        for (const [difference, isOwn] of [
            [MINUTE, false],
            [MINUTE + 1, true],
            [-MINUTE, false],
            [-MINUTE - 1, true],
        ] as const) {
            const repository = open10();
            const age = 10 * DAY + difference;
            const session = await repository.create(key, { originalMaxAge: age, path: '/' }, NO_CHANGE);
            const cookie = session && repository.cookieOf(session.record);
            expect(cookie?.originalMaxAge, String(difference)).toBe(isOwn ? age : 10 * DAY);
        }
    });

    test('a stored cookie that says no end gets the one that follows from its last use', async () => {
        const seen = Date.now();
        const driver = new MemoryStore();
        const cookie = { originalMaxAge: HOUR + 1, path: '/' };
        driver.write(
            key,
            liveRecord({ seen, created: seen, login: undefined, own: [] }, cookie, ''),
            undefined,
            seen + DAY,
        );
        const repository = open({ maxAgeMs: HOUR, cookie: { maxAge: HOUR } }, driver);
        later(5 * MINUTE);
        const found = await repository.load(key);
        expect(found.kind === 'live' && repository.cookieOf(found.record)).toMatchObject({
            originalMaxAge: HOUR,
            expires: new Date(seen + HOUR).toISOString(),
        });
    });
});
