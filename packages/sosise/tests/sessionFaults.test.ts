import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { sign } from 'cookie-signature';
import type { Request, Router } from 'express';
import session, { type SessionData } from 'express-session';
import { login, logout, SessionRegistry } from 'sosise';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Browser } from './helpers/Browser.js';
import type { SessionDriver } from './helpers/inside/Session/Drivers.js';
import { keyOf, NO_CHANGE, userKeyOf } from './helpers/inside/Session/Record.js';
import type { SessionRepository } from './helpers/inside/Session/Repository.js';
import { SessionFileNames } from './helpers/inside/Session/Stores/File.js';
import { PlainStoreAdapter } from './helpers/inside/Session/Stores/Plain.js';
import { loginRoutes } from './helpers/loginRoutes.js';
import { SECRET, type SessionApp, type SessionAppOptions, SessionManager, sessionApp } from './helpers/sessionApp.js';
import { type Halt, haltFirst, type Interference, interferedDriver } from './helpers/wrapDriver.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Where routes that say `?wait` wait before they do their work. */
let halt: Halt;

function routes(router: Router): void {
    router.use(async (request, _response, next) => {
        if ('wait' in request.query) {
            void request.session['cart']; // loaded by now
            await halt.pass('');
        }
        next();
    });
    router.post('/login', async (request, response) => {
        await login(request, request.body.user);
        Object.assign(request.session, request.body.more);
        response.json('logged in');
    });
    router.post('/login-big', async (request, response) => {
        await login(request, request.body.user);
        request.session['n'] = 1n;
        response.json('logged in');
    });
    loginRoutes(router);
}

const post = (body: unknown = {}) => ({ method: 'POST', body });
const me = { user: null, data: {}, ended: null };
const isSession = (key: string) => key.startsWith('sha256-');
const isTombstone = (_key: string, record: string) => record.includes('"migrated"');
const isList = (key: string) => key.startsWith('user-');
const failAt = (isMeant: (key: string) => boolean) => (key: string) => {
    if (isMeant(key)) {
        throw new Error(`EACCES: permission denied, open '/srv/${key}.json'`);
    }
};

interface Started {
    app: SessionApp;
    registry: SessionRegistry;
    repository: SessionRepository;
}

async function start(options: SessionAppOptions = {}): Promise<Started> {
    const app = await sessionApp({ routes, ...options });
    const registry = app.app.container.make(SessionRegistry);
    const repository = (registry as unknown as { services(): { repository: SessionRepository } }).services().repository;
    return { app, registry, repository };
}

/** An application on a driver of one's own. */
function on(driver: () => unknown, config: object = {}, more: SessionAppOptions = {}): Promise<Started> {
    return start({
        ...more,
        session: { driver: 'own', ...config },
        boot: (app) => app.container.make(SessionManager).extend('own', driver as never),
    });
}

/** Sessions of user 7, as many as asked for. */
async function fill(repository: SessionRepository, count: number, user: string | undefined = '7'): Promise<void> {
    for (let index = 0; index < count; index += 1) {
        const at = Date.now();
        await repository.create(
            keyOf(`${index}`),
            { originalMaxAge: null },
            NO_CHANGE,
            user ? { user, at } : undefined,
        );
    }
}

/** A browser with a session, logged in where a user is given. */
async function visitor({ app }: Started, user?: unknown): Promise<Browser> {
    const browser = app.browser();
    await (user === undefined
        ? browser.visit('/put', post({ cart: [1] }))
        : browser.visit('/login', post({ user, more: { cart: [1] } })));
    return browser;
}

const storedKey = (browser: Browser) => keyOf(/^s%3A([\w-]+)\./.exec(browser.cookies.get('sosise') ?? '')?.[1] ?? '');
const withId = (browser: Browser, id: string) =>
    browser.cookies.set('sosise', encodeURIComponent(`s:${sign(id, SECRET)}`));

afterEach(() => {
    vi.useRealTimers();
});

