import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import express, { type Router } from 'express';
import session from 'express-session';
import memorystore from 'memorystore';
import {
    authenticatedAt,
    authenticatedUser,
    fingerprint,
    login,
    logout,
    requireLogin,
    requireRecentLogin,
    SessionRegistry,
} from 'sosise';
import { describe, expect, test, vi } from 'vitest';
import type { Browser } from './helpers/Browser.js';
import { userKeyOf } from './helpers/inside/Session/Record.js';
import { travel } from './helpers/inside/Testing.js';
import { listen } from './helpers/listen.js';
import { type SessionApp, type SessionAppOptions, SessionManager, sessionApp } from './helpers/sessionApp.js';

const PlainStore = memorystore(session);

const DRIVERS: [string, SessionAppOptions][] = [
    ['file', {}],
    ['memory', { session: { driver: 'memory' } }],
    ['encrypted file', { session: { encrypt: true } }],
    [
        'plain store',
        {
            session: { driver: 'plain' },
            boot: (app) => app.container.make(SessionManager).extend('plain', () => new PlainStore({}) as never),
        },
    ],
];

function routes(router: Router): void {
    router.post('/login', async (request, response) => {
        await login(request, request.body.user);
        response.json(authenticatedUser(request));
    });
    router.post('/logout', async (request, response) => {
        await logout(request);
        response.json(request.session === undefined);
    });
    router.post('/note-and-login', async (request, response) => {
        request.session['note'] = request.body.note;
        await login(request, request.body.user);
        response.json('welcome');
    });
    router.post('/logout-unawaited', (request, response) => {
        void logout(request);
        response.json('bye');
    });
    router.post('/put', (request, response) => {
        Object.assign(request.session, request.body);
        response.json('put');
    });
    router.get('/me', (request, response) => {
        const { cookie, ...data } = request.session;
        response.json({ user: authenticatedUser(request) ?? null, data, ended: request.sessionEnded ?? null });
    });
    router.get('/at', (request, response) => {
        response.json(authenticatedAt(request) ?? null);
    });
    router.get('/fingerprint', (request, response) => {
        response.json(fingerprint(request) ?? null);
    });
    router.get('/members', requireLogin(), (_request, response) => {
        response.json('members');
    });
    router.get('/vault', requireRecentLogin({ minutes: 5 }), (_request, response) => {
        response.json('vault');
    });
}

function registryRoutes(app: () => SessionApp): (router: Router) => void {
    const registry = () => app().app.container.make(SessionRegistry);
    return (router) => {
        routes(router);
        router.get('/sessions', async (request, response) => {
            response.json(await registry().list(authenticatedUser(request) ?? '', { request }));
        });
        router.post('/revoke-others', async (request, response) => {
            response.json(await registry().revoke(authenticatedUser(request) ?? '', { except: request }));
        });
    };
}

async function registryApp(options: SessionAppOptions): Promise<{ app: SessionApp; registry: SessionRegistry }> {
    let app: SessionApp | undefined;
    app = await sessionApp({ ...options, routes: registryRoutes(() => app as SessionApp) });
    return { app, registry: app.app.container.make(SessionRegistry) };
}

const post = (body: unknown = {}) => ({ method: 'POST', body });
const me = { user: null, data: {}, ended: null };

