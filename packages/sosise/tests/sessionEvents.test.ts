import type { AddressInfo } from 'node:net';
import express from 'express';
import {
    authenticatedUser,
    type SessionEvent,
    type SessionEventListener,
    type SessionEventName,
    SessionEvents,
    SessionRegistry,
    StoredSessions,
} from 'sosise';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { artisanOn } from './artisanOn.js';
import { CANARY, EVENT_NAMES, heardApp, inShort, onePass, PASS, post, quietApp } from './eventsApp.js';
import { DeviceBrowser } from './helpers/DeviceBrowser.js';
import { SessionEventChannel } from './helpers/inside/Session/Events.js';
import { fingerprintOf, keyOf } from './helpers/inside/Session/Record.js';
import { SessionServices } from './helpers/inside/Session/Request.js';
import { deviceRoutes } from './helpers/loginRoutes.js';
import { createKernel, temporaryFolder } from './helpers/sessionApp.js';

const DRIVERS = ['memory', 'file', 'plain'];
const MINUTE_MS = 60_000;
const ID = 'id-of-another-package-0123456789';
const eventsOf = (app: Pick<Awaited<ReturnType<typeof quietApp>>, 'app'>) => app.app.container.make(SessionEvents);

afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
});

describe.each(DRIVERS)('driver %s', (driver) => {
    test('whatever happens to a session is told, in order, and without its id, cookie or contents', async () => {
        const { events, secrets } = await onePass(await heardApp({ session: { driver } }));
        expect(inShort(events)).toEqual(PASS);
        expect(new Set(events.map(({ name }) => name))).toEqual(new Set(EVENT_NAMES));
        expect(secrets.length).toBeGreaterThan(20);
        const said = JSON.stringify(events);
        expect(secrets.filter((secret) => said.includes(secret))).toEqual([]);
    });

    test('an event names its session, its user and its request', async () => {
        const app = await heardApp({ session: { driver } });
        const visitor = app.browser();
        const before = Date.now();
        const answer = await visitor.visit('/put', post({ cart: 1 }));
        const [created, ...others] = app.told();
        expect(others).toEqual([]);
        expect(created).toEqual({
            name: 'created',
            at: expect.any(Number),
            fingerprint: expect.stringMatching(/^[\w-]{10}$/),
            user: undefined,
            requestId: answer.headers.get('x-request-id'),
            address: '127.0.0.1',
        });
        expect(created?.at).toBeGreaterThanOrEqual(before);
        expect(created?.at).toBeLessThanOrEqual(Date.now());

        await visitor.visit('/login', post());
        const [loaded, migrated, loggedIn] = app.told();
        expect(loaded).toMatchObject({ fingerprint: created?.fingerprint, user: undefined });
        expect(migrated).toMatchObject({ fingerprint: created?.fingerprint, user: 'ann' });
        expect(loggedIn).toMatchObject({ fingerprint: (migrated as { to?: string }).to, user: 'ann' });

        await visitor.visit('/logout', post());
        expect(app.told()[1]).toMatchObject({ name: 'ended', fingerprint: loggedIn?.fingerprint, user: 'ann' });
    });

    test('a session that is pruned ends when its time was over, and is told once', async () => {
        const app = await heardApp({ session: { driver, idle: 30 * MINUTE_MS } });
        await app.browser().visit('/login', post());
        const { at, fingerprint } = app.told().at(-1) as SessionEvent;
        const prune = () => app.app.container.make(StoredSessions).prune(undefined, { whole: true });
        vi.useFakeTimers({ toFake: ['Date'], now: at + 45 * MINUTE_MS });
        await prune();
        await prune();
        const [ended, ...others] = app.told();
        expect(others).toEqual([]);
        expect(ended).toMatchObject({ name: 'ended', reason: 'idle', fingerprint, user: 'ann' });
        expect(Math.abs((ended?.at ?? 0) - at - 30 * MINUTE_MS)).toBeLessThan(1_000);
    });

    test('what registry.max ends, and whom it refuses, is told', async () => {
        const app = await heardApp({ session: { driver, registry: { max: 1 } } });
        await app.browser().visit('/login', post());
        const { fingerprint } = app.told().at(-1) as SessionEvent;
        const answer = await app.browser().visit('/login', post());
        const [revoked, ended, ...others] = app.told();
        expect(inShort([revoked, ended, ...others] as SessionEvent[])).toEqual([
            ...['revoked replaced application', 'ended replaced', 'created', 'loggedIn'],
        ]);
        const requestId = answer.headers.get('x-request-id');
        expect(revoked).toMatchObject({ fingerprint, user: 'ann', requestId, address: '127.0.0.1' });
        expect(ended).toMatchObject({ fingerprint, user: 'ann', requestId });

        const strict = await heardApp({ session: { driver, registry: { max: 1, whenFull: 'refuse' } } });
        await strict.browser().visit('/login', post());
        strict.told();
        expect((await strict.browser().visit('/login', post())).status).toBe(409);
        const refused = strict.told();
        expect(inShort(refused)).toEqual(['refused limit']);
        expect(refused[0]).toMatchObject({ user: 'ann', requestId: expect.any(String), address: '127.0.0.1' });
    });
});

