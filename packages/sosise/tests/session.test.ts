import { existsSync, readdirSync } from 'node:fs';
import type { Request, Router } from 'express';
import session from 'express-session';
import { flash, increment, logout, pull } from 'sosise';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { SessionManager } from './helpers/inside/Session/Opening.js';
import { createKernel, type SessionAppOptions, sessionApp } from './helpers/sessionApp.js';

const HOUR = 3_600_000;

/** Every driver that ships, and a plain store from npm behind the adapter. */
const drivers: [name: string, options: SessionAppOptions][] = [
    ['file', { session: { driver: 'file' } }],
    ['memory', { session: { driver: 'memory' } }],
    [
        'a plain express-session store',
        {
            session: { driver: 'plain' },
            boot: (app) => app.container.make(SessionManager).extend('plain', () => new session.MemoryStore()),
        },
    ],
];

/** What the session document shows, as routes. */
function documented(router: Router): void {
    router.get('/all', (request, response) => {
        response.json(request.session);
    });
    router.get('/check', (request, response) => {
        response.json(Boolean(request.session['users']));
    });
    router.get('/store', (request, response) => {
        request.session['users'] = [
            { id: 1, name: 'Sharon' },
            { id: 2, name: 'Asif' },
        ];
        response.json('stored');
    });
    router.get('/users', (request, response) => {
        response.json({ users: request.session['users'], has: 'users' in request.session });
    });
    router.get('/null', (request, response) => {
        request.session['users'] = null;
        response.json(request.session['users']);
    });
    router.get('/delete', (request, response) => {
        delete request.session['users'];
        response.json('deleted');
    });
    router.get('/regenerate', (request, response) => {
        request.session.regenerate(() => {
            return response.send('Session was regenerated');
        });
    });
    router.get('/destroy', async (request, response) => {
        await request.session.destroy();
        response.json(request.session === undefined);
    });
    router.get('/migrate', async (request, response) => {
        const before = request.sessionID;
        await request.session.migrate();
        request.session['moved'] = true;
        response.json(before !== request.sessionID && request.session.id === request.sessionID);
    });
    router.get('/plain', (_request, response) => {
        response.json('no session touched');
    });
    router.get('/id', (request, response) => {
        response.json(request.sessionID);
    });
}

