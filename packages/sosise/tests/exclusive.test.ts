import type { Response, Router } from 'express';
import { increment } from 'sosise';
import { describe, expect, test, vi } from 'vitest';
import type { Browser } from './helpers/Browser.js';
import { exclusive } from './helpers/inside/Session.js';
import { SessionManager, sessionApp } from './helpers/sessionApp.js';
import { interferedDriver } from './helpers/wrapDriver.js';

/** Answers that end when a test says so. */
const holding: Response[] = [];

/** Adds one the slow way: reads, waits, writes. */
function routes(router: Router): void {
    const add = async (request: Parameters<Parameters<Router['get']>[1]>[0]) => {
        const seen = Number(request.session['count'] ?? 0);
        await new Promise((resolve) => setTimeout(resolve, 2));
        request.session['count'] = seen + 1;
    };
    router.get('/start', (request, response) => {
        request.session['count'] = 0;
        response.json('started');
    });
    router.get('/add', async (request, response) => {
        await add(request);
        response.json('added');
    });
    router.get('/turn', exclusive(), async (request, response) => {
        await add(request);
        response.json('added');
    });
    router.get('/twice', exclusive(), exclusive(), (request, response) => {
        response.json(request.session['count']);
    });
    router.get('/count', (request, response) => {
        response.json(request.session['count']);
    });
    router.get('/before', (request, _response, next) => {
        request.session['before'] = true;
        next();
    });
    router.get('/before', exclusive(), (request, response) => {
        response.json([request.session['before'], request.session['count']]);
    });
    router.get('/hold', exclusive(), (_request, response) => {
        response.write('held');
        holding.push(response);
    });
}

describe.each(['file', 'memory'])('exclusive() on %s', (driver) => {
    test('lets requests of one session run one after another: 20 additions by hand give 20', async () => {
        const browser = (await sessionApp({ session: { driver }, routes })).browser();
        await browser.visit('/start');
        await Promise.all(Array.from({ length: 20 }, () => browser.copy().visit('/turn')));
        expect(await browser.json('/count')).toBe(20);
    });

    test('can be had for all routes by the config, and be asked for again by a route', async () => {
        const session = { driver, concurrency: 'exclusive', lockTimeoutMs: 60_000 };
        const browser = (await sessionApp({ session, routes })).browser();
        await browser.visit('/start');
        await Promise.all(Array.from({ length: 20 }, () => browser.copy().visit('/add')));
        expect(await browser.json('/twice')).toBe(20);
    });

    test('keeps what the request changed before its turn', async () => {
        const browser = (await sessionApp({ session: { driver }, routes })).browser();
        await browser.visit('/start');
        await browser.visit('/turn');
        expect(await browser.json('/before')).toEqual([true, 1]);
    });

    test('waits no longer than it may, and never for another session', async () => {
        const app = await sessionApp({ session: { driver, lockTimeoutMs: 100 }, routes });
        const [browser, other] = [app.browser(), app.browser()];
        await Promise.all([browser.visit('/start'), other.visit('/start')]);
        const held = await browser.copy().visit('/hold'); // its headers are here, its end is not
        const [busy, free] = await Promise.all([browser.visit('/turn'), other.visit('/turn')]);
        expect([busy.status, free.status]).toEqual([503, 200]);
        expect(await busy.json()).toMatchObject({
            message: 'Another request of this session is still running after 100 ms: please try again.',
        });
        holding.pop()?.end();
        await held.text();
        expect((await browser.visit('/turn')).status).toBe(200);
    });

    test('ends with a request that the client gave up', async () => {
        const app = await sessionApp({ session: { driver, lockTimeoutMs: 60_000 }, routes });
        const browser = app.browser();
        await browser.visit('/start');
        const stop = new AbortController();
        const cookie = [...browser.cookies].map((pair) => pair.join('=')).join(';');
        await fetch(`${app.url}/hold`, { headers: { cookie }, signal: stop.signal });
        stop.abort();
        expect((await browser.visit('/turn')).status).toBe(200);
        holding.pop();
    });

    test('keeps its turn while its route works, though its client has gone, and is stored', async () => {
        const working = slowRoute();
        const app = await sessionApp({ session: { driver }, routes: working.routes });
        const browser = app.browser();
        await browser.visit('/start');
        const stop = new AbortController();
        const first = fetch(`${app.url}/pay`, { headers: cookieOf(browser), signal: stop.signal });
        await working.hasBegun;
        stop.abort();
        await expect(first).rejects.toThrow();
        await working.hasLost;

        const second = browser.visit('/turn'); // waits: the first is still paying
        const count = await browser.json('/count');
        working.goOn();
        expect(await (await second).json()).toBe('added');
        expect([count, await browser.json('/count')]).toEqual([0, 101]);
    });

    test.each([
        ['whose client has gone', { lockTimeoutMs: 400 }, {}, true],
        ['that was answered in its place', {}, { answerTimeoutMs: 200 }, false],
    ])('is fenced: a route %s stores nothing any more', async (_which, session, http, aborts) => {
        const working = slowRoute();
        const app = await sessionApp({ session: { driver, ...session }, http, routes: working.routes });
        const browser = app.browser();
        await browser.visit('/start');
        const stop = new AbortController();
        const first = fetch(`${app.url}/pay`, { headers: cookieOf(browser), signal: stop.signal });
        await working.hasBegun;
        if (aborts) {
            stop.abort();
            await expect(first).rejects.toThrow();
        } else {
            expect((await first).status).toBe(503);
        }
        await working.hasLost;

        await vi.waitFor(async () => expect((await browser.visit('/turn')).status).toBe(200), { timeout: 5_000 });
        const before = await browser.json('/count'); // the turn after it has been answered by this
        working.goOn();
        await expect(working.isDone).rejects.toThrow('could not be saved');
        expect([before, await browser.json('/count')]).toEqual([1, 1]);
    });
});

