import type { Router } from 'express';
import session, { type Cookie } from 'express-session';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createKernel, type SessionApp, SessionManager, sessionApp } from './helpers/sessionApp.js';

const HOUR = 3_600_000;

type Times = Partial<Record<'expires' | 'maxAge' | 'originalMaxAge', unknown>>;

/** A route that stores something, and sets a time of the cookie at run time. */
function appThatSets(times: Times, driver = 'file'): Promise<SessionApp> {
    const routes = (router: Router) => {
        router.get('/', (request, response) => {
            request.session['n'] = 1;
            response.json('stored');
        });
        router.get('/set', (request, response) => {
            request.session['n'] = 2;
            Object.assign(request.session.cookie as Cookie, times);
            response.json('set');
        });
        router.get('/n', (request, response) => {
            response.json(request.session['n'] ?? null);
        });
    };
    const boot: NonNullable<Parameters<typeof sessionApp>[0]>['boot'] = ({ container }) =>
        container.make(SessionManager).extend('plain', () => new session.MemoryStore());
    return sessionApp({ session: { driver, cookie: { maxAge: HOUR } }, routes, boot });
}

const expiresIn = (line: string | undefined) => /Expires=([^;]*)/.exec(line ?? '')?.[1];
const errorsOf = ({ log }: SessionApp) =>
    log.filter(({ level }) => level === 'error').map(({ context }) => (context['error'] as Error).message);

describe.each(['file', 'memory', 'plain'])('with the driver %s', (driver) => {
    test.each<[Times, string | RegExp]>([
        [{ expires: new Date(0) }, 'Thu, 01 Jan 1970 00:00:00 GMT'],
        [{ expires: new Date(-8.64e15) }, 'Thu, 01 Jan 1970 00:00:00 GMT'],
        [{ maxAge: 0 }, / GMT$/],
        [{ maxAge: -5_000 }, / GMT$/],
    ])('a time in the past ends the session, as in express-session: %j', async (times, expires) => {
        const app = await appThatSets(times, driver);
        for (const visits of [['/set'], ['/', '/set']]) {
            const browser = app.browser();
            for (const path of visits) {
                expect((await browser.visit(path)).status).toBe(200);
            }
            const sent = expiresIn(browser.received.at(-1));
            expect(sent).toMatch(expires);
            expect(Date.parse(sent ?? '')).toBeLessThanOrEqual(Date.now());
            browser.cookies.set('sosise', /=([^;]+)/.exec(browser.received.at(-1) ?? '')?.[1] ?? '');
            expect(await browser.json('/n')).toBeNull();
        }
        expect(errorsOf(app)).toEqual([]);
    });

    test('a session of no time is over in the millisecond in which it was stored', async () => {
        vi.useFakeTimers({ toFake: ['Date'] });
        onTestFinished(() => void vi.useRealTimers());
        const app = await appThatSets({ maxAge: 0 }, driver);
        const browser = app.browser();
        await browser.visit('/set');
        browser.cookies.set('sosise', /=([^;]+)/.exec(browser.received.at(-1) ?? '')?.[1] ?? '');
        expect(await browser.json('/n')).toBeNull();
    });

    test('the last second of the year 9999 is kept, however often it is sent', async () => {
        const app = await appThatSets({ expires: new Date('9999-12-31T23:59:59.999Z') }, driver);
        const browser = app.browser();
        for (const path of ['/set', '/', '/']) {
            expect((await browser.visit(path)).status).toBe(200);
            expect(expiresIn(browser.received.at(-1))).toMatch(/^Fri, 31 Dec 9999 23:59:5[89] GMT$/);
        }
        expect(await browser.json('/n')).toBe(1);
    });
});

test.each<[Times, string]>([
    [{ expires: new Date('+010000-01-01') }, 'request.session.cookie.expires is after the year 9999'],
    [{ expires: new Date(8.64e15) }, 'request.session.cookie.expires is after the year 9999'],
    [{ originalMaxAge: 8.64e15 }, 'request.session.cookie.expires is after the year 9999'],
    [{ originalMaxAge: Number.POSITIVE_INFINITY }, 'request.session.cookie.expires is after the year 9999'],
    [{ maxAge: Number.POSITIVE_INFINITY }, 'request.session.cookie.expires is an invalid Date'],
    [{ maxAge: 8.64e15 }, 'request.session.cookie.expires is an invalid Date'],
    [{ maxAge: Number.NaN }, 'request.session.cookie.expires is an invalid Date'],
    [{ expires: new Date(Number.NaN) }, 'request.session.cookie.expires is an invalid Date'],
    [{ originalMaxAge: Number.NEGATIVE_INFINITY }, 'request.session.cookie.expires is an invalid Date'],
    [{ expires: '2030-01-01' }, 'request.session.cookie.expires is not a Date'],
    [{ expires: 'soon' }, 'request.session.cookie.expires is not a Date'],
    [{ expires: 5 }, 'request.session.cookie.expires is not a Date'],
    [{ expires: true }, 'request.session.cookie.expires is not a Date'],
    [{ maxAge: '1' }, 'maxAge must be a number or Date'],
])('a time that no cookie can have is an error that names the key: %j', async (times, message) => {
    const app = await appThatSets(times);
    const browser = app.browser();
    await browser.visit('/');
    const sent = browser.received.length;
    expect((await browser.visit('/set')).status).toBe(500);
    expect((await app.browser().visit('/set')).status).toBe(500);
    expect(errorsOf(app).every((text) => text.startsWith(message))).toBe(true);
    expect(browser.received.slice(sent).join()).not.toContain('Invalid');
    expect(await browser.json('/n')).toBeGreaterThan(0);
});

test('a date after the year 9999 in the config stops start-up', () => {
    const cookie = { expires: new Date('+010000-01-01') };
    expect(() => createKernel({ session: { cookie } })).toThrow('cookie.expires is after the year 9999');
});