describe('listeners', () => {
    test('change nothing and delay nothing, whether they throw, reject, never answer or hold on to the event', async () => {
        const app = await quietApp({ session: { driver: 'memory' } });
        const events = eventsOf(app);
        const called: string[] = [];
        for (const name of EVENT_NAMES) {
            events.on(name, (event) => {
                called.push(event.name);
                throw new Error('thrown by a listener');
            });
            events.on(name, () => Promise.reject(new Error('rejected by a listener')));
            events.on(name, () => new Promise(() => {}));
            events.on(name, (event) => {
                (event as { user?: string }).user = 'nobody'; // frozen: it throws
            });
            events.on(name, (event) => called.push(Object.isFrozen(event) ? event.name : 'not frozen'));
        }
        const visitor = app.browser();
        expect((await visitor.visit('/put', post({ cart: 1 }))).status).toBe(200);
        expect(await visitor.json('/look')).toEqual({ cart: 1 });
        await vi.waitFor(() => expect(called).toEqual(['created', 'created', 'loaded', 'loaded']));
        const lines = app.log.filter(({ level }) => level === 'error');
        expect(lines).toEqual([
            {
                level: 'error',
                message: "A listener of the session event 'created' has failed.",
                context: { error: expect.objectContaining({ message: 'thrown by a listener' }) },
            },
        ]);
    });

    test('that block the process are called behind the answer of a request that does not wait for its store', async () => {
        const order: string[] = [];
        const app = await quietApp({
            session: { driver: 'memory' },
            routes: (router) =>
                router.post('/answer', (request, response) => {
                    response.on('finish', () => order.push('answered'));
                    request.session['cart'] = 1;
                    response.json({});
                }),
        });
        eventsOf(app).on('created', () => {
            const until = performance.now() + 20;
            while (performance.now() < until) {}
            order.push('listener');
        });
        await app.browser().visit('/answer', post());
        await vi.waitFor(() => expect(order).toHaveLength(2));
        expect(order).toEqual(['answered', 'listener']);
    });

    test('are called no more once they were taken back, and then no event is made any more', async () => {
        const app = await quietApp({ session: { driver: 'memory' } });
        const emit = vi.spyOn(SessionEventChannel.prototype, 'emit');
        const events = eventsOf(app);
        const heard: string[] = [];
        const offs = EVENT_NAMES.map((name) => events.on(name, (event) => heard.push(event.name)));
        const visitor = app.browser();
        await visitor.visit('/put', post({ cart: 1 }));
        events.flush();
        expect(heard).toEqual(['created']);
        events.channels.loaded?.emit({ outcome: 'none' });
        for (const off of offs) {
            off();
        }
        events.flush();
        expect(heard).toEqual(['created']); // what waited then is dropped
        emit.mockClear();
        await visitor.visit('/put', post({ cart: 3 }));
        expect(emit).not.toHaveBeenCalled();
        expect(events.channels.isHeard).toBe(false);
    });

    test('of one event make none of the others', async () => {
        const app = await quietApp({ session: { driver: 'memory' } });
        const emit = vi.spyOn(SessionEventChannel.prototype, 'emit');
        eventsOf(app).on('loggedIn', () => undefined);
        const visitor = app.browser();
        await visitor.visit('/put', post({ cart: 1 }));
        await visitor.visit('/put', post({ cart: 2 }));
        await visitor.visit('/login', post());
        await visitor.visit('/logout', post());
        expect(emit).toHaveBeenCalledOnce();
    });

    test('get what waits when the application stops', async () => {
        const app = await quietApp({ session: { driver: 'memory' } });
        const heard: string[] = [];
        eventsOf(app).on('revoked', ({ user }) => heard.push(user ?? ''));
        await app.browser().visit('/login', post());
        vi.useFakeTimers({ toFake: ['setImmediate'] }); // the process is gone before the next turn
        await app.app.container.make(SessionRegistry).revoke('ann');
        expect(heard).toEqual([]);
        await app.app.shutdown();
        expect(heard).toEqual(['ann']);
    });

    test('that can not keep up lose events, and the log says so', () => {
        const lines: string[] = [];
        const log = {
            warning: (line: string) => void lines.push(line),
            error: (line: string) => void lines.push(line),
        };
        const events = new SessionEvents(log);
        let heard = 0;
        events.on('loaded', () => {
            heard += 1;
        });
        for (let count = 0; count < 10_050; count += 1) {
            events.channels.loaded?.emit({ outcome: 'none' });
        }
        expect(lines).toEqual([expect.stringMatching(/10000 events wait, and others are dropped/)]);
        events.flush();
        expect(heard).toBe(10_000);
    });

    test('hear of no event that does not exist: the error names the one that was meant', () => {
        const events = new SessionEvents({ warning: () => undefined, error: () => undefined });
        const on = events.on.bind(events) as (name: string, listener: SessionEventListener<SessionEventName>) => void;
        expect(() => on('loggedin', () => undefined)).toThrow(/no session event 'loggedin'.*Did you mean 'loggedIn'/);
        expect(() => on('constructor', () => undefined)).toThrow(/no session event 'constructor'/);
    });
});

