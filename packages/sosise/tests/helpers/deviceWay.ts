import { SessionRegistry } from 'sosise';
import { expect, onTestFinished, test, vi } from 'vitest';
import { DeviceBrowser } from './DeviceBrowser.js';
import { deviceRoutes } from './loginRoutes.js';
import { type SessionAppOptions, sessionApp } from './sessionApp.js';

export const MINUTE_MS = 60_000;
export const BOUND = { deviceBound: true };
export const COOKIE = 'sosise-device';
export const PATH = '/__sosise/device';

export const post = (body: unknown = {}) => ({ method: 'POST', body });

/** A browser that can bind, and has logged in. */
export async function anna({ url }: { url: string }, browser = new DeviceBrowser(url)): Promise<DeviceBrowser> {
    await browser.visit('/login', post({ user: 'anna' }));
    return browser;
}

/** Lets time go by in this process, until the test ends. */
export function pass(minutes: number): void {
    onTestFinished(() => void vi.useRealTimers());
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + minutes * MINUTE_MS });
}

/** The tests of a bound session's whole way, on the driver of an application. */
export function deviceWay(options: () => SessionAppOptions): void {
    const start = () => sessionApp({ routes: deviceRoutes, ...options() });

    test('a login is bound by a browser that can, and the cookie is renewed when it has gone', async () => {
        const app = await start();
        const browser = await anna(app);
        expect(browser.bound?.credentials).toEqual([
            { type: 'cookie', name: COOKIE, attributes: 'Path=/; HttpOnly; SameSite=Lax' },
        ]);
        expect(await browser.json('/bound')).toBe(true);
        expect((await browser.visit('/vault')).status).toBe(200);
        pass(11);
        expect(await browser.json('/members')).toBe('anna');
        expect(browser.refreshes).toBe(1);
        expect(await browser.json('/me')).toEqual({ user: 'anna', data: {}, ended: null });
        expect(browser.refreshes, 'the cookie is there').toBe(1);
    });

    test('without the cookie nobody is logged in, and what the visitor has stays', async () => {
        const app = await start();
        const browser = await anna(app);
        await browser.visit('/put', post({ cart: [1] }));
        const thief = browser.stolen();
        thief.cookies.delete(COOKIE);
        expect(await thief.json('/me')).toEqual({ user: null, data: { cart: [1] }, ended: null });
        expect((await thief.visit('/members')).status).toBe(401);
        expect((await thief.visit('/vault')).status).toBe(401);
        expect(await browser.json('/me')).toEqual({ user: 'anna', data: { cart: [1] }, ended: null });
    });

    test('the binding stays through a new id, and ends with the session', async () => {
        const app = await start();
        const browser = await anna(app);
        await browser.visit('/migrate', post());
        expect(await browser.json('/members')).toBe('anna');
        pass(11);
        expect(await browser.json('/members')).toBe('anna');
        expect(browser.refreshes).toBe(1);
        const copy = browser.at(app.url);
        await browser.visit('/logout', post());
        expect(browser.cookies.has(COOKIE)).toBe(false);
        expect(await copy.refresh(), 'with the key, after the logout').toBe(401);
    });

    test('registering and renewing beside 50 parallel requests loses none of them, and nothing of the binding', async () => {
        const app = await start();
        const browser = new DeviceBrowser(app.url);
        const offer = await browser.plainVisit('/login', post({ user: 'anna' }));
        const keys = Array.from({ length: 50 }, (_, index) => `key${index}`);
        const writes = keys.map((key) => browser.plainVisit('/put', post({ [key]: 1 })));
        await browser.register(offer.headers.get('secure-session-registration') ?? '');
        const statuses = [await browser.refresh(), await browser.refresh()];
        expect(new Set((await Promise.all(writes)).map(({ status }) => status))).toEqual(new Set([200]));
        expect(statuses).toEqual([200, 200]);
        const { data } = await browser.json<{ data: Record<string, unknown> }>('/me');
        expect(Object.keys(data).sort()).toEqual([...keys].sort());
        expect(await browser.json('/bound')).toBe(true);
    });

    test('a session that is revoked while its cookie is renewed has ended', async () => {
        const app = await start();
        const registry = app.app.container.make(SessionRegistry);
        for (let round = 0; round < 5; round += 1) {
            const browser = await anna(app);
            const same = browser.at(app.url);
            const [status, ended] = await Promise.all([browser.refresh(), registry.revoke('anna')]);
            expect(ended).toBe(1);
            expect([200, 401, 403]).toContain(status);
            expect(await same.refresh()).toBe(401);
            expect((await same.plainVisit('/members')).status).toBe(401);
        }
    });
}