describe.each(DRIVERS)('login and logout, %s', (_driver, options) => {
    test('login gives the session a new id and its user, and keeps what was in it', async () => {
        const app = await sessionApp({ ...options, routes });
        const browser = app.browser();
        await browser.visit('/put', post({ cart: [1] }));
        const before = browser.copy();
        expect(await browser.json('/login', post({ user: 7 }))).toBe('7');
        expect(browser.cookies.get('sosise')).not.toBe(before.cookies.get('sosise'));
        expect(await browser.json('/me')).toEqual({ ...me, user: '7', data: { cart: [1] } });
        expect(await before.json('/me'), 'the old id').toEqual(me);
        expect((await browser.visit('/members')).status).toBe(200);
        expect((await before.visit('/members')).status).toBe(401);
    });

    test('what one user had in the session is not there for the next who logs in', async () => {
        const app = await sessionApp({ ...options, routes });
        const browser = app.browser();
        await browser.visit('/login', post({ user: 'anna' }));
        await browser.visit('/put', post({ secret: 'of anna' }));
        const anna = browser.copy();
        await browser.visit('/login', post({ user: 'bert' }));
        expect(await browser.json('/me')).toEqual({ ...me, user: 'bert' });
        expect(await anna.json('/me')).toEqual(me);
    });

    test('logout ends the session, clears the cookie, and leaves no session for the rest of the request', async () => {
        const app = await sessionApp({ ...options, routes });
        const browser = app.browser();
        await browser.visit('/login', post({ user: 7 }));
        const thief = browser.copy();
        expect(await browser.json('/logout', post())).toBe(true);
        expect(browser.cookies.has('sosise')).toBe(false);
        expect(await thief.json('/me')).toEqual({ ...me, ended: 'destroyed' });
        expect((await thief.visit('/put', post({ cart: [1] }))).status).toBe(200);
        expect(await thief.json('/me')).toEqual({ ...me, data: { cart: [1] } }); // a visitor's new session
    });

    test('a user sees all sessions, and can end the others; requests in flight included', async () => {
        const { app, registry } = await registryApp(options);
        const [phone, laptop, other] = [app.browser(), app.browser(), app.browser()];
        await phone.visit('/login', post({ user: 7 }));
        await laptop.visit('/login', post({ user: 7 }));
        await other.visit('/login', post({ user: 8 }));
        const list = await laptop.json<{ current: boolean; fingerprint: string; created: string }[]>('/sessions');
        expect(list.map(({ current }) => current)).toEqual([false, true]);
        expect(list[1]?.fingerprint).toBe(await laptop.json('/fingerprint'));
        expect(Date.now() - Date.parse(list[0]?.created ?? '')).toBeLessThan(60_000);
        expect(await laptop.json('/revoke-others', post())).toBe(1);
        expect(await phone.json('/me')).toEqual({ ...me, ended: 'revoked' });
        expect(await laptop.json('/me')).toEqual({ ...me, user: '7' });
        expect(await other.json('/me')).toEqual({ ...me, user: '8' });
        expect(await registry.list(7)).toHaveLength(1);
        expect(await registry.revoke('7')).toBe(1);
        expect(await laptop.json('/me')).toEqual({ ...me, ended: 'revoked' });
        expect(await registry.list(7)).toEqual([]);
        expect(await registry.revoke('7')).toBe(0);
    });

    test('the list follows a session through migrate and a second login, and forgets it at logout', async () => {
        const { app, registry } = await registryApp(options);
        const browser = app.browser();
        await browser.visit('/login', post({ user: 7 }));
        await browser.visit('/login', post({ user: 7 }));
        expect(await registry.list(7)).toHaveLength(1);
        await browser.visit('/logout', post());
        expect(await registry.list(7)).toEqual([]);
    });

    test('a user who logs in again and then ends the others keeps this one', async () => {
        const { app } = await registryApp(options);
        const [here, elsewhere] = [app.browser(), app.browser()];
        await here.visit('/login', post({ user: 7 }));
        await elsewhere.visit('/login', post({ user: 7 }));
        await here.visit('/login', post({ user: 7 }));
        expect(await here.json('/revoke-others', post())).toBe(1);
        expect(await here.json('/me')).toEqual({ ...me, user: '7' });
        expect(await here.json('/sessions')).toHaveLength(1);
        expect(await elsewhere.json('/me')).toEqual({ ...me, ended: 'revoked' });
    });

    test('revokeAll ends every session, those of visitors too', async () => {
        const { app, registry } = await registryApp(options);
        const browsers = [app.browser(), app.browser(), app.browser()];
        await browsers[0]?.visit('/login', post({ user: 1 }));
        await browsers[1]?.visit('/login', post({ user: 2 }));
        await browsers[2]?.visit('/put', post({ a: 1 }));
        expect(await registry.revokeAll()).toBe(3);
        for (const browser of browsers) {
            expect(await browser.json('/me')).toEqual({ ...me, ended: 'revoked' });
        }
        await browsers[0]?.visit('/login', post({ user: 1 }));
        expect(await browsers[0]?.json('/me')).toEqual({ ...me, user: '1', ended: null });
    });
});

