import { readdirSync, readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { Router } from 'express';
import { login } from 'sosise';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SessionRegistry } from './helpers/inside/Session/Admin.js';
import type { SessionRepository } from './helpers/inside/Session/Repository.js';
import { sessionApp } from './helpers/sessionApp.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function routes(router: Router): void {
    router.get('/', (request, response) => {
        request.session['visits'] = Number(request.session['visits'] ?? 0) + 1;
        response.json(request.session['visits']);
    });
    router.get('/idle', (_request, response) => {
        response.json('this route never looks at the session');
    });
    router.get('/ended', (request, response) => {
        response.json(request.sessionEnded ?? null);
    });
    router.get('/remember', (request, response) => {
        request.session.cookie.maxAge = 30 * DAY;
        response.json('remembered');
    });
    router.get('/login', async (request, response) => {
        await login(request, 7);
        response.json('logged in');
    });
    router.get('/destroy', async (request, response) => {
        await request.session.destroy();
        response.json('destroyed');
    });
    router.get('/regenerate', async (request, response) => {
        await request.session.regenerate();
        response.json(request.sessionEnded ?? null);
    });
}

const later = (ms: number) => vi.setSystemTime(Date.now() + ms);
const expiresIn = (line: string | undefined) => Date.parse(/Expires=([^;]+)/.exec(line ?? '')?.[1] ?? '') - Date.now();

beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => {
    vi.useRealTimers();
});

describe.each(['file', 'memory'])('the absolute timeout, %s driver', (driver) => {
    test('ends a session however much it is used, and says so for a day', async () => {
        const app = await sessionApp({ session: { driver, idle: HOUR, absolute: 3 * HOUR }, routes });
        const browser = app.browser();
        await browser.visit('/');
        for (let visits = 2; visits <= 6; visits += 1) {
            later(35 * MINUTE);
            expect(await browser.json('/')).toBe(visits);
        }
        later(6 * MINUTE);
        expect(await browser.json('/ended')).toBe('absolute');
        expect(await browser.copy().json('/')).toBe(1);
        later(23 * HOUR);
        expect(await browser.json('/ended')).toBe('absolute');
        later(HOUR);
        expect(await browser.json('/ended')).toBe(null);
    });

    test('idle ends it sooner where nobody comes', async () => {
        const app = await sessionApp({ session: { driver, idle: HOUR, absolute: 3 * HOUR }, routes });
        const browser = app.browser();
        await browser.visit('/');
        later(HOUR - 1000);
        expect(await browser.json('/idle')).toContain('never looks');
        later(HOUR - 1000);
        expect(await browser.json('/ended')).toBe(null);
        expect(await browser.json('/')).toBe(2);
        later(HOUR + 1000);
        expect(await browser.json('/ended')).toBe('idle');
        expect(await browser.json('/')).toBe(1);
    });

    test.each([
        [{}, 7, 100 * MINUTE],
        [{ cookie: { maxAge: 20 * DAY } }, 20, 6 * HOUR],
        [{ cookie: { maxAge: HOUR } }, 7, 50 * MINUTE],
        [{ idle: 10 * DAY }, 10, 6 * HOUR],
        [{ absolute: 2 * DAY, idle: 10 * DAY }, 2, 6 * HOUR],
    ])('is the greatest of seven days, maxAge and idle unless it is set: %j', async (session, days, pause) => {
        const app = await sessionApp({ session: { driver, ...session }, routes });
        const browser = app.browser();
        const ends = Date.now() + days * DAY;
        await browser.visit('/');
        const visitor = browser.copy(); // keeps sending the cookie whatever its date says
        while (Date.now() < ends - HOUR / 2) {
            later(Math.min(pause, ends - HOUR / 2 - Date.now()));
            await visitor.visit('/idle');
        }
        expect(await visitor.json('/ended')).toBe(null);
        vi.setSystemTime(ends + 1);
        expect(await visitor.json('/ended')).toBe('absolute');
    });

    test('null turns it off', async () => {
        const app = await sessionApp({ session: { driver, idle: 8 * DAY, absolute: null }, routes });
        const browser = app.browser();
        for (let visits = 1; visits <= 4; visits += 1) {
            expect(await browser.json('/')).toBe(visits);
            later(7 * DAY);
        }
    });
});