describe.each(drivers)('sessions on %s', (_name, options) => {
    const start = (more: SessionAppOptions = {}) =>
        sessionApp({
            ...options,
            ...more,
            session: { ...options.session, ...more.session },
            routes: (router) => {
                documented(router);
                more.routes?.(router);
            },
        });

    test('a visitor gets no cookie until something is stored', async () => {
        const browser = (await start()).browser();
        await browser.visit('/check');
        await browser.visit('/plain');
        expect(browser.received).toEqual([]);
    });

    test('what was stored is there in the next request, for this visitor alone', async () => {
        const app = await start();
        const browser = app.browser();
        expect(await browser.json('/check')).toBe(false);
        await browser.visit('/store');
        expect(await browser.json('/check')).toBe(true);
        expect(await app.browser().json('/check')).toBe(false);
        expect(browser.received).toHaveLength(1);
        expect(browser.received[0]).toMatch(/^sosise=s%3A[^;]+; Path=\/; HttpOnly; SameSite=Lax$/);
    });

    test('request.session shows all data, and no key of the framework beyond cookie', async () => {
        const browser = (await start()).browser();
        await browser.visit('/store');
        const all = await browser.json('/all');
        expect(Object.keys(all)).toEqual(['cookie', 'users']);
        expect(all.users).toEqual([
            { id: 1, name: 'Sharon' },
            { id: 2, name: 'Asif' },
        ]);
    });

    test('a key that was set to null reads null, and a deleted one is gone', async () => {
        const browser = (await start()).browser();
        await browser.visit('/store');
        expect(await browser.json('/null')).toBeNull();
        expect(await browser.json('/users')).toEqual({ users: null, has: true });
        await browser.visit('/delete');
        expect(await browser.json('/users')).toEqual({ has: false });
    });

    test('regenerate gives a new, empty session with a cookie, and kills the old id', async () => {
        const browser = (await start()).browser();
        await browser.visit('/store');
        const old = browser.copy();
        const oldId = await browser.json('/id');
        const answer = await browser.visit('/regenerate');
        expect(await answer.text()).toBe('Session was regenerated');
        expect(answer.headers.getSetCookie()).toHaveLength(1);
        expect(await browser.json('/check')).toBe(false);
        const newId = await browser.json('/id');
        expect(newId).not.toBe(oldId);
        expect(await browser.json('/id')).toBe(newId);
        expect(await old.json('/check')).toBe(false);
        expect(await old.json('/id')).not.toBe(oldId);
    });

    test('destroy ends the session and clears the cookie', async () => {
        const browser = (await start()).browser();
        await browser.visit('/store');
        const old = browser.copy();
        expect(await browser.json('/destroy')).toBe(true);
        expect(browser.received.at(-1)).toMatch(
            /^sosise=; Path=\/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax$/,
        );
        expect(browser.cookies.size).toBe(0);
        expect(await old.json('/check')).toBe(false);
        await old.visit('/destroy');
        expect(old.received).toEqual([]);
    });

    test('migrate gives a new id and keeps the data', async () => {
        const browser = (await start()).browser();
        await browser.visit('/store');
        const old = browser.copy();
        expect(await browser.json('/migrate')).toBe(true);
        expect(await browser.json('/all')).toMatchObject({
            users: [{ name: 'Sharon' }, { name: 'Asif' }],
            moved: true,
        });
        expect(await old.json('/check')).toBe(false);
    });

    test('an id that ended moments ago brings nothing back and replaces no cookie', async () => {
        const browser = (await start()).browser();
        await browser.visit('/store');
        const old = browser.copy();
        await browser.visit('/regenerate');
        await old.visit('/store');
        expect(old.received).toEqual([]);
        expect(await old.json('/check')).toBe(false);
        expect(await browser.json('/check')).toBe(false);
    });

    test('parallel requests that set different keys lose none', async () => {
        const app = await start({
            routes: (router) => {
                router.get('/set/:key', async (request, response) => {
                    const held = request.session;
                    await new Promise((resolve) => setTimeout(resolve, 5));
                    held[request.params.key as string] = true;
                    response.json('set');
                });
            },
        });
        const browser = app.browser();
        await browser.visit('/store');
        const keys = Array.from({ length: 12 }, (_, index) => `key${index}`);
        await Promise.all(keys.map((key) => browser.copy().visit(`/set/${key}`)));
        expect(Object.keys(await browser.json('/all'))).toEqual(expect.arrayContaining(['users', ...keys]));
    });

    test('a hundred parallel requests that write the same key all succeed', async () => {
        const app = await start({
            routes: (router) => {
                router.get('/same/:value', (request, response) => {
                    request.session['same'] = request.params.value;
                    response.json('set');
                });
            },
        });
        const browser = app.browser();
        await browser.visit('/store');
        const answers = await Promise.all(
            Array.from({ length: 100 }, (_, value) => browser.copy().visit(`/same/${value}`)),
        );
        expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    });

    test('the session survives a mutation deep inside a value', async () => {
        const app = await start({
            routes: (router) => {
                router.get('/rename', (request, response) => {
                    const [first] = request.session['users'] as [{ name: string }];
                    first.name = 'Ada';
                    response.json('renamed');
                });
            },
        });
        const browser = app.browser();
        await browser.visit('/store');
        await browser.visit('/rename');
        expect(await browser.json('/users')).toMatchObject({ users: [{ name: 'Ada' }, { name: 'Asif' }] });
    });

    test('callbacks and promises of the session methods both work', async () => {
        const app = await start({
            routes: (router) => {
                router.get('/callbacks', (request, response, next) => {
                    request.session['step'] = 1;
                    request.session.save((saveError) => {
                        request.session['step'] = 2;
                        request.session.reload((reloadError) => {
                            response.json({ errors: [saveError, reloadError], step: request.session['step'] });
                        });
                    });
                    void next;
                });
                router.get('/promises', async (request, response) => {
                    request.session['step'] = 3;
                    await request.session.save();
                    request.session['step'] = 4;
                    await request.session.reload();
                    response.json(request.session['step']);
                });
            },
        });
        const browser = app.browser();
        expect(await browser.json('/callbacks')).toEqual({ errors: [null, null], step: 1 });
        expect(await browser.json('/promises')).toBe(3);
    });

    test('a forged, altered or never issued cookie gives a fresh session under a new id', async () => {
        const app = await start();
        const browser = app.browser();
        await browser.visit('/store');
        const value = browser.cookies.get('sosise') as string;
        const { sign } = await import('cookie-signature');
        const { SECRET } = await import('./helpers/sessionApp.js');
        for (const forged of [
            `${value.slice(0, -1)}x`,
            'nonsense',
            encodeURIComponent(`s:${sign('never-issued', SECRET)}`),
            encodeURIComponent(`s:${sign('../../escape', SECRET)}`),
            encodeURIComponent(`s:${sign('x', 'another secret')}`),
        ]) {
            const attacker = app.browser();
            attacker.cookies.set('sosise', forged);
            expect(await attacker.json('/check')).toBe(false);
            await attacker.visit('/store');
            expect(attacker.received).toHaveLength(1);
            expect(attacker.cookies.get('sosise')).not.toContain('never-issued');
        }
    });
});

