import type { Response, Router } from 'express';
import { describe, expect, test } from 'vitest';
import { exclusive } from '../../src/framework/Session/exclusive.js';
import { sessionApp } from '../helpers/sessionApp.js';

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
});