describe('the end of a session', () => {
    test('a cookie never outlives the absolute timeout, rolling or not', async () => {
        for (const rolling of [true, undefined]) {
            const session = { rolling, absolute: 3 * HOUR, cookie: { maxAge: 2 * HOUR } };
            const app = await sessionApp({ session, routes });
            const browser = app.browser();
            await browser.visit('/');
            expect(expiresIn(browser.received.at(-1))).toBeGreaterThan(2 * HOUR - 2000);
            later(110 * MINUTE);
            await browser.visit('/');
            expect(browser.received).toHaveLength(2);
            expect(expiresIn(browser.received.at(-1))).toBeLessThanOrEqual(70 * MINUTE);
            expect(expiresIn(browser.received.at(-1))).toBeGreaterThan(69 * MINUTE);
            later(69 * MINUTE);
            expect(await browser.json('/')).toBe(3);
        }
    });

    test('a cookie is renewed when it has lost 5 % of its life, however often the session changes', async () => {
        const app = await sessionApp({ session: { cookie: { maxAge: 2 * HOUR } }, routes });
        const browser = app.browser();
        for (let visits = 1; visits <= 180; visits += 1) {
            expect(await browser.json('/')).toBe(visits); // three hours: the first cookie would have ended
            later(MINUTE);
        }
        expect(browser.received).toHaveLength(30);
    });

    test('a visitor who asked to be remembered is remembered for as long', async () => {
        const app = await sessionApp({ session: { cookie: { maxAge: 2 * HOUR } }, routes });
        const browser = app.browser();
        await browser.visit('/');
        await browser.visit('/remember');
        later(29 * DAY);
        expect(await browser.json('/')).toBe(2);
        later(2 * DAY);
        expect(await browser.copy().json('/ended')).toBe('absolute');
    });

    test('a process whose clock is behind knows a late request, and gives its browser no older cookie', async () => {
        const app = await sessionApp({ routes });
        const browser = app.browser();
        await browser.visit('/');
        const late = browser.copy();
        await browser.visit('/regenerate');
        vi.setSystemTime(Date.now() - 300);
        const answer = await late.visit('/');
        expect([answer.status, answer.headers.getSetCookie()]).toEqual([409, []]);
    });

    test('login counts from the login', async () => {
        const app = await sessionApp({ session: { idle: 3 * HOUR, absolute: 4 * HOUR }, routes });
        const browser = app.browser();
        await browser.visit('/');
        later(2.5 * HOUR);
        await browser.visit('/login');
        later(2 * HOUR);
        expect(await browser.json('/')).toBe(2);
        later(2 * HOUR + 1000);
        expect(await browser.json('/ended')).toBe('absolute');
    });

    test('is told as destroyed or revoked to a browser that still sends the cookie, and to no other', async () => {
        const app = await sessionApp({ session: { idle: 3 * DAY }, routes });
        const [destroyed, revoked] = [app.browser(), app.browser()];
        await destroyed.visit('/');
        const other = destroyed.copy();
        await destroyed.visit('/destroy');
        expect(await other.json('/ended')).toBe('destroyed');
        await revoked.visit('/login');
        await app.app.container.make(SessionRegistry).revoke(7);
        expect(await revoked.json('/ended')).toBe('revoked');
        const moved = app.browser();
        await moved.visit('/');
        const before = moved.copy();
        expect(await moved.json('/regenerate')).toBe(null);
        expect(await before.json('/ended')).toBe(null);
        expect(await app.browser().json('/ended')).toBe(null);
        later(DAY + 1000);
        expect(await other.json('/ended')).toBe(null);
    });

    test('removes the data soon, and the note of it a day later', async () => {
        const app = await sessionApp({ session: { idle: HOUR }, routes });
        await app.browser().visit('/');
        const registry = app.app.container.make(SessionRegistry) as unknown as {
            services(): { repository: SessionRepository };
        };
        const stored = () =>
            readdirSync(app.folder)
                .filter((name) => name.endsWith('.json'))
                .map((name) => readFileSync(join(app.folder, name), 'utf8'));
        later(HOUR + 2 * MINUTE);
        await registry.services().repository.prune();
        expect(stored()).toHaveLength(1);
        expect(stored()[0]).not.toContain('visits');
        const [name = ''] = readdirSync(app.folder).filter((file) => file.endsWith('.json'));
        later(DAY + HOUR);
        utimesSync(join(app.folder, name), new Date(0), new Date(0));
        await registry.services().repository.prune();
        expect(stored()).toEqual([]);
    });
});