describe('sessions that are disabled', () => {
    test('there is no store, no cookie and no folder, and the first read says where to enable them, once', async () => {
        const app = await sessionApp({
            session: { enabled: false },
            routes: (router) => {
                router.get('/', (request, response) => {
                    response.json({ session: request.session ?? 'none' });
                });
            },
        });
        const browser = app.browser();
        expect(await browser.json('/')).toEqual({ session: 'none' });
        await browser.visit('/');
        expect(browser.received).toEqual([]);
        expect(existsSync(app.folder)).toBe(false);
        expect(app.log.filter(({ level }) => level === 'warning').map(({ message }) => message)).toEqual([
            'Sessions are disabled: set enabled to true in src/config/session.ts to use request.session.',
        ]);
    });
});

describe('a session that is not stored yet', () => {
    test('gets its new id by migrate(), and is found by that id with what the route puts in then', async () => {
        const app = await sessionApp({ session: { driver: 'memory' }, routes: documented });
        const browser = app.browser();
        expect(await browser.json('/migrate')).toBe(true);
        expect(browser.received).toHaveLength(1);
        const moved = await browser.json<string>('/id');
        expect(decodeURIComponent(browser.cookies.get('sosise') ?? '')).toContain(`s:${moved}.`);
        expect(await browser.json('/all')).toMatchObject({ moved: true });
    });

    test('is stored by migrate() alone', async () => {
        const app = await sessionApp({
            session: { driver: 'memory' },
            routes: (router) => {
                documented(router);
                router.get('/only', async (request, response) => {
                    const before = request.sessionID;
                    await request.session.migrate();
                    response.json([before, request.sessionID]);
                });
            },
        });
        const browser = app.browser();
        const [before, after] = await browser.json<[string, string]>('/only');
        expect(before).not.toBe(after);
        expect(browser.received).toHaveLength(1);
        expect(await browser.json('/id')).toBe(after);
        expect(await browser.json('/migrate')).toBe(true);
        expect(browser.received, 'it was there, and moved').toHaveLength(2);
    });
});

