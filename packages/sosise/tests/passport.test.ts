import type { Request, Response, Router } from 'express';
import passport from 'passport';
import { applicationOf, authenticatedUser, login, logout, requireLogin, SessionRegistry } from 'sosise';
import { describe, expect, test } from 'vitest';
import { type SessionAppOptions, sessionApp } from './helpers/sessionApp.js';

const DRIVERS: [string, SessionAppOptions][] = [
    ['file', {}],
    ['memory', { session: { driver: 'memory' } }],
    ['encrypted file', { session: { encrypt: true } }],
];

interface Member {
    id: number;
}

/** As passport-local does it, without that package. */
class PasswordStrategy extends passport.Strategy {
    public override readonly name = 'password';

    public override authenticate(request: Request): void {
        const { user, password } = request.body;
        if (password === 'secret') {
            this.success({ id: user });
        } else {
            this.fail('wrong password');
        }
    }
}

function routes(router: Router): void {
    const auth = new passport.Passport();
    auth.use(new PasswordStrategy());
    auth.serializeUser((user, done) => done(null, (user as Member).id));
    auth.deserializeUser((id, done) => done(null, id === 404 ? false : { id: Number(id) }));
    router.use(auth.session());

    const welcome = (_request: Request, response: Response) => response.json('welcome');
    const ours = async (request: Request, response: Response) => {
        await login(request, (request.user as Member).id);
        response.json('welcome');
    };
    router.post('/passport', auth.authenticate('password'), welcome);
    router.post('/passport-keeping', auth.authenticate('password', { keepSessionInfo: true }), welcome);
    router.post('/both', auth.authenticate('password'), ours);
    router.post('/both-keeping', auth.authenticate('password', { keepSessionInfo: true }), ours);
    router.post('/ours', auth.authenticate('password', { session: false }), ours);
    router.post('/by-hand', (request, response, next) => {
        request.logIn({ id: 7 }, (error) => (error ? next(error) : response.json('welcome')));
    });
    router.post('/passport-after-ours', async (request, response, next) => {
        await login(request, 7);
        request.login({ id: 7 }, (error) => (error ? next(error) : response.json('welcome')));
    });
    router.post('/passport-logout', (request, response, next) => {
        request.logout((error) => (error ? next(error) : response.json('bye')));
    });
    router.post('/passport-logout-keeping', (request, response, next) => {
        request.logout({ keepSessionInfo: true }, (error) => (error ? next(error) : response.json('bye')));
    });
    router.post('/our-logout', async (request, response) => {
        await logout(request);
        response.json('bye');
    });
    router.post('/put', (request, response) => {
        Object.assign(request.session, request.body);
        response.json('put');
    });
    router.get('/me', (request, response) => {
        const { cookie, ...data } = request.session;
        response.json({ passport: request.user ?? null, ours: authenticatedUser(request) ?? null, data });
    });
    router.get('/names', (request, response) => {
        response.json({
            isPassport: request.login === request.logIn && request.logout === request.logOut,
            isOurs: (request.login as unknown) === login || (request.logout as unknown) === logout,
            isAuthenticated: request.isAuthenticated(),
        });
    });
    router.get('/members', requireLogin(), welcome);
    router.get('/sessions', async (request, response) => {
        response.json(await applicationOf(request).container.make(SessionRegistry).list(7, { request }));
    });
}

const post = (body: object = {}) => ({ method: 'POST', body });
const right = post({ user: 7, password: 'secret' });
const nobody = { passport: null, ours: null, data: {} };
const inPassport = { passport: { user: 7 } };

