import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Router } from 'express';
import { describe, expect, test } from 'vitest';
import { Browser } from './helpers/Browser.js';
import { liveRecord, type StoredCookie } from './helpers/inside/Session/Record.js';
import { type SessionApp, sessionApp, temporaryFolder } from './helpers/sessionApp.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

type CookieConfig = Record<string, unknown>;

function routes(router: Router): void {
    router.get('/', (request, response) => {
        request.session['visits'] = Number(request.session['visits'] ?? 0) + 1;
        response.json(request.session['visits']);
    });
    router.get('/look', (request, response) => {
        const { cookie, visits } = request.session;
        response.json({ visits, cookie });
    });
    router.get('/migrate', async (request, response) => {
        await request.session.migrate();
        response.json('moved');
    });
    router.get('/set', (request, response) => {
        Object.assign(request.session.cookie, JSON.parse(String(request.query['cookie'])));
        request.session['visits'] = 1;
        response.json('set');
    });
}

/** One visitor and one folder, and the application restarted with one config after another. */
class Restarts {
    public readonly root = temporaryFolder();
    private app: SessionApp | undefined;
    private cookies = new Map<string, string>();

    public async start(cookie: CookieConfig, session: CookieConfig = {}): Promise<Browser> {
        await this.app?.close();
        this.app = await sessionApp({ root: this.root, session: { cookie, absolute: null, ...session }, routes });
        const browser = new Browser(this.app.url);
        for (const [name, value] of this.cookies) {
            browser.cookies.set(name, value);
        }
        this.cookies = browser.cookies;
        return browser;
    }

    /** The stored record, and what takes its place. */
    public rewrite(change: (text: string) => string): void {
        const folder = (this.app as SessionApp).folder;
        const [name = ''] = readdirSync(folder).filter((file) => file.endsWith('.json'));
        const text = change(readFileSync(join(folder, name), 'utf8').trimEnd());
        writeFileSync(join(folder, name), text);
    }
}

const set = (cookie: CookieConfig) => `/set?cookie=${encodeURIComponent(JSON.stringify(cookie))}`;
const hoursLeft = (line = '') => Math.round((Date.parse(/Expires=([^;]+)/.exec(line)?.[1] ?? '') - Date.now()) / HOUR);
const last = (browser: Browser) => browser.received.at(-1) ?? '';
/** Makes the stored session so much older, and the browser's cookie. */
const aged = (ms: number) => (text: string) =>
    text
        .replace(/"(__lastAccess|created)":(\d+)/g, (_, key, time) => `"${key}":${Number(time) - ms}`)
        .replace(/"expires":"([^"]+)"/, (_, time) => `"expires":"${new Date(Date.parse(time) - ms).toISOString()}"`);

describe('a changed config reaches living sessions', () => {
    test('sameSite, httpOnly, domain, path and the rest of the next Set-Cookie are those of today', async () => {
        const restarts = new Restarts();
        const before = { sameSite: 'lax', httpOnly: true };
        const browser = await restarts.start(before);
        await browser.visit('/');
        expect(last(browser)).toMatch(/; Path=\/; HttpOnly; SameSite=Lax$/);
        const after = { sameSite: 'strict', httpOnly: false, domain: '127.0.0.1', priority: 'high' };
        const today = await restarts.start(after);
        expect(await today.json('/')).toBe(2);
        await today.visit('/migrate');
        expect(last(today)).toMatch(/; Domain=127\.0\.0\.1; Path=\/; Priority=High; SameSite=Strict$/);
        expect(last(today)).not.toContain('HttpOnly');
        expect(await today.json('/look')).toMatchObject({ visits: 2, cookie: after });
    });

    test('also on a session that its route does not look at', async () => {
        const restarts = new Restarts();
        await (await restarts.start({ sameSite: 'lax', maxAge: HOUR })).visit('/');
        const today = await restarts.start({ sameSite: 'strict', maxAge: HOUR }, { rolling: true });
        await today.visit('/nowhere');
        expect(last(today)).toContain('SameSite=Strict');
    });

    test('secure too: over http it is not sent any more, over https it is', async () => {
        const restarts = new Restarts();
        await (await restarts.start({ secure: false })).visit('/');
        const today = await restarts.start({ secure: true }, { proxy: true });
        const https = { headers: { 'x-forwarded-proto': 'https' } };
        expect(await today.json('/', https)).toBe(2);
        await today.visit('/migrate', https);
        expect(last(today)).toContain('; Secure');
    });

    test.each([
        ['shortened', { maxAge: 5 * HOUR }, { maxAge: HOUR }, 2 * HOUR, undefined],
        ['shortened to one that ends with the browser', { maxAge: 5 * HOUR }, { maxAge: null }, 3 * HOUR, undefined],
        ['lengthened', { maxAge: HOUR }, { maxAge: 5 * HOUR }, 2 * HOUR, 5],
        ['begun', { maxAge: null }, { maxAge: 5 * HOUR }, 3 * HOUR, 5],
    ])('maxAge, where it is %s', async (_, before, after, age, hours) => {
        const restarts = new Restarts();
        await (await restarts.start(before)).visit('/');
        const today = await restarts.start(after);
        restarts.rewrite(aged(30 * 60_000));
        expect(await today.json('/')).toBe(2);
        expect(today.received).toHaveLength(after.maxAge === null ? 0 : 1);
        restarts.rewrite(aged(age));
        expect(await today.json('/')).toBe(hours ? 3 : 1);
        if (hours) {
            expect(hoursLeft(last(today))).toBe(hours);
        }
    });

    test('a date in the config is the same for all, and does not move', async () => {
        const restarts = new Restarts();
        await (await restarts.start({ maxAge: HOUR })).visit('/');
        const date = new Date(Math.ceil((Date.now() + 100 * HOUR) / 1000) * 1000);
        const today = await restarts.start({ expires: date });
        expect(await today.json('/')).toBe(2);
        expect(last(today)).toContain(`Expires=${date.toUTCString()}`);
        restarts.rewrite(aged(HOUR));
        await today.visit('/migrate');
        expect(last(today)).toContain(`Expires=${date.toUTCString()}`);
    });
});