describe('a session that the request has ended or taken away', () => {
    const ways: Record<string, (request: Request) => unknown> = {
        'destroy()': (request) => request.session.destroy(),
        'logout()': (request) => logout(request),
        null: (request) => {
            request.session = null as never;
        },
        delete: (request) => Reflect.deleteProperty(request, 'session'),
        'delete, once it was looked at,': (request) => {
            void request.session;
            Reflect.deleteProperty(request, 'session');
        },
    };
    const uses: Record<string, (request: Request) => unknown> = {
        increment: (request) => increment(request, 'count'),
        pull: (request) => pull(request, 'users'),
        flash: (request) => flash(request, 'message', 'hello'),
    };

    test.each(Object.keys(ways))('by %s holds nothing more: who puts something in is told', async (way) => {
        const app = await sessionApp({
            session: { driver: 'memory' },
            routes: (router) => {
                documented(router);
                router.get('/use/:name', async (request, response) => {
                    await ways[way]?.(request);
                    uses[request.params.name]?.(request);
                    response.json('never');
                });
            },
        });
        for (const name of Object.keys(uses)) {
            const browser = app.browser();
            await browser.visit('/store');
            expect([name, (await browser.visit(`/use/${name}`)).status]).toEqual([name, 500]);
            expect(app.log.findLast(({ level }) => level === 'error')?.message).toContain('There is no session');
        }
    });
});

test.each([
    ['that are disabled', { enabled: false }],
    ['outside the path of their cookie', { driver: 'memory', cookie: { path: '/shop' } }],
])('sessions %s leave request.session to whoever sets it', async (_where, session) => {
    const app = await sessionApp({
        session,
        routes: (router) => {
            router.get('/', (request, response) => {
                request.session = { of: 'another middleware' } as never;
                response.json(request.session);
            });
        },
    });
    expect(await app.browser().json('/')).toEqual({ of: 'another middleware' });
    expect(app.log.filter(({ level }) => level === 'warning')).toEqual([]);
});