describe('login', () => {
    test('a session that was planted is not logged in along with its victim, as it is in a hand-wired app', async () => {
        const handwired = express();
        handwired.use(session({ secret: 'x'.repeat(32), resave: false, saveUninitialized: false }));
        handwired.use(express.json());
        handwired.post('/put', (request, response) => {
            Object.assign(request.session, request.body);
            response.json('put');
        });
        handwired.post('/login', (request, response) => {
            (request.session as unknown as { user: unknown }).user = request.body.user;
            response.json('logged in');
        });
        handwired.get('/me', (request, response) => {
            response.json({ user: (request.session as unknown as { user?: unknown }).user ?? null });
        });
        const ours = await sessionApp({ routes });
        const attack = async (attacker: Browser) => {
            await attacker.visit('/put', post({ seen: true })); // a session of the attacker's own …
            const victim = attacker.copy(); // … whose cookie is planted in the victim's browser
            await victim.visit('/login', post({ user: 'victim' }));
            return attacker.json('/me');
        };
        expect(await attack(await listen(handwired))).toMatchObject({ user: 'victim' });
        expect(await attack(ours.browser())).toMatchObject({ user: null });
    });

    test.each([[''], [null], [undefined], [{}], [Number.NaN], [true]])('refuses %j as a user', async (user) => {
        const app = await sessionApp({
            routes: (router) =>
                router.get('/', async (request, response) => {
                    await login(request, user as string);
                    response.json('logged in');
                }),
        });
        expect((await app.browser().visit('/')).status).toBe(500);
        expect(app.log.some(({ message }) => message.includes('login(request, userId) needs the id'))).toBe(true);
    });

    test('a user id of any characters is one user, and never shows up in the name of a file', async () => {
        const app = await sessionApp({ routes });
        const ids = ['../../etc', 'a"b\\{}', '__proto__', '7', '07', 'ü'.repeat(200), '\u0000'];
        for (const user of ids) {
            const browser = app.browser();
            expect(await browser.json('/login', post({ user }))).toBe(user);
            await browser.visit('/put', post({ cart: { of: user } }));
            expect(await browser.json('/me')).toMatchObject({ user, data: { cart: { of: user } } });
            expect(await app.app.container.make(SessionRegistry).list(user)).toHaveLength(1);
        }
        const others = readdirSync(app.folder).filter((name) => !/^(sha256|user)-[\w-]{43}\.json$/.test(name));
        expect(others).toEqual(['.locks']);
    });

    test('begins the life of the session anew, and says since when', async () => {
        const app = await sessionApp({ routes, session: { idle: 3_600_000 } });
        const client = app.client().withSession({ a: 1 });
        await client.get('/me');
        travel('10 minutes');
        await client.post('/login', { json: { user: 7 } });
        expect((await client.get('/at')).json()).toBe(new Date().toISOString());
        (await client.get('/vault')).assertOk();
        travel(300_001);
        (await client.get('/vault'))
            .assertStatus(401)
            .assertJson({ message: expect.stringContaining('log in once more') });
        (await client.get('/members')).assertOk();
        await client.post('/login', { json: { user: 7 } });
        (await client.get('/vault')).assertOk();
    });

    test('address and browser are only remembered where that is configured', async () => {
        for (const registry of [undefined, { address: true, browser: true }]) {
            const { app, registry: sessions } = await registryApp({ session: { ...(registry && { registry }) } });
            await app.browser().visit('/login', { ...post({ user: 7 }), headers: { 'user-agent': 'Netscape 4' } });
            const [found] = await sessions.list(7);
            expect(found?.browser).toBe(registry && 'Netscape 4');
            expect(found?.address === undefined).toBe(registry === undefined);
        }
    });

    test('logout says Clear-Site-Data where that is configured', async () => {
        const app = await sessionApp({ routes, session: { clearSiteData: ['cache', 'storage'] } });
        const browser = app.browser();
        await browser.visit('/login', post({ user: 7 }));
        expect((await browser.visit('/logout', post())).headers.get('clear-site-data')).toBe('"cache", "storage"');
        const careless = app.browser();
        await careless.visit('/login', post({ user: 7 }));
        const answer = await careless.visit('/logout-unawaited', post());
        expect(answer.headers.get('clear-site-data')).toBe('"cache", "storage"');
        expect(careless.cookies.has('sosise')).toBe(false);
        const plain = await sessionApp({ routes });
        const member = plain.browser();
        await member.visit('/login', post({ user: 7 }));
        expect((await member.visit('/logout', post())).headers.has('clear-site-data')).toBe(false);
    });

    test('another site can not have the browser’s data cleared: no Clear-Site-Data for who has no session', async () => {
        const app = await sessionApp({ routes, session: { clearSiteData: ['cookies', 'storage'] } });
        const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' };
        const answer = await app.browser().visit('/logout', { ...post(), headers });
        expect(answer.headers.has('clear-site-data')).toBe(false);
        const member = app.browser();
        await member.visit('/login', post({ user: 7 }));
        const withCookie = await member.visit('/logout', { ...post(), headers });
        expect(withCookie.status).toBe(403);
        expect(withCookie.headers.has('clear-site-data')).toBe(false);
        expect(await member.json('/me')).toEqual({ ...me, user: '7' });
    });

    test('a second click on "log in" is a login too', async () => {
        const app = await sessionApp({ routes });
        const browser = app.browser();
        await browser.visit('/put', post({ cart: [1] }));
        const clicks = [browser, browser.copy()];
        const answers = await Promise.all(clicks.map((click) => click.visit('/login', post({ user: 7 }))));
        expect(answers.map(({ status }) => status)).toEqual([200, 200]);
        for (const click of clicks) {
            expect(await click.json('/me')).toMatchObject({ user: '7', data: { cart: [1] } });
        }
        expect(clicks[0]?.cookies).toEqual(clicks[1]?.cookies); // one session, whichever answer comes last
    });

    test('what each of two clicks has changed before its login is stored', async () => {
        const app = await sessionApp({ routes });
        const browser = app.browser();
        await browser.visit('/put', post({ cart: [1] }));
        const clicks = [browser, browser.copy(), browser.copy()];
        const answers = await Promise.all(
            clicks.map((click) => click.visit('/note-and-login', post({ user: 7, note: 'kept' }))),
        );
        expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
        expect(await browser.json('/me')).toMatchObject({ user: '7', data: { cart: [1], note: 'kept' } });
    });

    test('who comes late with the id of another user’s session meets the one that took its place', async () => {
        const app = await sessionApp({ routes });
        const browser = app.browser();
        await browser.visit('/login', post({ user: 7 }));
        const late = browser.copy();
        await browser.visit('/login', post({ user: 8 }));
        const second = late.copy();
        expect((await second.visit('/login', post({ user: 8 }))).status).toBe(200);
        expect(second.cookies).toEqual(browser.cookies);
        await late.visit('/logout', post());
        expect(await browser.json('/me')).toMatchObject({ user: null });
    });

    test('over plain http with a secure cookie is refused, and what the session holds stays', async () => {
        const app = await sessionApp({
            routes,
            environment: 'production',
            http: { trustProxy: 1 },
            session: { cookie: { secure: true } },
        });
        const https = { headers: { 'x-forwarded-proto': 'https' } };
        const browser = app.browser();
        await browser.visit('/put', { ...post({ cart: [1] }), ...https });
        for (const visitor of [browser, app.browser()]) {
            expect((await visitor.visit('/login', post({ user: 7 }))).status).toBe(503);
        }
        expect(await browser.json('/me', https)).toEqual({ ...me, data: { cart: [1] } });
        expect(await app.app.container.make(SessionRegistry).list(7)).toEqual([]);
    });

    test('a login that can not be stored is a 503, and nobody is logged in', async () => {
        const app = await sessionApp({ routes });
        const browser = app.browser();
        await browser.visit('/put', post({ cart: 1 }));
        const { FileStore } = await import('./helpers/inside/Session/Stores/File.js');
        const full = vi.spyOn(FileStore.prototype, 'write').mockRejectedValue(new Error('disk full'));
        expect((await browser.visit('/login', post({ user: 7 }))).status).toBe(503);
        full.mockRestore();
        expect(await browser.json('/me')).toEqual({ ...me, data: { cart: 1 } });
    });
});

