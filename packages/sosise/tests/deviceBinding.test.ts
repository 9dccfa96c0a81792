import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import session from 'express-session';
import memorystore from 'memorystore';
import { SessionRegistry, StoredSessions } from 'sosise';
import { describe, expect, test } from 'vitest';
import { type BoundSession, DeviceBrowser, proofBy, rsaKey } from './helpers/DeviceBrowser.js';
import { anna, BOUND, COOKIE, deviceWay, MINUTE_MS, PATH, pass, post } from './helpers/deviceWay.js';
import { deviceRoutes } from './helpers/loginRoutes.js';
import { PageBrowser } from './helpers/PageBrowser.js';
import { SECRET, type SessionApp, type SessionAppOptions, SessionManager, sessionApp } from './helpers/sessionApp.js';
import { PROJECT } from './stock.js';

const PlainStore = memorystore(session);
const SOURCES = join(PROJECT, 'packages/sosise/src');
const DRIVERS: [string, SessionAppOptions][] = [
    ['memory', { session: { ...BOUND, driver: 'memory' } }],
    ['file', { session: BOUND }],
    ['encrypted file', { session: { ...BOUND, encrypt: true } }],
    [
        'plain store',
        {
            session: { ...BOUND, driver: 'plain' },
            boot: (app) => app.container.make(SessionManager).extend('plain', () => new PlainStore({}) as never),
        },
    ],
];

async function start(options: SessionAppOptions = { session: { ...BOUND, driver: 'memory' } }): Promise<SessionApp> {
    return sessionApp({ routes: deviceRoutes, ...options });
}

for (const [driver, options] of DRIVERS) {
    describe(`device-bound sessions, ${driver}`, () => deviceWay(() => options));
}

test('a browser that can not bind goes on as ever, and what needs a bound device says so', async () => {
    const app = await start();
    const browser = app.browser();
    const response = await browser.visit('/login', post({ user: 'anna' }));
    expect(response.headers.get('secure-session-registration')).toMatch(
        /^\(ES256 RS256\);path="\/__sosise\/device";challenge="[\w.-]+"$/,
    );
    expect(await browser.json('/members')).toBe('anna');
    expect(await browser.json('/bound')).toBe(false);
    expect((await browser.visit('/vault')).status).toBe(403);
    expect((await app.browser().visit('/vault')).status, 'a visitor').toBe(401);
});

test('only the answer of a login offers it, over https or on this machine', async () => {
    const app = await start({ session: { ...BOUND, driver: 'memory' }, http: { trustProxy: true } });
    const browser = app.browser();
    const offered = async (path: string, headers: Record<string, string>) =>
        (await browser.visit(path, { ...post({ user: 'anna' }), headers })).headers.has('secure-session-registration');
    const elsewhere = { 'x-forwarded-host': 'shop.example', 'x-forwarded-proto': 'http' };
    expect(await offered('/login', elsewhere)).toBe(false);
    expect(await offered('/login', { ...elsewhere, 'x-forwarded-proto': 'https' })).toBe(true);
    expect(await offered('/put', {})).toBe(false);
    expect(await offered('/migrate', {})).toBe(false);
});

test('an RSA key does as well, and a new login is bound anew', async () => {
    const app = await start();
    const browser = new DeviceBrowser(app.url);
    browser.key = rsaKey();
    await anna(app, browser);
    pass(11);
    expect(await browser.json('/members')).toBe('anna');
    const before = browser.bound;
    await anna(app, browser);
    expect(browser.bound?.session_identifier).not.toBe(before?.session_identifier);
    expect(await browser.json('/bound')).toBe(true);
    expect(await browser.refresh(before), 'the binding of before').toBe(401);
});

test('a cookie for https is secure, and has the prefix of the session', async () => {
    const app = await start({
        session: { ...BOUND, driver: 'memory', name: undefined, cookie: { secure: true } },
        http: { trustProxy: true },
    });
    const browser = new DeviceBrowser(app.url);
    const headers = { 'x-forwarded-proto': 'https' };
    const offer = await browser.plainVisit('/login', { ...post({ user: 'anna' }), headers });
    const [, challenge = ''] = /challenge="([^"]+)"/.exec(offer.headers.get('secure-session-registration') ?? '') ?? [];
    const proof = proofBy(browser.key, { jti: challenge }, { jwk: browser.key.jwk });
    const response = await browser.prove('/__sosise/device', proof, undefined, headers);
    expect(response.headers.get('set-cookie')).toMatch(
        /^__Host-[\w-]+-device=[\w.-]+; Max-Age=600; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    );
    expect(response.headers.get('cache-control')).toBe('no-store');
});