describe('start-up', () => {
    test('an unknown driver stops start-up and names the known ones', async () => {
        const { app } = createKernel({ session: { driver: 'mongo' } });
        await expect(app.boot()).rejects.toThrow(
            'Session driver [mongo] is not supported. Known: database, file, memory, redis.',
        );
    });

    test('a driver in use can not be replaced, and one that failed is tried again', async () => {
        const { app } = createKernel({ session: {} });
        await app.boot();
        const sessions = app.container.make(SessionManager);
        let fails = true;
        sessions.extend('other', () => {
            if (fails) {
                throw new Error('asleep');
            }
            return new session.MemoryStore();
        });
        await expect(sessions.driver('other')).rejects.toThrow('asleep');
        fails = false;
        expect(await sessions.driver('other')).toBe(await sessions.driver('other'));
        expect(() => sessions.extend('other', () => new session.MemoryStore())).toThrow(
            'Session driver [other] is in use already: call extend() before the application is ready.',
        );
    });

    test.each([
        [undefined, 'secret is missing'],
        ['', 'secret is missing'],
        [[undefined, 'kept-8Jm3vXq7Rt2Ws9Yd4Pf6Lh1Kc5Bz0Gn'], 'secret is missing'],
        ['keyboard cat keyboard cat keyboard cat', 'secret is made of words or follows a pattern'],
        ['too short', 'secret is shorter than 32 characters'],
    ])('production refuses the secret %j', (secret, message) => {
        expect(() => createKernel({ environment: 'production', session: { secret } })).toThrow(message);
    });

    test('a misspelt key is refused with the nearest known name', () => {
        expect(() => createKernel({ session: { saveUninitialised: false } })).toThrow(
            'src/config/session.ts: saveUninitialised is not a known key: did you mean saveUninitialized?',
        );
    });

    test('enabled: "false" is refused, not taken as true', () => {
        expect(() => createKernel({ session: { enabled: 'false' } })).toThrow(
            'src/config/session.ts: enabled is "false": allowed are true, false; use false without quotes.',
        );
    });

    test.each([
        [{ domain: 'a..b' }, "cookie can't be sent: domain is invalid."],
        [{ expires: new Date(Number.NaN) }, "cookie can't be sent: expires is invalid."],
        [{ maxAge: 8.64e15 }, 'cookie.maxAge is 8640000000000000: allowed are integers from 1 to 3153600000000'],
    ])('a cookie that could not be sent is refused: %j', (cookie, message) => {
        expect(() => createKernel({ session: { cookie } })).toThrow(`src/config/session.ts: ${message}`);
    });

    const TIMER = 'from 0 to 2147483647 (milliseconds).';
    test.each([
        [
            { drivers: { memory: { checkPeriod: 2 ** 31 } } },
            `drivers.memory.checkPeriod is 2147483648: allowed are numbers ${TIMER}`,
        ],
        [
            { drivers: { memory: { max: 2 ** 25 } } },
            'drivers.memory.max is 33554432: allowed are integers from 1 to 16777216, Infinity.',
        ],
        [
            { drivers: { file: { reapInterval: 2_147_484 } } },
            'drivers.file.reapInterval is 2147484: allowed are numbers from -1 to 2147483 (seconds).',
        ],
        [
            { drivers: { file: { ttl: 1e10 } } },
            'drivers.file.ttl is 10000000000: allowed are numbers from 0 to 3153600000 (seconds).',
        ],
        [
            { drivers: { redis: { pingInterval: 1e10 } } },
            `drivers.redis.pingInterval is 10000000000: allowed are numbers ${TIMER}`,
        ],
        [
            { drivers: { redis: { rootNodes: [{ socket: { connectTimeout: 1e10 } }] } } },
            `drivers.redis.rootNodes[0].socket.connectTimeout is 10000000000: allowed are numbers ${TIMER}`,
        ],
        [
            { drivers: { redis: { defaults: { socket: { reconnectStrategy: 1e10 } } } } },
            `drivers.redis.defaults.socket.reconnectStrategy is 10000000000: allowed are false, numbers from 0 to 2147483647 (milliseconds), functions.`,
        ],
        [
            { storeTimeoutMs: 2 ** 31 },
            'storeTimeoutMs is 2147483648: allowed are integers from 1 to 2147483647 (milliseconds).',
        ],
        [
            { keepDamagedMs: 1e13 },
            'keepDamagedMs is 10000000000000: allowed are integers from 0 to 3153600000000 (milliseconds).',
        ],
        [{ warnBytes: 4_000_001 }, 'warnBytes is 4000001: allowed are integers from 0 to 4000000.'],
    ])('a time or a number that is too large for its use is refused: %j', (session, message) => {
        expect(() => createKernel({ session })).toThrow(`src/config/session.ts: ${message}`);
    });

    test('a cookie function is refused with a sentence', () => {
        expect(() => createKernel({ session: { cookie: () => ({}) } })).toThrow(
            "src/config/session.ts: cookie is a function, which can't be checked at start-up: use an object, and change request.session.cookie in a route.",
        );
    });

    test('a config file written for Sosise drops in', async () => {
        const { root } = createKernel({ session: { enabled: false } });
        const app = await sessionApp({
            session: {
                driver: 'file',
                secret: ['a new secret that is long enough to use', 'an old secret that is long enough to use'],
                drivers: {
                    memory: {},
                    file: { path: `${root}/elsewhere` },
                    redis: { host: 'redis', port: 6379, prefix: 'session-', ttl: 86400 },
                },
                rolling: false,
                resave: true,
                proxy: true,
                saveUninitialized: true,
                unset: 'keep',
                cookie: {
                    maxAge: 3600000,
                    httpOnly: true,
                    path: '/',
                    domain: undefined,
                    secure: false,
                    sameSite: undefined,
                },
            },
            routes: (router) => {
                router.get('/', (request, response) => {
                    response.json(request.session);
                });
            },
        });
        const browser = app.browser();
        await browser.visit('/');
        expect(browser.received[0]).toMatch(/^sosise=s%3A.*; Path=\/; Expires=.*; HttpOnly/);
        expect(readdirSync(`${root}/elsewhere`).filter((name) => name.endsWith('.json'))).toHaveLength(1);
    });
});