describe("a user's list of sessions", () => {
    test.each<[string, (started: Started) => unknown]>([
        ['another login', ({ app }) => app.browser().visit('/login', post({ user: 7 }))],
        [
            'the daily walk',
            ({ repository }) =>
                repository.users.tidy(userKeyOf('7'), { kind: 'user', seen: 0, sessions: new Map() }, Date.now()),
        ],
    ])('keeps a login in flight while %s tidies it', async (_who, tidy) => {
        const trouble: Interference = {};
        const started = await on(() => interferedDriver(trouble));
        await fill(started.repository, 62);
        const writing = haltFirst(isSession);
        trouble.write = writing.pass;
        const browser = started.app.browser();
        const loggingIn = browser.visit('/login', post({ user: 7 }));
        await writing.reached; // the 63rd is in the list, and not yet stored
        await tidy(started);
        writing.release();
        expect((await loggingIn).status).toBe(200);
        await started.registry.revoke(7);
        expect(await browser.json('/me')).toEqual({ ...me, ended: 'revoked' });
    });

    test('outlasts the sessions of visitors that fill the memory driver', async () => {
        const started = await start({ session: { driver: 'memory', drivers: { memory: { max: 4 } } } });
        const browser = await visitor(started, 7);
        for (let count = 0; count < 6; count += 1) {
            await visitor(started);
            await browser.visit('/me');
        }
        expect(await started.registry.list(7)).toHaveLength(1);
        expect(await started.registry.revoke(7)).toBe(1);
        expect(await browser.json('/me')).toEqual({ ...me, ended: 'revoked' });
    });

    test.each([false, true])('is made anew where it was damaged, and stays so (encrypt: %s)', async (encrypt) => {
        const started = await start({ session: { encrypt } });
        const browsers = [await visitor(started, 7), await visitor(started, 7)];
        const file = join(started.app.folder, `${userKeyOf('7')}.json`);
        writeFileSync(file, encrypt ? readFileSync(file, 'utf8').replace(/"sealed":"..../, '$&xyz') : '{"__lastAcc');
        expect(await started.registry.list(7)).toHaveLength(2);
        expect(await started.registry.list(7)).toHaveLength(2);
        expect(await started.registry.revoke(7)).toBe(2);
        expect(await browsers[0]?.json('/me')).toEqual({ ...me, ended: 'revoked' });
    });

    test('is made anew by a session in use, where a store has dropped it', async () => {
        vi.useFakeTimers({ toFake: ['Date'] });
        const driver = interferedDriver({});
        const started = await on(() => driver, { idle: 2 * HOUR });
        const browser = await visitor(started, 7);
        await driver.setAside(userKeyOf('7'));
        expect(await started.registry.list(7)).toHaveLength(0);
        vi.setSystemTime(Date.now() + 20 * MINUTE);
        await browser.visit('/me');
        expect(await started.registry.revoke(7)).toBe(1);
        expect(await browser.json('/me')).toEqual({ ...me, ended: 'revoked' });
    });

    test('that is damaged in a store which can not list its sessions is an error, and not "none"', async () => {
        const inner = new session.MemoryStore();
        const { get, set, destroy } = inner;
        const started = await on(() => ({ get: get.bind(inner), set: set.bind(inner), destroy: destroy.bind(inner) }));
        await visitor(started, 7);
        (inner as unknown as { sessions: Record<string, string> }).sessions[userKeyOf('7')] = '"nonsense"';
        await expect(started.registry.revoke(7)).rejects.toThrow("the store can't list its sessions");
    });

    test('of many sessions is tidied a part at a time: no login has to look at them all', async () => {
        const trouble: Interference = {};
        const started = await on(() => interferedDriver(trouble));
        await fill(started.repository, 319);
        let reads = 0;
        trouble.read = () => {
            reads += 1;
        };
        await visitor(started, 7); // the 320th: one of those that tidy
        expect(reads).toBeGreaterThan(64);
        expect(reads).toBeLessThan(160);
    });
});

describe('one record that can not be read or written', () => {
    test('keeps its user neither from logging in nor from ending the other sessions', async () => {
        const trouble: Interference = {};
        const started = await on(() => interferedDriver(trouble));
        await fill(started.repository, 63);
        trouble.read = failAt((key) => key === keyOf('0'));
        const browser = started.app.browser();
        expect((await browser.visit('/login', post({ user: 7 }))).status).toBe(200);
        await expect(started.registry.revoke(7)).rejects.toThrow('please try again');
        expect(await browser.json('/me')).toEqual({ ...me, ended: 'revoked' });
        delete trouble.read;
        expect(await started.registry.list(7), 'only the one that could not be ended').toHaveLength(1);
        expect(await started.registry.revoke(7)).toBe(1);
    });

    test('does not keep revokeAll from ending the others', async () => {
        const trouble: Interference = {};
        const started = await on(() => interferedDriver(trouble));
        await fill(started.repository, 3);
        trouble.write = failAt((key) => key === keyOf('1'));
        await expect(started.registry.revokeAll()).rejects.toThrow('please try again');
        expect(await started.registry.list(7)).toHaveLength(1);
    });

    test('does not stop the walk that removes what has expired', async () => {
        vi.useFakeTimers({ toFake: ['Date'] });
        const trouble: Interference = {};
        const { repository } = await on(() => interferedDriver(trouble), { idle: HOUR });
        await fill(repository, 4);
        vi.setSystemTime(Date.now() + 24.5 * HOUR);
        trouble.write = failAt((key) => key === keyOf('3')); // the first that is met
        await expect(repository.prune()).rejects.toThrow('EACCES');
        delete trouble.write;
        expect(await repository.prune(), 'what is left').toBe(1);
    });

    test('does not stop the walk at the list that names it', async () => {
        vi.useFakeTimers({ toFake: ['Date'] });
        const trouble: Interference = {};
        const { repository } = await on(() => interferedDriver(trouble), { idle: HOUR });
        await fill(repository, 4);
        vi.setSystemTime(Date.now() + 24.5 * HOUR);
        trouble.read = failAt((key) => key === keyOf('0'));
        expect(await repository.prune()).toBe(4);
        expect(await repository.users.keysOf('7'), 'the others have ended').toEqual([keyOf('0')]);
    });

    test('shows up in the log without the names of sessions and users', async () => {
        const trouble: Interference = {};
        const started = await on(() => interferedDriver(trouble));
        const browser = await visitor(started);
        for (const isMeant of [isList, isSession, (key: string) => key === storedKey(browser)]) {
            trouble.write = failAt(isMeant);
            expect((await browser.visit('/login', post({ user: 7 }))).status).toBe(503);
        }
        const logged = inspect(started.app.log, { depth: null });
        expect(logged.match(/open '\/srv\/<id>\.json'/g)?.length).toBeGreaterThanOrEqual(3);
        expect(logged).not.toMatch(/(sha256|user)-[\w-]{43}/);
    });
});

test('a session that can not be marked as active is read all the same, and marked the next time', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const trouble: Interference = {};
    const driver = interferedDriver(trouble);
    const started = await on(() => driver, { idle: HOUR });
    const browser = await visitor(started);
    const seen = async () => {
        const { record = '' } = (await driver.read(storedKey(browser))) ?? {};
        return (JSON.parse(record) as { __lastAccess: number }).__lastAccess;
    };
    const began = await seen();
    vi.setSystemTime(began + 10 * MINUTE);
    trouble.write = failAt(isSession);
    expect(await browser.json('/me')).toEqual({ ...me, data: { cart: [1] } });
    expect(await seen()).toBe(began);
    expect(started.app.log.filter(({ level }) => level === 'warning')).toMatchObject([
        { message: 'A session could not be marked as active.', context: { method: 'GET', path: '/me' } },
    ]);
    delete trouble.write;
    expect(await browser.json('/me')).toEqual({ ...me, data: { cart: [1] } });
    expect(await seen()).toBe(began + 10 * MINUTE);
});

describe('a login that fails half-way', () => {
    test.each([
        ['list of sessions', 1],
        ['new session', 2],
        ['end of the old session', 3],
    ])('is none: without its %s, the visitor is who it was', async (_what, failing) => {
        let writes = 0;
        const trouble: Interference = {};
        const started = await on(() => interferedDriver(trouble));
        const browser = await visitor(started);
        trouble.write = failAt(() => ++writes === failing);
        expect((await browser.visit('/login', post({ user: 7 }))).status).toBe(503);
        expect(await browser.json('/me')).toEqual({ ...me, data: { cart: [1] } });
        expect(await started.registry.list(7)).toEqual([]);
    });

    test.each([
        ['a full disk', '/login', 503],
        ['a value that can not be stored', '/login-big', 500],
    ])('after it was stored, by %s, still gives the browser its new id', async (_what, path, status) => {
        let writes = 0;
        const trouble: Interference = {};
        const started = await on(() => interferedDriver(trouble));
        const browser = await visitor(started);
        trouble.write = failAt(() => ++writes > 3); // login() itself writes the list, the new session, and the note on the old
        expect((await browser.visit(path, post({ user: 7, more: { welcome: true } }))).status).toBe(status);
        delete trouble.write;
        expect(await browser.json('/me')).toEqual({ ...me, user: '7', data: { cart: [1] } });
        expect(await started.registry.list(7)).toHaveLength(1);
    });

    test.each([
        ['a new', false],
        ['a moved', true],
    ])('because the store was slow leaves no trace of %s session', async (_which, isMoved) => {
        const trouble: Interference = {};
        const started = await on(() => interferedDriver(trouble), { storeTimeoutMs: 50 });
        const browser = isMoved ? await visitor(started) : started.app.browser();
        const [writing, removing] = [haltFirst(isSession), haltFirst(isSession)];
        Object.assign(trouble, { write: writing.pass, remove: removing.pass });
        expect((await browser.visit('/login', post({ user: 7 }))).status).toBe(503);
        writing.release(); // it is stored now, and nobody waits for it
        await removing.reached;
        removing.release();
        await vi.waitFor(async () => expect(await started.registry.list(7)).toEqual([]));
        expect(await browser.json('/me')).toEqual(isMoved ? { ...me, data: { cart: [1] } } : me);
    });

    test.each([
        ['a new session', isSession, false],
        ['a session under its new id', isSession, true],
        ['the end of the old one', isTombstone, true],
    ])(
        'with %s stored, as by a server that is killed before it answers, loses nothing',
        async (_what, isMeant, isMoved) => {
            const driver = interferedDriver({});
            let failing: typeof isTombstone | undefined;
            const late: SessionDriver['write'] = async (key, record, ...rest) => {
                const version = await driver.write(key, record, ...rest);
                if (failing?.(key, record)) {
                    failing = undefined;
                    throw new Error('the connection broke');
                }
                return version;
            };
            const registry = { max: 1, whenFull: 'refuse' };
            const started = await on(() => ({ ...driver, write: late }), { registry });
            const browser = isMoved ? await visitor(started) : started.app.browser();
            failing = isMeant;
            expect((await browser.visit('/login', post({ user: 7 }))).status).toBe(503);
            expect((await browser.visit('/login', post({ user: 7 }))).status).toBe(200);
            expect(await browser.json('/me')).toEqual({ ...me, user: '7', data: isMoved ? { cart: [1] } : {} });
            expect(await started.registry.list(7)).toHaveLength(1);
        },
    );

    test('is answered also where the store hangs in the middle of it', async () => {
        const trouble: Interference = {};
        const started = await on(() => interferedDriver(trouble), { storeTimeoutMs: 50 });
        const browser = await visitor(started);
        const old = storedKey(browser);
        trouble.write = haltFirst((key) => key === old).pass;
        trouble.remove = haltFirst().pass;
        expect((await browser.visit('/login', post({ user: 7 }))).status).toBe(503);
    });
});

describe('what is done to a session while it gets a new id', () => {
    test('a logout logs out, also when the login of another tab came between', async () => {
        halt = haltFirst();
        const started = await start();
        const browser = await visitor(started, 7);
        const leaving = browser.copy().visit('/logout?wait', post());
        await halt.reached;
        await browser.visit('/login', post({ user: 7 }));
        halt.release();
        expect((await leaving).status).toBe(200);
        expect(await browser.json('/me')).toEqual({ ...me, ended: 'destroyed' });
    });

    test('a session that is ended by its fingerprint ends under the new id', async () => {
        const trouble: Interference = {};
        const started = await on(() => interferedDriver(trouble));
        const browser = await visitor(started, 7);
        const [listed] = await started.registry.list(7);
        const reading = haltFirst(isSession);
        trouble.read = reading.pass;
        const revoking = started.registry.revokeOne(7, listed?.fingerprint ?? '');
        await reading.reached;
        await browser.visit('/login', post({ user: 7 }));
        reading.release();
        expect(await revoking).toBe(true);
        expect(await browser.json('/me')).toEqual({ ...me, ended: 'revoked' });
    });

    test('"all but mine" spares mine under the new id', async () => {
        halt = haltFirst();
        let revoke: SessionRegistry['revoke'] | undefined;
        const started = await start({
            routes: (router) => {
                routes(router);
                router.post('/revoke-others', async (request, response) => {
                    response.json(await revoke?.(7, { except: request }));
                });
            },
        });
        revoke = started.registry.revoke.bind(started.registry);
        const [mine, other] = [await visitor(started, 7), await visitor(started, 7)];
        const revoking = mine.copy().json('/revoke-others?wait', post());
        await halt.reached;
        await mine.visit('/login', post({ user: 7 }));
        halt.release();
        expect(await revoking).toBe(1);
        expect(await mine.json('/me')).toMatchObject({ user: '7' });
        expect(await other.json('/me')).toEqual({ ...me, ended: 'revoked' });
    });
});

describe('request.sessionStore', () => {
    test.each([
        ['without its prototype key', '{"__proto__":{"admin":true},"text":"hello"}', 200, { text: 'hello' }],
        ['not at all where it is nested too deeply', `${'['.repeat(2500)}${']'.repeat(2500)}`, 500, undefined],
    ])('stores what a session may hold, %s, and the session stays sound', async (_how, text, status, message) => {
        const started = await start({
            routes: (router) => {
                routes(router);
                router.post('/message', (request, response, next) => {
                    const { sessionID: id, sessionStore: store } = request;
                    const stored = (error: unknown) => (error ? next(error) : response.json('stored'));
                    store.get(id, (_error, found) =>
                        store.set(id, { ...found, message: JSON.parse(text) } as unknown as SessionData, stored),
                    );
                });
            },
        });
        const browser = await visitor(started, 7);
        expect((await browser.visit('/message', post())).status).toBe(status);
        expect(await browser.json('/me')).toEqual({ ...me, user: '7', data: { cart: [1], message } });
    });
});

describe('sessions of other packages', () => {
    test('one that is revoked while it moves to its key does not come back', async () => {
        const trouble: Interference = {};
        const driver = interferedDriver(trouble);
        const started = await on(() => driver);
        const stock = { cookie: { originalMaxAge: null }, __lastAccess: Date.now(), who: 'anna' };
        await driver.write('plain-id', JSON.stringify(stock), undefined, Date.now() + HOUR);
        const moving = haltFirst((key) => key === keyOf('plain-id'));
        trouble.write = moving.pass;
        const browser = started.app.browser();
        withId(browser, 'plain-id');
        const visiting = browser.json('/me');
        await moving.reached;
        expect(await started.registry.revokeAll()).toBe(1);
        moving.release();
        await visiting;
        expect(await browser.json('/me')).toEqual({ ...me, ended: 'revoked' });
    });

    test('a cookie can not name one by the hash in the name of its file', async () => {
        const { app } = await start();
        const names = new SessionFileNames('.json');
        const stock = { cookie: { originalMaxAge: null }, __lastAccess: Date.now(), who: 'anna' };
        writeFileSync(join(app.folder, names.fileOf(names.nameOf('user:anna'))), JSON.stringify(stock));
        const browser = app.browser();
        withId(browser, names.nameOf('user:anna'));
        expect(await browser.json('/me')).toEqual(me);
        withId(browser, 'user:anna');
        expect(await browser.json('/me')).toEqual({ ...me, data: { who: 'anna' } });
    });

    test('a store that answers late does not undo a logout', async () => {
        const inner = new session.MemoryStore();
        let setting: Halt | undefined;
        const store = Object.assign(Object.create(inner) as session.MemoryStore, {
            set(id: string, data: SessionData, done: () => void) {
                void Promise.resolve(setting?.pass(id)).then(() => inner.set(id, data, done));
            },
        });
        const started = await on(() => new PlainStoreAdapter(store, { timeoutMs: 50 }));
        const browser = await visitor(started, 7);
        const copy = browser.copy();
        setting = haltFirst(isSession);
        expect((await browser.visit('/put', post({ cart: [2] }))).status).toBe(503);
        expect((await browser.visit('/logout', post())).status, 'before the store has answered').toBe(503);
        setting.release();
        await vi.waitFor(async () => expect((await browser.visit('/logout', post())).status).toBe(200));
        expect(await copy.json('/me')).toEqual({ ...me, ended: 'destroyed' });
    });
});

describe('what a route asked for and failed', () => {
    async function failing(act: (request: Request, broken: { isBroken: boolean }) => unknown) {
        const broken = { isBroken: false };
        const fail = () => {
            if (broken.isBroken) {
                throw new Error('disk full');
            }
        };
        const app = await sessionApp({
            session: { driver: 'breaking' },
            boot: ({ container }) =>
                container.make(SessionManager).extend('breaking', () => interferedDriver({ write: fail })),
            routes: (router) => {
                router.get('/begin', (request, response) => {
                    request.session['cart'] = 1;
                    response.json('begun');
                });
                router.get('/act', async (request, response) => {
                    await act(request, broken);
                    response.json('done');
                });
                router.get('/cart', (request, response) => response.json(request.session['cart'] ?? null));
            },
        });
        const browser = app.browser();
        await browser.visit('/begin');
        return browser;
    }

    test('a regenerate() is not made up for by a save() that succeeds: the visitor has the old id', async () => {
        const browser = await failing(async (request, broken) => {
            broken.isBroken = true;
            await request.session.regenerate().catch(() => undefined);
            broken.isBroken = false;
            request.session['user'] = 7;
            await request.session.save();
        });
        expect((await browser.visit('/act')).status).toBe(503);
    });

    test('a logout() may be tried again, and ends the session then', async () => {
        const browser = await failing(async (request, broken) => {
            broken.isBroken = true;
            await logout(request).catch(() => undefined);
            broken.isBroken = false;
            await logout(request);
        });
        const cookies = new Map(browser.cookies);
        expect((await browser.visit('/act')).status).toBe(200);
        for (const [name, value] of cookies) {
            browser.cookies.set(name, value);
        }
        expect(await browser.json('/cart')).toBeNull();
    });

    test('a login() makes up for a logout() that failed: the old session is over', async () => {
        const browser = await failing(async (request, broken) => {
            broken.isBroken = true;
            await logout(request).catch(() => undefined);
            broken.isBroken = false;
            await login(request, 8);
        });
        expect((await browser.visit('/act')).status).toBe(200);
        expect(await browser.json('/cart')).toBeNull();
    });

    test('a session that was ended, set to null and begun by a login is there', async () => {
        const browser = await failing(async (request) => {
            await logout(request);
            request.session = null as never;
            await login(request, 7);
            request.session['cart'] = 2;
        });
        expect((await browser.visit('/act')).status).toBe(200);
        expect(await browser.json('/cart')).toBe(2);
    });

    test('what request.sessionStore gives is a copy: what a route does with it changes no session', async () => {
        const browser = await failing(async (request) => {
            const all = await new Promise<Record<string, Record<string, unknown>>>((resolve) =>
                request.sessionStore.all?.((_error, found) => resolve(found as never)),
            );
            for (const one of Object.values(all)) {
                one['cart'] = 'changed';
                Object.assign(one['cookie'] as object, { httpOnly: false });
            }
        });
        await browser.visit('/act');
        expect(await browser.json('/cart')).toBe(1);
    });

    test('a session that is replaced by another object after a login is told, and the browser gets the new id', async () => {
        const browser = await failing(async (request) => {
            await login(request, 7);
            request.session = { of: 'mine' } as never;
        });
        const answer = await browser.visit('/act');
        expect([answer.status, answer.headers.getSetCookie().length]).toEqual([500, 1]);
        expect(await browser.json('/cart')).toBe(1);
    });
});
