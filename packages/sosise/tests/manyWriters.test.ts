import { describe, expect, test } from 'vitest';
import { SessionManager } from './helpers/inside/Session/Opening.js';
import { sessionApp } from './helpers/sessionApp.js';
import { type Interference, interferedDriver } from './helpers/wrapDriver.js';

const WRITERS = 100;

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

describe(`${WRITERS} requests that change one session at once`, () => {
    test.each([
        ['different keys', (n: number) => `key${n}`, WRITERS + 1],
        ['the same key', () => 'key', 2],
    ])(
        '%s: all are stored, though they wait for each other for longer than the store may take',
        async (_, keyOf, keys) => {
            const write = () => new Promise<void>((resolve) => setTimeout(resolve, 5));
            const { browser, changeAll } = await changing({ write }, { storeTimeoutMs: 100 });
            expect(new Set(await changeAll(keyOf))).toEqual(new Set([200]));
            expect(await browser.json('/keys')).toBe(keys);
        },
    );

    test('on a store that hangs all get a 503 once it has had its time, not one after another', async () => {
        const interference: Interference = {};
        const { changeAll } = await changing(interference, { storeTimeoutMs: 300 });
        interference.write = () => new Promise<void>(() => undefined);
        const start = performance.now();
        expect(new Set(await changeAll((n) => `key${n}`))).toEqual(new Set([503]));
        expect(performance.now() - start).toBeLessThan(2_000);
    });
});