describe.each(DRIVERS)('passport, %s', (_driver, options) => {
    const start = () => sessionApp({ ...options, routes });

    test('logs its user in under a new id, which the old one does not share', async () => {
        const browser = (await start()).browser();
        await browser.visit('/put', post({ cart: [1] }));
        const before = browser.copy();
        expect((await browser.visit('/passport', post({ user: 7, password: 'wrong' }))).status).toBe(401);
        expect(await browser.json('/passport', right)).toBe('welcome');
        expect(browser.cookies.get('sosise')).not.toBe(before.cookies.get('sosise'));
        expect(await browser.json('/me')).toEqual({ passport: { id: 7 }, ours: null, data: inPassport });
        expect(await before.json('/me')).toEqual(nobody);
    });

    test('keeps what was in the session where it is asked to', async () => {
        const browser = (await start()).browser();
        await browser.visit('/put', post({ cart: [1], list: { a: 1 } }));
        const before = browser.copy();
        await browser.visit('/passport-keeping', right);
        const data = { cart: [1], list: { a: 1 }, ...inPassport };
        expect(await browser.json('/me')).toEqual({ passport: { id: 7 }, ours: null, data });
        expect(await before.json('/me')).toEqual(nobody);
    });

    test('logs in and out by its own functions of the request', async () => {
        const browser = (await start()).browser();
        await browser.visit('/by-hand', post());
        expect(await browser.json('/names')).toEqual({ isPassport: true, isOurs: false, isAuthenticated: true });
        await browser.visit('/put', post({ cart: [1] }));
        const before = browser.copy();
        expect(await browser.json('/passport-logout', post())).toBe('bye');
        expect(await browser.json('/me')).toEqual(nobody);
        expect(await before.json('/me'), 'the id of before').toEqual(nobody);
        expect(await browser.json('/names')).toMatchObject({ isAuthenticated: false });
    });

    test('keeps the session at logout where it is asked to, but for its user', async () => {
        const browser = (await start()).browser();
        await browser.visit('/passport', right);
        await browser.visit('/put', post({ cart: [1] }));
        await browser.visit('/passport-logout-keeping', post());
        expect(await browser.json('/me')).toEqual({ ...nobody, data: { cart: [1], passport: {} } });
    });

    test('and login() afterwards: both know the user, the registry lists the session, and ends it for both', async () => {
        const app = await start();
        const [phone, laptop] = [app.browser(), app.browser()];
        for (const browser of [phone, laptop]) {
            expect(await browser.json('/both', right)).toBe('welcome');
            expect(await browser.json('/me')).toEqual({ passport: { id: 7 }, ours: '7', data: inPassport });
        }
        expect(await laptop.json('/sessions')).toMatchObject([{ current: false }, { current: true }]);
        expect((await phone.visit('/members')).status).toBe(200);
        expect(await app.app.container.make(SessionRegistry).revoke(7)).toBe(2);
        expect(await phone.json('/me')).toEqual(nobody);
        expect((await phone.visit('/members')).status).toBe(401);
        expect(await laptop.json('/sessions')).toEqual([]);
    });

    test('and login() keep the session together', async () => {
        const browser = (await start()).browser();
        await browser.visit('/put', post({ cart: [1] }));
        await browser.visit('/both-keeping', right);
        await browser.visit('/put', post({ login: 'a key like any other', user: 'so is this' }));
        expect(await browser.json('/me')).toEqual({
            passport: { id: 7 },
            ours: '7',
            data: { cart: [1], login: 'a key like any other', user: 'so is this', ...inPassport },
        });
    });

    test('may only check the password, and leave the session to login()', async () => {
        const browser = (await start()).browser();
        await browser.visit('/ours', right);
        expect(await browser.json('/me')).toEqual({ passport: null, ours: '7', data: {} });
        expect(await browser.json('/sessions')).toHaveLength(1);
    });

    test.each(['/passport-logout', '/our-logout'])('%s logs out of both', async (path) => {
        const browser = (await start()).browser();
        await browser.visit('/both', right);
        const thief = browser.copy();
        await browser.visit(path, post());
        expect(await browser.json('/me')).toEqual(nobody);
        expect(await thief.json('/me')).toEqual(nobody);
        expect((await thief.visit('/members')).status).toBe(401);
        expect(await browser.json('/sessions')).toEqual([]);
    });

    test('begins a new session when it logs in: a login() before it is over', async () => {
        const browser = (await start()).browser();
        await browser.visit('/passport-after-ours', post());
        expect(await browser.json('/me')).toEqual({ passport: { id: 7 }, ours: null, data: inPassport });
        expect(await browser.json('/sessions')).toEqual([]);
    });

    test('another user who logs in finds nothing of the one before', async () => {
        const browser = (await start()).browser();
        await browser.visit('/both', right);
        await browser.visit('/put', post({ secret: 'of 7' }));
        await browser.visit('/both', post({ user: 8, password: 'secret' }));
        expect(await browser.json('/me')).toEqual({ passport: { id: 8 }, ours: '8', data: { passport: { user: 8 } } });
    });
});

describe('passport', () => {
    test('gives visitors no cookie, though it asks for the session of every request', async () => {
        const browser = (await sessionApp({ routes })).browser();
        expect(await browser.json('/me')).toEqual(nobody);
        expect(browser.received).toEqual([]);
    });

    test('forgets a user who is not there any more', async () => {
        const browser = (await sessionApp({ routes })).browser();
        await browser.visit('/passport', post({ user: 404, password: 'secret' }));
        expect(await browser.json('/me')).toEqual({ ...nobody, data: { passport: {} } });
        expect(await browser.json('/me')).toEqual({ ...nobody, data: { passport: {} } });
    });

    test('can not be made to log a visitor in by another site', async () => {
        const app = await sessionApp({ routes });
        const forged: Record<string, string>[] = [
            { 'sec-fetch-site': 'cross-site' },
            { origin: 'https://evil.example' },
        ];
        for (const headers of forged) {
            const browser = app.browser();
            await browser.visit('/passport', { ...right, headers });
            expect(browser.received).toEqual([]);
            expect((await browser.visit('/both', { ...right, headers })).status).toBe(403);
            expect(browser.received).toEqual([]);
        }
    });

    test('says what it misses where sessions are off', async () => {
        const app = await sessionApp({ routes, session: { enabled: false } });
        expect((await app.browser().visit('/passport', right)).status).toBe(500);
        expect(JSON.stringify(app.log)).toContain('set enabled to true in src/config/session.ts');
    });
});