test('what a request did before its turn is applied to what others have stored until then', async () => {
    const working = signal();
    const [mayGoOn, goOn] = signal();
    const app = await sessionApp({
        session: { driver: 'memory' },
        routes: (router) => {
            router.get('/begin', (request, response) => {
                Object.assign(request.session, { n: 1, gone: 1, kept: 1 });
                response.json('begun');
            });
            router.get('/theirs', (request, response) => {
                increment(request, 'n', 10);
                request.session['theirs'] = 1;
                delete request.session['kept'];
                response.json('done');
            });
            router.get('/ours', async (request, _response, next) => {
                increment(request, 'n', 100);
                request.session['ours'] = 1;
                delete request.session['gone'];
                working[1]();
                await mayGoOn;
                next();
            });
            router.get(['/ours', '/all'], exclusive(), (request, response) => {
                const { cookie, ...data } = request.session;
                response.json(data);
            });
        },
    });
    const browser = app.browser();
    await browser.visit('/begin');
    const ours = browser.copy().json('/ours');
    await working[0];
    await browser.visit('/theirs');
    goOn();
    expect(await ours).toEqual({ n: 111, ours: 1, theirs: 1 });
    expect(await browser.json('/all')).toEqual({ n: 111, ours: 1, theirs: 1 });
});

test('a store that can not lock is trouble: the route does not run without its turn', async () => {
    let hasRun = false;
    const driver = interferedDriver({});
    driver.lock = () => Promise.reject(new Error('EACCES: the lock'));
    const app = await sessionApp({
        session: { driver: 'own' },
        boot: (kernel) => kernel.container.make(SessionManager).extend('own', () => driver),
        routes: (router) => {
            routes(router);
            router.get('/run', exclusive(), (_request, response) => {
                hasRun = true;
                response.json('ran');
            });
        },
    });
    const browser = app.browser();
    await browser.visit('/start');
    const answer = await browser.visit('/run');
    expect([answer.status, hasRun]).toEqual([503, false]);
    expect(await answer.json()).toMatchObject({
        message: 'The session could not be loaded: please try again in a moment.',
    });
});

/** A payment that goes on until it is told to, whether or not its client waits for it. */
function slowRoute() {
    const [hasBegun, begin] = signal();
    const [hasLost, lose] = signal();
    const [mayGoOn, goOn] = signal();
    const [isDone, done] = signal<unknown>();
    const slow = (router: Router) => {
        routes(router);
        router.get('/pay', exclusive(), async (request, response) => {
            const seen = Number(request.session['count']);
            response.once('close', lose);
            begin();
            await mayGoOn;
            request.session['count'] = seen + 100;
            done(response.writableEnded || response.destroyed ? request.session.save() : undefined);
            response.json('paid');
        });
    };
    return { hasBegun, hasLost, goOn, isDone: isDone.then((saved) => saved), routes: slow };
}

function signal<T = void>(): [Promise<T>, (value: T | Promise<T>) => void] {
    let resolve: (value: T | Promise<T>) => void = () => undefined;
    const promise = new Promise<T>((ready) => {
        resolve = ready;
    });
    return [promise, resolve];
}

function cookieOf(browser: Browser): Record<string, string> {
    return { cookie: [...browser.cookies].map((pair) => pair.join('=')).join('; ') };
}