describe('revocation', () => {
    test('a login in flight can not store the session that was revoked before it was there', async () => {
        const { app, registry } = await registryApp({});
        let reached = () => {};
        const atTheGate = new Promise<void>((resolve) => {
            reached = resolve;
        });
        let goOn = () => {};
        const gate = new Promise<void>((resolve) => {
            goOn = resolve;
        });
        const { FileStore } = await import('./helpers/inside/Session/Stores/File.js');
        const write = FileStore.prototype.write;
        const spy = vi.spyOn(FileStore.prototype, 'write').mockImplementation(async function (
            this: InstanceType<typeof FileStore>,
            ...args
        ) {
            if (args[1].includes('"login"')) {
                reached();
                await gate;
            }
            return write.apply(this, args);
        });
        const browser = app.browser();
        const loggingIn = browser.visit('/login', post({ user: 7 }));
        await atTheGate;
        spy.mockRestore();
        await registry.revoke(7);
        goOn();
        expect((await loggingIn).status).toBe(401);
        expect(await browser.json('/me')).toMatchObject({ user: null });
        expect(await registry.list(7)).toEqual([]);
    });

    test('a request in flight can not bring a revoked session back, whatever it does', async () => {
        let goOn = () => {};
        let reached = () => {};
        let app: SessionApp | undefined;
        const slow = (work: (request: express.Request) => unknown): express.RequestHandler => {
            return async (request, response) => {
                void request.session['cart'];
                reached();
                await new Promise<void>((resolve) => {
                    goOn = resolve;
                });
                await work(request);
                response.json('done');
            };
        };
        app = await sessionApp({
            routes: (router) => {
                routes(router);
                router.get(
                    '/change',
                    slow((request) => Object.assign(request.session, { cart: 2 })),
                );
                router.get(
                    '/save',
                    slow((request) => request.session.save()),
                );
                router.get(
                    '/migrate',
                    slow((request) => request.session.migrate()),
                );
                router.get(
                    '/relogin',
                    slow((request) => login(request, 7)),
                );
            },
        });
        const registry = app.app.container.make(SessionRegistry);
        for (const path of ['/change', '/save', '/migrate', '/relogin']) {
            const browser = app.browser();
            await browser.visit('/login', post({ user: 7 }));
            const arrived = new Promise<void>((resolve) => {
                reached = resolve;
            });
            const answer = browser.visit(path);
            await arrived;
            await registry.revoke(7);
            goOn();
            await answer;
            expect(await browser.json('/me'), path).toMatchObject({ user: null, data: {} });
            expect(await registry.list(7), path).toEqual([]);
        }
    });

    test('a damaged list of sessions is looked for among all sessions', async () => {
        const { app, registry } = await registryApp({});
        const [one, two] = [app.browser(), app.browser()];
        await one.visit('/login', post({ user: 7 }));
        await two.visit('/login', post({ user: 7 }));
        writeFileSync(join(app.folder, `${userKeyOf('7')}.json`), '{"__lastAcc');
        expect(await registry.list(7)).toHaveLength(2);
        expect(await registry.revoke(7)).toBe(2);
        expect(await one.json('/me')).toEqual({ ...me, ended: 'revoked' });
    });

    test('costs by the number of this user’s sessions, not of all', async () => {
        const { app, registry } = await registryApp({});
        for (let index = 0; index < 20; index += 1) {
            await app.browser().visit('/login', post({ user: 'other' }));
        }
        await app.browser().visit('/login', post({ user: 7 }));
        const { FileStore } = await import('./helpers/inside/Session/Stores/File.js');
        const reads = vi.spyOn(FileStore.prototype, 'read');
        const lists = vi.spyOn(FileStore.prototype, 'records');
        expect(await registry.revoke(7)).toBe(1);
        expect(lists).not.toHaveBeenCalled();
        expect(reads.mock.calls.length).toBeLessThan(8);
        vi.restoreAllMocks();
    });

    test('a user who logs in again and again has a list that does not grow', async () => {
        const { app } = await registryApp({});
        const browser = app.browser();
        for (let index = 0; index < 66; index += 1) {
            await browser.visit('/login', post({ user: 7 }));
        }
        const text = readFileSync(join(app.folder, `${userKeyOf('7')}.json`), 'utf8');
        expect(text.match(/sha256-/g)?.length).toBeLessThan(65);
    });

    test('where sessions are off, the registry says so', async () => {
        const app = await sessionApp({ session: { enabled: false } });
        const registry = app.app.container.make(SessionRegistry);
        await expect(registry.list(7)).rejects.toThrow('set enabled to true in src/config/session.ts');
    });
});