describe('the cookie', () => {
    const visits = (router: Router) => {
        router.get('/', (request, response) => {
            request.session['visits'] = Number(request.session['visits'] ?? 0) + 1;
            response.json(request.session['visits']);
        });
        router.get('/read', (request, response) => {
            response.json(request.session['visits'] ?? null);
        });
    };

    test('an id that is not waited for is sent all the same, and nothing is said against it', async () => {
        const app = await sessionApp({
            session: { driver: 'file' },
            routes: (router) => {
                visits(router);
                router.get('/careless', (request, response) => {
                    void request.session.regenerate();
                    response.json('new');
                });
            },
        });
        const browser = app.browser();
        await browser.visit('/');
        const before = new Map(browser.cookies);
        await browser.visit('/careless');
        expect(browser.cookies).not.toEqual(before);
        expect(await browser.json('/')).toBe(1);
        expect(app.log.filter(({ level }) => level === 'warning')).toEqual([]);
    });

    test('a secure cookie over plain http stores nothing, answers 503 to who tries, and says why, once', async () => {
        const app = await sessionApp({ session: { driver: 'memory', cookie: { secure: true } }, routes: visits });
        const browser = app.browser();
        for (const _ of [1, 2]) {
            const answer = await browser.visit('/');
            expect(answer.status).toBe(503);
            expect(await answer.json()).toMatchObject({ data: { reason: 'E_SESSION_COOKIE_INSECURE' } });
        }
        expect(browser.received).toEqual([]);
        const warnings = app.log.filter(({ level }) => level === 'warning' || level === 'error');
        expect(warnings).toHaveLength(1);
        expect(warnings[0]?.message).toContain('SESSION_SECURE=false');
    });

    test('behind a trusted proxy that speaks https the secure cookie is sent', async () => {
        const app = await sessionApp({
            session: { driver: 'memory', cookie: { secure: true } },
            http: { trustProxy: 1 },
            routes: visits,
        });
        const response = await app.browser().visit('/', { headers: { 'x-forwarded-proto': 'https' } });
        expect(response.headers.getSetCookie()[0]).toContain('; Secure');
    });

    test('a request outside the cookie path has no session and is told so', async () => {
        const app = await sessionApp({
            session: { driver: 'memory', cookie: { path: '/shop' } },
            routes: (router) => {
                router.get(/.*/, (request, response) => {
                    response.json(request.session !== undefined);
                });
            },
        });
        expect(await app.browser().json('/shop/cart')).toBe(true);
        expect(await app.browser().json('/blog')).toBe(false);
        expect(app.log.map(({ message }) => message)).toContain(
            "request.session was read outside the cookie's path (/shop), where there is no session: set cookie.path in src/config/session.ts.",
        );
    });

    test('an active reader is sent the cookie again, and is never logged out', async () => {
        const app = await sessionApp({ session: { driver: 'memory', cookie: { maxAge: HOUR } }, routes: visits });
        const browser = app.browser();
        vi.useFakeTimers({ toFake: ['Date'] });
        onTestFinished(() => void vi.useRealTimers());
        await browser.visit('/');
        for (let visit = 0; visit < 24; visit += 1) {
            vi.setSystemTime(Date.now() + HOUR / 16);
            expect(await browser.json('/read')).toBe(1);
        }
        expect(browser.received.length).toBeGreaterThan(5);
    });

    test('rolling sends it with every answer, and an explicit false only with changes', async () => {
        const rolling = await sessionApp({
            session: { driver: 'memory', rolling: true, cookie: { maxAge: 60_000 } },
            routes: visits,
        });
        const browser = rolling.browser();
        await browser.visit('/');
        await browser.visit('/read');
        await browser.visit('/read');
        expect(browser.received).toHaveLength(3);

        const strict = await sessionApp({
            session: { driver: 'memory', rolling: false, cookie: { maxAge: HOUR } },
            routes: visits,
        });
        const other = strict.browser();
        vi.useFakeTimers({ toFake: ['Date'] });
        onTestFinished(() => void vi.useRealTimers());
        await other.visit('/');
        vi.setSystemTime(Date.now() + HOUR / 2);
        await other.visit('/read');
        expect(other.received).toHaveLength(1);
        await other.visit('/');
        expect(other.received).toHaveLength(2);
    });
});
