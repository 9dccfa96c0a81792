import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sign } from 'cookie-signature';
import type { Request, Router } from 'express';
import session from 'express-session';
import sessionFileStore from 'session-file-store';
import { fingerprint } from 'sosise';
import { describe, expect, test } from 'vitest';
import type { Browser } from './helpers/Browser.js';
import { keyOf } from './helpers/inside/Session/Record.js';
import { SECRET, SessionManager, sessionApp, temporaryFolder } from './helpers/sessionApp.js';
import { haltFirst, type Interference, interferedDriver } from './helpers/wrapDriver.js';

function routes(router: Router): void {
    router.get('/', (request, response) => {
        request.session['visits'] = Number(request.session['visits'] ?? 0) + 1;
        response.json(request.session['visits']);
    });
    router.get('/look', (request, response) => {
        response.json(request.session['visits'] ?? null);
    });
    router.get('/destroy', async (request, response) => {
        await request.session.destroy();
        response.json('destroyed');
    });
    router.get('/fingerprint', (request, response) => {
        void request.session;
        response.json(fingerprint(request));
    });
    router.get('/store-api', (request, response) => {
        request.sessionStore.all?.((error, all) => {
            const [key = ''] = Object.keys(all ?? {});
            request.sessionStore.destroy(key, () => response.json([error, Object.keys(all ?? {}).length]));
        });
    });
}

const idOf = (browser: Browser) =>
    decodeURIComponent(browser.cookies.get('sosise') ?? '')
        .slice(2)
        .split('.')[0] ?? '';
const cookieFor = (id: string) => encodeURIComponent(`s:${sign(id, SECRET)}`);
const files = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.json'));

type Set = (id: string, data: object, done: (error: unknown) => void) => void;

describe('ids', () => {
    test('have 192 random bits, and none is used twice', async () => {
        const app = await sessionApp({ routes, session: { driver: 'memory' } });
        const ids = new Set<string>();
        for (let index = 0; index < 200; index += 1) {
            const browser = app.browser();
            await browser.visit('/');
            ids.add(idOf(browser));
        }
        expect(ids.size).toBe(200);
        for (const id of ids) {
            expect(Buffer.from(id, 'base64url')).toHaveLength(24);
        }
    });

    test('are in no file and in no file name: what is stored makes no cookie', async () => {
        const app = await sessionApp({ routes });
        const browser = app.browser();
        await browser.visit('/');
        const id = idOf(browser);
        const [name = ''] = files(app.folder);
        expect(name).toBe(`${keyOf(id)}.json`);
        expect(name + readFileSync(join(app.folder, name), 'utf8')).not.toContain(id);
    });

    test('a cookie that names a record by its hash finds nothing, even with a right signature', async () => {
        const app = await sessionApp({ routes });
        const browser = app.browser();
        await browser.visit('/');
        const key = keyOf(idOf(browser));
        for (const name of [key, `${key}.json`, key.slice('sha256-'.length)]) {
            const thief = app.browser();
            thief.cookies.set('sosise', cookieFor(name));
            expect(await thief.json('/look'), name).toBe(null);
            expect(await thief.json('/')).toBe(1);
            expect(idOf(thief)).not.toBe(name);
        }
        expect(await browser.json('/look')).toBe(1);
    });

    test('only one that was issued is adopted; forged, altered and empty ones begin a new session', async () => {
        const app = await sessionApp({ routes });
        const browser = app.browser();
        await browser.visit('/');
        const right = browser.cookies.get('sosise') as string;
        const attempts = [
            cookieFor('never-issued-but-well-signed'),
            encodeURIComponent(`s:${sign(idOf(browser), 'another secret of thirty-two characters')}`),
            right.slice(0, -3),
            right.replace('s%3A', ''),
            encodeURIComponent(`s:${idOf(browser)}`),
            encodeURIComponent(`j:${JSON.stringify({ id: idOf(browser) })}`),
            's%3A',
            '%ff',
        ];
        for (const cookie of attempts) {
            const attacker = app.browser();
            attacker.cookies.set('sosise', cookie);
            expect(await attacker.json('/look'), cookie).toBe(null);
            await attacker.visit('/');
            expect(attacker.cookies.get('sosise')).not.toBe(cookie);
        }
        expect(await browser.json('/')).toBe(2);
    });

    test('are taken from the cookie only, never from an address, a header or a body', async () => {
        const app = await sessionApp({ routes });
        const browser = app.browser();
        await browser.visit('/');
        const cookie = browser.cookies.get('sosise') as string;
        const id = idOf(browser);
        const stranger = () => app.browser();
        expect(await stranger().json(`/look?sosise=${cookie}&sid=${id}&sessionID=${id}`)).toBe(null);
        expect(
            await stranger()
                .json(`/look;sosise=${cookie}`)
                .catch(() => null),
        ).not.toBe(1);
        const headers = { authorization: `Bearer ${id}`, 'x-session-id': id, sosise: cookie };
        expect(await stranger().json('/look', { headers })).toBe(null);
        expect(await browser.json('/look')).toBe(1);
    });

    test('a fingerprint names a session without giving it away', async () => {
        const app = await sessionApp({ routes });
        const browser = app.browser();
        await browser.visit('/');
        const name = await browser.json<string>('/fingerprint');
        expect(name).toMatch(/^[\w-]{10}$/);
        expect(files(app.folder)[0]).toContain(name);
        expect(idOf(browser)).not.toContain(name);
        expect(await browser.copy().json('/fingerprint')).toBe(name);
    });

    test('sessionStore.all() gives names that its other methods take', async () => {
        const app = await sessionApp({ routes });
        const browser = app.browser();
        await browser.visit('/');
        expect(await app.browser().json('/store-api')).toEqual([null, 1]);
        expect(await browser.json('/look')).toBe(null);
    });
});