test('the list of sessions says which are bound; a stolen one has no user for a WebSocket', async () => {
    const app = await start();
    const [browser, other] = [await anna(app), app.browser()];
    await other.visit('/login', post({ user: 'anna' }));
    const list = await app.app.container.make(SessionRegistry).list('anna');
    expect(list.map(({ bound }) => bound)).toEqual([true, false]);
    const stored = app.app.container.make(StoredSessions);
    const asked = (cookies: Map<string, string>) =>
        stored.ofRequest({
            headers: { cookie: [...cookies].map((pair) => pair.join('=')).join('; '), host: 'localhost' },
        } as never);
    expect(await asked(browser.cookies)).toMatchObject({ user: 'anna', bound: true });
    const thief = browser.stolen();
    thief.cookies.delete(COOKIE);
    expect(await asked(thief.cookies)).toMatchObject({ user: undefined, bound: true });
});

test('renewing is no visit: a session that only its browser keeps renewing still ends by its idle timeout', async () => {
    const app = await start({ session: { ...BOUND, driver: 'memory', cookie: { maxAge: 30 * MINUTE_MS } } });
    const browser = await anna(app);
    pass(20);
    expect(await browser.refresh()).toBe(200);
    pass(15);
    expect(await browser.refresh()).toBe(401);
});

test('secrets that change keep bindings as long as the former one is listed', async () => {
    const root = { session: { ...BOUND } };
    const first = await start(root);
    const browser = await anna(first);
    const bound = browser.bound;
    const second = await start({
        root: first.root,
        session: { ...BOUND, secret: ['New5rW8yB3nK6tQ1zP9cM4xJ7gD2fHs0', SECRET] },
    });
    const moved = browser.at(second.url);
    expect(await moved.json('/bound'), 'a cookie of before').toBe(true);
    expect(await moved.refresh(bound)).toBe(200);
    expect(await moved.json('/bound')).toBe(true);
});

test('two servers of one store answer a challenge once, and both take the cookie', async () => {
    const first = await start({ session: BOUND });
    const second = await start({ root: first.root, session: BOUND });
    const browser = await anna(first);
    const other = browser.at(second.url);
    const bound = browser.bound as BoundSession;
    const proof = proofBy(browser.key, { jti: await browser.challenge(bound) });
    const answers = await Promise.all(
        [browser, other, browser, other].map((each) => each.prove(PATH, proof, bound.session_identifier)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 403, 403, 403]);
    expect([await browser.json('/bound'), await other.plainVisit('/bound').then((answer) => answer.json())]).toEqual([
        true,
        true,
    ]);
});

test('a renewal that comes with the id of before migrate() is answered, and a login of before is not', async () => {
    const app = await start();
    const browser = await anna(app);
    const late = browser.at(app.url);
    await browser.visit('/migrate', post());
    expect(await late.refresh(browser.bound)).toBe(200);
    const bound = browser.bound;
    await browser.plainVisit('/login', post({ user: 'anna' }));
    expect(await late.refresh(bound)).toBe(401);
});

test('a link of another site to a page for members is loaded again, so that the browser renews the cookie', async () => {
    const app = await start({ session: { ...BOUND, driver: 'memory', loginPage: '/login' } });
    const browser = await anna(app);
    const [page, stranger] = [new PageBrowser(app.url), new PageBrowser(app.url)];
    page.cookies.set('sosise', browser.cookies.get('sosise') ?? '');
    const from = (site: string) => ({ 'sec-fetch-site': site });
    const link = await page.ask('/members', 'page', from('cross-site'));
    expect([link.status, link.headers.get('refresh')]).toEqual([401, '0']);
    const again = await page.ask('/members', 'page', from('same-origin'));
    expect(again.headers.get('location')).toBe('/login?next=%2Fmembers');
    expect((await page.ask('/members', 'image', from('cross-site'))).headers.get('refresh')).toBeNull();
    expect((await stranger.ask('/members', 'page', from('cross-site'))).status, 'a visitor').toBe(303);
});

test('without the setting sessions that are bound are as others, and nothing answers for devices', async () => {
    const first = await start({ session: BOUND });
    const browser = await anna(first);
    const second = await start({ root: first.root });
    const same = browser.stolen(second.url);
    same.cookies.delete(COOKIE);
    expect(await same.json('/members')).toBe('anna');
    expect(await same.json('/bound')).toBe(false);
    expect((await same.plainVisit('/__sosise/device', { method: 'POST' })).status).toBe(404);
    expect((await same.plainVisit('/vault')).status).toBe(500);
});

test('nothing of it is loaded where the setting is off: other rooms import its types alone', () => {
    const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
    const imports = files
        .filter((name) => !name.replaceAll('\\', '/').startsWith('Session/Binding/'))
        .flatMap((name) => readFileSync(join(SOURCES, name), 'utf8').match(/^.*\bfrom '[^']*\/Binding\/.*$/gm) ?? []);
    expect(imports.length).toBeGreaterThan(0);
    expect(imports.filter((line) => !line.startsWith('import type '))).toEqual([]);
});

test('a cookie that browsers would not renew stops start-up', async () => {
    const cookies = [{ domain: 'shop.example' }, { partitioned: true, secure: true }];
    for (const cookie of cookies) {
        await expect(start({ session: { ...BOUND, cookie } })).rejects.toThrow(/deviceBound does not go with cookie/);
    }
    await expect(start({ session: { deviceBound: { refreshMinutes: 0 } } })).rejects.toThrow(/deviceBound/);
});
