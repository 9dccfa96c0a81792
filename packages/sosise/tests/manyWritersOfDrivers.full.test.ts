import { describe, expect, test } from 'vitest';
import { SessionManager } from './helpers/inside/Session/Opening.js';
import { KEYS, manyWriters, WRITERS } from './helpers/manyWriters.js';
import { onRedis } from './helpers/onRedis.js';
import { sessionApp } from './helpers/sessionApp.js';
import { haltFirst, type Interference, interferedDriver } from './helpers/wrapDriver.js';

/** An application whose route changes a key of the visitor's session, with something in front of its store. */
async function changing(interference: Interference, session: Record<string, unknown> = {}) {
    const app = await sessionApp({
        session: { driver: 'slow', ...session },
        boot: ({ container }) => container.make(SessionManager).extend('slow', () => interferedDriver(interference)),
        routes: (router) => {
            router.get('/change/:key', (request, response) => {
                request.session[request.params.key] = 1;
                response.json('stored');
            });
            router.get('/keys', (request, response) => {
                response.json(Object.keys(request.session).filter((key) => key !== 'cookie').length);
            });
        },
    });
    const browser = app.browser();
    await browser.visit('/change/first');
    const changeAll = (keyOf: (n: number) => string) =>
        Promise.all(
            Array.from({ length: WRITERS }, async (_, n) => (await browser.visit(`/change/${keyOf(n)}`)).status),
        );
    return { browser, changeAll };
}

const TITLE = `${WRITERS} requests that change one session at once`;

describe(TITLE, () => {
    describe.each(['memory', 'file', 'plain'])('%s', (driver) => {
        test.each(KEYS)('%s: all are answered 200, and stored', async (_, keyOf, count) => {
            await (await manyWriters({ driver }))(keyOf, count);
        });
    });

    test.each(KEYS)('%s: those that come while one is written are stored in one write', async (_, keyOf, count) => {
        const interference: Interference = {};
        const { browser, changeAll } = await changing(interference, { storeTimeoutMs: 60_000 });
        const halt = haltFirst();
        let [reads, writes] = [0, 0];
        interference.read = () => {
            reads += 1;
            return reads === WRITERS ? halt.release() : undefined; // all have come
        };
        interference.write = (key) => {
            writes += 1;
            return halt.pass(key);
        };
        expect(new Set(await changeAll(keyOf))).toEqual(new Set([200]));
        expect(await browser.json('/keys')).toBe(count);
        expect(writes).toBeLessThan(5);
    });

    test('where one write hangs, it alone gets a 503: those that waited behind it are stored', async () => {
        const interference: Interference = {};
        const { browser, changeAll } = await changing(interference, { storeTimeoutMs: 300 });
        const halt = haltFirst();
        interference.write = halt.pass;
        const statuses = await changeAll((n) => `key${n}`);
        expect(statuses.filter((status) => status === 503)).toHaveLength(1);
        expect(statuses.filter((status) => status === 200)).toHaveLength(WRITERS - 1);
        expect(await browser.json('/keys')).toBe(WRITERS);
        halt.release();
    });

    test('on a store that hangs all get a 503 once it has had its time, not one after another', async () => {
        const interference: Interference = {};
        const storeTimeoutMs = 2_000;
        const { changeAll } = await changing(interference, { storeTimeoutMs });
        interference.write = () => new Promise<void>(() => undefined);
        const start = performance.now();
        expect(new Set(await changeAll((n) => `key${n}`))).toEqual(new Set([503]));
        // The first has all of its time. Those behind it have waited as long, and get a moment.
        expect(performance.now() - start).toBeLessThan(1.75 * storeTimeoutMs);
    });
});

await onRedis(TITLE, (server) => {
    test.each(KEYS)('redis, %s: all are answered 200, and stored', async (_, keyOf, count) => {
        await (await manyWriters({ driver: 'redis', drivers: { redis: server.options } }))(keyOf, count);
    });
});