describe('records under plain ids', () => {
    async function withStockRecord() {
        const root = temporaryFolder();
        const folder = join(root, 'storage/sessions');
        mkdirSync(folder, { recursive: true });
        const FileStore = sessionFileStore(session);
        const id = 'stockId_0123456789abcdefghijklmn';
        const cookie = { originalMaxAge: 3_600_000, expires: new Date(Date.now() + 3_600_000), path: '/' };
        const store = new FileStore({ path: folder, logFn: () => undefined, reapInterval: -1 });
        await promisify(store.set.bind(store) as Set)(id, { cookie, visits: 41 });
        const app = await sessionApp({ root, routes });
        const browser = app.browser();
        browser.cookies.set('sosise', cookieFor(id));
        return { app, browser, id };
    }

    test('are read, and move to their hash', async () => {
        const { app, browser, id } = await withStockRecord();
        expect(existsSync(join(app.folder, `${id}.json`))).toBe(true);
        expect(await browser.json('/look')).toBe(41);
        expect(await browser.json('/')).toBe(42);
        expect(files(app.folder)).toEqual([`${keyOf(id)}.json`]);
        expect(await browser.json('/look')).toBe(42);
    });

    test('move once, whatever comes at the same time, and no change is lost', async () => {
        const { app, browser, id } = await withStockRecord();
        const answers = await Promise.all(Array.from({ length: 12 }, () => browser.copy().json<number>('/')));
        expect(Math.max(...answers)).toBeLessThanOrEqual(53);
        expect(await browser.json<number>('/look')).toBeGreaterThanOrEqual(42);
        expect(files(app.folder)).toEqual([`${keyOf(id)}.json`]);
    });

    test('that move between the two looks of a request are found, and its visitor stays', async () => {
        const id = 'stockId_0123456789abcdefghijklmn';
        const looking = haltFirst((name) => name === id);
        const trouble: Interference = {};
        const driver = interferedDriver(trouble);
        const now = Date.now();
        await driver.write(id, JSON.stringify({ __lastAccess: now, cookie: {}, visits: 41 }), undefined, now + 60_000);
        const app = await sessionApp({
            routes,
            session: { driver: 'watched' },
            boot: ({ container }) => void container.make(SessionManager).extend('watched', () => driver),
        });
        const browser = app.browser();
        browser.cookies.set('sosise', cookieFor(id));
        trouble.read = looking.pass;
        const late = browser.copy().json('/');
        await looking.reached;
        expect(await browser.json('/')).toBe(42);
        looking.release();
        expect(await late).toBe(43);
    });

    test('that are destroyed do not come back', async () => {
        const { app, browser, id } = await withStockRecord();
        const copy = browser.copy();
        await browser.visit('/destroy');
        expect(await copy.json('/look')).toBe(null);
        expect(existsSync(join(app.folder, `${id}.json`))).toBe(false);
    });

    test('that are damaged are quarantined, and their visitor gets a new session', async () => {
        const { app, browser, id } = await withStockRecord();
        writeFileSync(join(app.folder, `${id}.json`), '{"cookie":');
        expect(await browser.json('/')).toBe(1);
        expect(idOf(browser)).not.toBe(id);
        expect(app.log.map(({ message }) => message).join()).toContain('quarantined');
    });
});

describe('a genid that is wrong stops start-up', () => {
    test.each<[string, unknown, string]>([
        ['async', async () => 'x', 'returns an instance of Promise'],
        [
            'async, and rejects',
            async () => {
                throw new Error('never');
            },
            'returns an instance of Promise',
        ],
        ['a number', () => 5, 'returns a number'],
        ['nothing', () => undefined, 'returns nothing'],
        ['empty', () => '', 'returns an empty string'],
        ['a class', class Ids {}, "fails (Class constructor Ids cannot be invoked without 'new')"],
        [
            'one that always throws',
            () => {
                throw new Error('no ids today');
            },
            'fails (no ids today)',
        ],
    ])('%s', async (_what, genid, message) => {
        await expect(sessionApp({ session: { driver: 'memory', genid } })).rejects.toThrow(
            `src/config/session.ts: genid ${message}: it has to return an id, a string that is not empty, at once.`,
        );
    });

    test('one that gives the same id to everybody', async () => {
        await expect(sessionApp({ session: { driver: 'memory', genid: () => 'x' } })).rejects.toThrow(
            'src/config/session.ts: genid returns the same id twice: visitors would share a session. Make each id of random bytes.',
        );
    });

    test('one that needs more of a request than there is at start-up does not', async () => {
        const genid = (request: Request) => `${request.get('host')}-${randomUUID()}`;
        const app = await sessionApp({
            session: { driver: 'memory', genid },
            routes: (router) => {
                router.get('/', (request, response) => {
                    request.session['a'] = 1;
                    response.json(request.session.id);
                });
            },
        });
        expect(await app.browser().json('/')).toMatch(/^127\.0\.0\.1:\d+-/);
    });
});