describe('what is told of', () => {
    test('a cookie that can not be sent: why not, once for a request', async () => {
        const app = await heardApp({ session: { driver: 'memory', cookie: { secure: true } } });
        const put = async (headers: Record<string, string> = {}) => {
            const { status } = await app.browser().visit('/put', { ...post({ cart: 1 }), headers });
            return [status, ...inShort(app.told())];
        };
        expect(await put()).toEqual([503, 'cookieNotSent insecure']);
        expect(await put({ 'x-forwarded-proto': 'http' })).toEqual([503, 'cookieNotSent insecure']);
        expect(await put({ 'x-forwarded-proto': 'https' })).toEqual([503, 'cookieNotSent untrustedProxy']);
        const [status, ...told] = await put({ 'sec-fetch-site': 'cross-site' });
        expect(status).toBe(403);
        expect(told).toEqual(['cookieNotSent otherSite', 'refused csrf']);
    });

    test('a request that changes nothing: that its activity was written down, where it was', async () => {
        const app = await heardApp({ session: { driver: 'memory', idle: 60 * MINUTE_MS } });
        const visitor = app.browser();
        await visitor.visit('/put', post({ cart: 1 }));
        app.told();
        vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10 * MINUTE_MS });
        await visitor.visit('/look');
        await visitor.visit('/look');
        expect(inShort(app.told())).toEqual(['loaded live', 'saved touched', 'loaded live']);
    });

    test('a request from another machine: its address as it was when it arrived, whom a mounted application believes or not', async () => {
        const app = await heardApp({
            session: { driver: 'memory' },
            http: { trustProxy: 1 },
            routes: (router) => {
                const mounted = express();
                mounted.post('/inner', (request, response) => {
                    request.session['cart'] = 1;
                    response.json({});
                });
                router.use(mounted);
            },
        });
        await app.browser().visit('/inner', { ...post(), headers: { 'x-forwarded-for': '203.0.113.7' } });
        expect(app.told()).toMatchObject([{ name: 'created', address: '203.0.113.7' }]);
    });

    test('the address is in no record of a login that does not ask for it', async () => {
        const app = await heardApp({ session: { driver: 'memory' } });
        await app.browser().visit('/login', post());
        expect((await app.app.container.make(SessionRegistry).list('ann'))[0]?.address).toBeUndefined();
    });

    test('"log out my other browsers": by which request', async () => {
        const app = await heardApp({
            session: { driver: 'memory' },
            routes: (router) =>
                router.post('/others', async (request, response) => {
                    await app.app.container.make(SessionRegistry).revoke('ann', { except: request });
                    response.json({});
                }),
        });
        const [one, other] = [app.browser(), app.browser()];
        await one.visit('/login', post());
        await other.visit('/login', post());
        app.told();
        const answer = await one.visit('/others', post());
        const [, revoked, ended] = app.told();
        const by = { requestId: answer.headers.get('x-request-id'), address: '127.0.0.1' };
        expect(revoked).toMatchObject({ name: 'revoked', user: 'ann', ...by });
        expect(ended).toMatchObject({ name: 'ended', reason: 'revoked', ...by });
    });

    test('a stolen cookie of a session that is bound to a device: once for a request', async () => {
        const app = await heardApp({
            session: { driver: 'memory', deviceBound: true },
            routes: (router) => {
                deviceRoutes(router);
                router.get('/twice', (request, response) => {
                    response.json([authenticatedUser(request) ?? null, authenticatedUser(request) ?? null]);
                });
            },
        });
        const browser = new DeviceBrowser(app.url);
        await browser.visit('/login', post());
        const { fingerprint } = app.told().findLast(({ name }) => name === 'loggedIn') as SessionEvent;
        const thief = app.browser();
        thief.cookies.set('sosise', browser.cookies.get('sosise') as string);
        expect(await thief.json('/twice')).toEqual([null, null]);
        const refused = app.told().filter(({ name }) => name === 'refused');
        expect(refused).toMatchObject([{ reason: 'device', fingerprint, user: 'ann', address: '127.0.0.1' }]);
        const proof = { method: 'POST', headers: { 'sec-secure-session-id': '"another"' } };
        expect((await thief.visit('/__sosise/device', proof)).status).toBe(401);
        expect(inShort(app.told())).toEqual(['refused device']);
    });

    test('a WebSocket with a forged cookie, and one that another site opens', async () => {
        const app = await heardApp({ session: { driver: 'memory' } });
        const stored = app.app.container.make(StoredSessions);
        const visitor = app.browser();
        await visitor.visit('/login', post());
        app.told();
        const server = express().get('/', async (request, response) => {
            const found = await stored.ofRequest(request).catch(() => 'refused');
            response.json(found === undefined ? 'none' : found === 'refused' ? found : 'live');
        });
        const listening = server.listen(0);
        onTestFinished(() => void listening.close());
        const ask = async (headers: Record<string, string>) =>
            (await fetch(`http://127.0.0.1:${(listening.address() as AddressInfo).port}/`, { headers })).json();
        const cookie = `sosise=${visitor.cookies.get('sosise')}`;
        expect(await ask({ cookie })).toBe('live');
        expect(await ask({ cookie: 'sosise=s%3Aguessed.signature' })).toBe('none');
        expect(await ask({ cookie, origin: 'https://evil.test' })).toBe('refused');
        expect(inShort(app.told())).toEqual(['refused signature', 'refused csrf']);
    });

    test('a revocation in the console: in its own process, before that ends', async () => {
        const root = temporaryFolder();
        const server = await quietApp({ root, session: { driver: 'file' } });
        await server.browser().visit('/login', post());
        const heard: SessionEvent[] = [];
        const artisan = artisanOn({
            root,
            session: { driver: 'file' },
            boot: ({ container }) => container.make(SessionEvents).on('revoked', (event) => heard.push(event)),
        });
        await artisan('session:revoke --user=ann');
        expect(heard).toMatchObject([{ user: 'ann', by: 'console', requestId: undefined, address: undefined }]);
    });

    test('request.sessionStore: what packages do by it', async () => {
        const app = await heardApp({
            session: { driver: 'memory' },
            routes: (router) =>
                router.post('/by-store', (request, response) => {
                    const { sessionStore } = request;
                    const data = { cookie: request.session.cookie, cart: CANARY } as never;
                    sessionStore.set('an-id', data, () =>
                        sessionStore.touch?.('an-id', data, () =>
                            sessionStore.destroy('an-id', () => response.json({})),
                        ),
                    );
                }),
        });
        await app.browser().visit('/by-store', post());
        expect(inShort(app.told())).toEqual(['created', 'saved touched', 'ended destroyed']);
    });

    test('a store in trouble where a list of a user is asked for: no session, and nothing of the user', async () => {
        const app = await heardApp({ session: { driver: 'memory' } });
        app.app.container.make(SessionServices).driver.read = () => Promise.reject(new Error(CANARY));
        await expect(app.app.container.make(SessionRegistry).list('ann')).rejects.toThrow(/could not be loaded/);
        expect(app.told()).toMatchObject([{ name: 'unavailable', action: 'loaded', fingerprint: undefined }]);
    });

    test('a session that is stored under its id, as other packages do: its fingerprint is that of the hash', async () => {
        const app = await heardApp({ session: { driver: 'memory', idle: MINUTE_MS } });
        const { driver } = app.app.container.make(SessionServices);
        await app.browser().visit('/put', post({ cart: 1 }));
        for await (const { key, record, version } of driver.records()) {
            await driver.write(ID, record, undefined, Date.now() + 60 * MINUTE_MS);
            await driver.remove(key, version);
        }
        app.told();
        vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10 * MINUTE_MS });
        await app.app.container.make(StoredSessions).prune(undefined, { whole: true });
        expect(app.told()).toMatchObject([{ name: 'ended', reason: 'idle', fingerprint: fingerprintOf(keyOf(ID)) }]);
    });

    test('nothing, where sessions are off', async () => {
        const { app } = createKernel({ session: { enabled: false } });
        await app.boot();
        expect(() => app.container.make(SessionEvents).on('created', () => undefined)).not.toThrow();
        await app.shutdown();
    });
});