describe('what a route has changed stays', () => {
    test('"remember me" is kept for as long as it was said, whatever maxAge and idle are', async () => {
        const restarts = new Restarts();
        const browser = await restarts.start({ maxAge: 5 * HOUR });
        await browser.visit('/');
        await browser.visit(set({ maxAge: 30 * DAY }));
        for (const cookie of [{ maxAge: HOUR }, { maxAge: 30 * DAY }, { maxAge: null }, { maxAge: 2 * HOUR }]) {
            const today = await restarts.start(cookie);
            restarts.rewrite(aged(2 * DAY));
            expect(await today.json('/')).toBeGreaterThan(1);
            expect(hoursLeft(last(today))).toBeGreaterThanOrEqual(30 * 24 - 1);
        }
    });

    test('and all else of its cookie is that of today', async () => {
        const restarts = new Restarts();
        await (await restarts.start({ maxAge: HOUR, sameSite: 'lax' })).visit(set({ maxAge: 30 * DAY }));
        const today = await restarts.start({ maxAge: HOUR, sameSite: 'strict' });
        restarts.rewrite(aged(2 * DAY));
        await today.visit('/');
        expect(last(today)).toContain('SameSite=Strict');
        expect(hoursLeft(last(today))).toBe(30 * 24);
    });

    test("a session that ends with the browser by its route's wish goes on to do so", async () => {
        const restarts = new Restarts();
        await (await restarts.start({ maxAge: HOUR })).visit(set({ maxAge: null }));
        const today = await restarts.start({ maxAge: 2 * HOUR });
        await today.visit('/migrate');
        expect(last(today)).not.toContain('Expires');
    });

    test.each([
        ['sameSite', 'none', 'strict', 'SameSite=None'],
        ['httpOnly', false, true, 'sosise='],
        ['priority', 'low', 'high', 'Priority=Low'],
    ])('%s', async (name, own, after, sent) => {
        const restarts = new Restarts();
        const browser = await restarts.start({ maxAge: HOUR });
        await browser.visit(set({ [name]: own }));
        const today = await restarts.start({ maxAge: HOUR, [name]: after, domain: '127.0.0.1' });
        await today.visit('/migrate');
        expect(last(today)).toContain(sent);
        expect(last(today)).toContain('Domain=127.0.0.1');
        expect(await today.json('/look')).toMatchObject({ cookie: { [name]: own } });
    });
});

describe('a record of an older version', () => {
    const old = (cookie: StoredCookie) => () =>
        liveRecord(
            { seen: Date.now() - 30 * 60_000, created: Date.now() - HOUR, login: undefined },
            cookie,
            ',"visits":7',
        );

    test.each<[string, StoredCookie, number]>([
        ['as the config had it', { originalMaxAge: HOUR, path: '/', httpOnly: true, sameSite: 'lax' }, 1],
        ['longer than the config: a route may have said so', { originalMaxAge: 30 * DAY, path: '/' }, 30 * 24],
        ['until the browser is closed', { originalMaxAge: null, expires: null, path: '/' }, 1],
    ])('keeps its session; its age is %s', async (_, cookie, hours) => {
        const restarts = new Restarts();
        const browser = await restarts.start({ maxAge: HOUR, sameSite: 'strict' });
        await browser.visit('/');
        restarts.rewrite(old(cookie));
        expect(await browser.json('/')).toBe(8);
        expect(hoursLeft(last(browser))).toBe(hours);
        expect(last(browser)).toContain('SameSite=Strict');
        restarts.rewrite((text) => {
            expect(text).toContain(`"own":${hours === 1 ? '[]' : '["maxAge"]'}`);
            return text;
        });
    });

    test('says nothing of its own where express-session wrote it', async () => {
        const restarts = new Restarts();
        const browser = await restarts.start({ maxAge: HOUR, sameSite: 'strict' });
        await browser.visit('/');
        const cookie = { originalMaxAge: HOUR, expires: new Date(Date.now() + HOUR / 2), httpOnly: true, path: '/old' };
        restarts.rewrite(() => JSON.stringify({ cookie, visits: 7, __lastAccess: Date.now() - HOUR / 2 }));
        expect(await browser.json('/')).toBe(8);
        expect(browser.received).toHaveLength(2);
        expect(last(browser)).toMatch(/; Path=\/; .*SameSite=Strict/);
    });
});

test('others that read the record see the whole cookie, as it was last stored', async () => {
    const restarts = new Restarts();
    const browser = await restarts.start({ maxAge: HOUR, sameSite: 'lax' });
    await browser.visit(set({ maxAge: 30 * DAY }));
    restarts.rewrite((text) => {
        const { cookie } = JSON.parse(text) as { cookie: StoredCookie };
        expect(cookie).toMatchObject({ originalMaxAge: 30 * DAY, httpOnly: true, path: '/', sameSite: 'lax' });
        expect(Date.parse(String(cookie.expires))).toBeGreaterThan(Date.now() + 29 * DAY);
        return text;
    });
});
