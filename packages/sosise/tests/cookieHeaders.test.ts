import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { sign } from 'cookie-signature';
import type { Request, Router } from 'express';
import { csrfToken, HttpServer, login, logout, StoredSessions } from 'sosise';
import { describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { isBelow } from './helpers/inside/Http.js';
import { CookieSigner, cookieValues, SessionCookie } from './helpers/inside/Session/Cookie.js';
import { keyOf } from './helpers/inside/Session/Record.js';
import { onRedis } from './helpers/onRedis.js';
import {
    createKernel,
    SECRET,
    type SessionApp,
    type SessionAppOptions,
    SessionManager,
    sessionApp,
    temporaryFolder,
} from './helpers/sessionApp.js';
import { type Interference, interferedDriver } from './helpers/wrapDriver.js';

const HTTPS = { 'x-forwarded-proto': 'https' };

function routes(router: Router): void {
    router.post('/put', (request, response) => {
        Object.assign(request.session, request.body);
        response.json('put');
    });
    router.get('/all', (request, response) => {
        const { cookie, ...data } = request.session;
        response.json(data);
    });
    router.get('/ended', (request, response) => {
        response.json(request.sessionEnded ?? null);
    });
    router.get('/nothing', (_request, response) => {
        response.json('the session is not looked at');
    });
    router.post('/login', async (request, response) => {
        await login(request, 7);
        response.json('welcome');
    });
    router.post('/logout', async (request, response) => {
        await logout(request);
        response.json('bye');
    });
    router.get('/token', (request, response) => {
        response.json(csrfToken(request));
    });
}

const start = (options: SessionAppOptions = {}) => sessionApp({ ...options, routes });

/** The value of a cookie that holds a new session with this data. */
async function sessionWith(app: SessionApp, data: object, name = 'sosise', headers = {}): Promise<string> {
    const browser = app.browser();
    await browser.visit('/put', { method: 'POST', body: data, headers });
    return browser.cookies.get(name) as string;
}

const idIn = (value: string) => decodeURIComponent(value).slice(2).split('.')[0] as string;
/** Of an id that was signed and that nothing is stored under. */
const unknown = (id: string) => encodeURIComponent(`s:${sign(id, SECRET)}`);

async function ask(app: SessionApp, cookie: string, path = '/all', visit: { method?: string; headers?: object } = {}) {
    const { method = 'GET', headers = {} } = visit;
    const answer = await fetch(`${app.url}${path}`, { method, headers: { ...headers, cookie } });
    return { status: answer.status, body: (await answer.json()) as unknown, set: answer.headers.getSetCookie() };
}

const named = (...values: string[]) => values.map((value) => `sosise=${value}`).join('; ');

describe('a Cookie header without the name', () => {
    test('opens no session, however often the cookie was there before', async () => {
        const app = await start();
        const value = await sessionWith(app, { owner: 'mia' });
        const plain = decodeURIComponent(value);
        const headers = [
            plain,
            `=${plain}`,
            `${plain}=`,
            value,
            `=${value}`,
            `x=${plain}`,
            `sosise${plain}`,
            ` ${plain}`,
        ];
        for (let times = 0; times < 2; times += 1) {
            expect((await ask(app, named(value))).body).toEqual({ owner: 'mia' });
            expect((await ask(app, named(plain))).body).toEqual({ owner: 'mia' });
            for (const header of headers) {
                expect(await ask(app, header), header).toEqual({ status: 200, body: {}, set: [] });
            }
        }
    });

    test('opens none for a request that another site sends, nor for its WebSocket', async () => {
        const sockets = new WebSocketServer({ noServer: true });
        let app: SessionApp | undefined;
        app = await sessionApp({
            routes,
            boot: ({ container }) =>
                container.make(HttpServer).onUpgrade('/live', async (request, socket, head) => {
                    const session = await app?.app.container.make(StoredSessions).ofRequest(request);
                    sockets.handleUpgrade(request, socket, head, (client) => {
                        client.send(JSON.stringify(session?.data ?? null));
                        client.close();
                    });
                }),
        });
        const value = await sessionWith(app, { owner: 'mia' });
        const plain = decodeURIComponent(value);
        await ask(app, named(value));
        const evil = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' };
        expect((await ask(app, named(value), '/logout', { method: 'POST', headers: evil })).status).toBe(403);
        expect((await ask(app, plain, '/logout', { method: 'POST', headers: evil })).set).toEqual([]);
        expect((await ask(app, named(value))).body).toEqual({ owner: 'mia' });
        const socket = new WebSocket(`${app.url.replace('http', 'ws')}/live`, {
            headers: { cookie: plain, origin: 'https://evil.example' },
        });
        const [message] = await once(socket, 'message');
        expect(String(message)).toBe('null');
    });

    test('is answered the same before and after anything else was asked', () => {
        const sessions = ['s1', 's2'].map((id) => `s:${sign(id, SECRET)}`);
        const [one = '', two = ''] = sessions;
        const headers = [
            ...sessions,
            ...sessions.flatMap((value) => [
                `sosise=${value}`,
                `=${value}`,
                `sosise=sosise=${value}`,
                `sosise="${value}"`,
            ]),
            `sosise=${encodeURIComponent(`sosise=${one}`)}`,
            `sosise=${one}; sosise=${two}`,
            `sosise=x; sosise=${two}`,
            `\u00a0sosise=${one}`,
            'sosise=x',
            'other=x',
        ];
        const ids = (cookie: SessionCookie, header: string) =>
            cookie.carriedBy({ headers: { cookie: header } } as Request)?.ids.map(({ id }) => id);
        const make = () => new SessionCookie({ name: 'sosise', secrets: [SECRET], proxy: undefined });
        const expected = headers.map((header) => ids(make(), header));
        const used = make();
        for (const again of [headers, headers, headers.toReversed()]) {
            for (const header of again) {
                expect(ids(used, header), header).toEqual(expected[headers.indexOf(header)]);
            }
        }
        expect(expected.filter((found) => found !== undefined && found.length > 0)).toEqual([
            ['s1'],
            ['s1'],
            ['s2'],
            ['s2'],
            ['s1', 's2'],
            ['s2'],
        ]);
    });
});

test.each([
    ['a=1; a=2;a=3', ['1', '2', '3']],
    ['a = 1 ;\ta=\t2', ['1', '2']],
    ['a="1"; a="; a="', ['1', '"', '"']],
    ['a=%31; a=%; a=b=c; a=', ['1', '%', 'b=c', '']],
    ['A=1; b=a=2; a; ; =a; aa=3; =', []],
    ['\u00a0a=1; \u2000a=2; a\u00a0=3; \u000ba=4', []],
    ['__proto__=1', []],
])('the values under a name of %j', (header, values) => {
    expect(cookieValues(header, 'a')).toEqual(values);
});

function severalCookies(session: Record<string, unknown>): void {
    test('the first counts that verifies and lives', async () => {
        const app = await start({ session });
        const mia = await sessionWith(app, { owner: 'mia' });
        const tom = await sessionWith(app, { owner: 'tom' });
        const ended = await sessionWith(app, { owner: 'nobody' });
        await ask(app, named(ended), '/logout', { method: 'POST' });
        const others = [
            'of-another-application',
            '',
            unknown('never-stored'),
            ended,
            `${tom}x`,
            `s%3A${'x'.repeat(60)}`,
        ];
        for (const other of others) {
            for (const cookie of [named(other, mia), named(mia, other), named(other, other, mia, tom)]) {
                expect(await ask(app, cookie), cookie).toMatchObject({ status: 200, body: { owner: 'mia' }, set: [] });
            }
        }
        expect((await ask(app, named(...others, tom, mia))).body).toEqual({ owner: 'tom' });
        expect((await ask(app, named(unknown('never-stored'), ended), '/ended')).body).toBe('destroyed');
    });

    test('where none lives, a session begins, and is found beside them', async () => {
        const app = await start({ session });
        const old = named('of-another-application', unknown('old-1'), unknown('old-2'));
        const headers = { 'content-type': 'application/json' };
        const answer = await fetch(`${app.url}/put`, {
            method: 'POST',
            headers: { ...headers, cookie: old },
            body: JSON.stringify({ owner: 'mia' }),
        });
        const [pair = ''] = answer.headers.getSetCookie()[0]?.split(';') ?? [];
        for (const cookie of [`${old}; ${pair}`, `${pair}; ${old}`]) {
            expect((await ask(app, cookie)).body).toEqual({ owner: 'mia' });
        }
    });
}

describe.each(['file', 'memory'])('several cookies of one name, %s driver', (driver) => severalCookies({ driver }));

await onRedis('several cookies of one name, redis driver', (server) => {
    severalCookies({ driver: 'redis', drivers: { redis: server.options } });
});

describe('several cookies of one name', () => {
    test('may come in several lines', async () => {
        const app = await start();
        const mia = await sessionWith(app, { owner: 'mia' });
        const client = connect(Number(new URL(app.url).port), '127.0.0.1');
        client.write(
            `GET /all HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: ${named(unknown('old'))}\r\nCookie: ${named(mia)}\r\n\r\n`,
        );
        const chunks: Buffer[] = [];
        for await (const chunk of client) {
            chunks.push(chunk as Buffer);
        }
        expect(String(Buffer.concat(chunks))).toContain('{"owner":"mia"}');
    });

    test('a damaged session is passed by', async () => {
        const app = await start();
        const mia = await sessionWith(app, { owner: 'mia' });
        const damaged = await sessionWith(app, { owner: 'nobody' });
        writeFileSync(join(app.folder, `${keyOf(idIn(damaged))}.json`), '{"damaged');
        expect((await ask(app, named(damaged, mia))).body).toEqual({ owner: 'mia' });
    });

    const counted = async (interference: Interference) =>
        start({
            session: { driver: 'counted' },
            boot: ({ container }) =>
                container.make(SessionManager).extend('counted', () => interferedDriver(interference)),
        } as SessionAppOptions);

    test('cost the store a few looks at most, and one alone costs one', async () => {
        let reads = 0;
        const app = await counted({
            read: () => {
                reads += 1;
            },
        });
        const mia = await sessionWith(app, { owner: 'mia' });
        reads = 0;
        expect((await ask(app, named(mia))).body).toEqual({ owner: 'mia' });
        expect((await ask(app, named(mia, mia, 'x', `${mia}x`))).body).toEqual({ owner: 'mia' });
        expect(reads).toBe(2);
        const many = Array.from({ length: 50 }, (_, index) => unknown(`${index}-${'x'.repeat(30)}`));
        const forged = Array.from({ length: 50 }, (_, index) => `s%3A${index}.${'x'.repeat(43)}`);
        reads = 0;
        expect((await ask(app, named(...many))).body).toEqual({});
        expect(reads).toBeLessThanOrEqual(27); // eight, and the first again: its key, its plain id, its key
        expect((await ask(app, named(...forged, mia))).body).toEqual({ owner: 'mia' });
    });

    test('where one cannot be read, no new session takes its place', async () => {
        let away = '';
        const app = await counted({
            read: (key) => {
                if (key === away) {
                    throw new Error('The store is away.');
                }
            },
        });
        const mia = await sessionWith(app, { owner: 'mia' });
        away = keyOf(idIn(mia));
        expect(await ask(app, named(unknown('old'), mia))).toMatchObject({ status: 503, set: [] });
        expect((await ask(app, named(unknown('old'), mia), '/nothing')).status).toBe(200);
        away = '';
        expect((await ask(app, named(unknown('old'), mia))).body).toEqual({ owner: 'mia' });
    });

    test('a token is that of the session that counts', async () => {
        const app = await start({ http: { csrf: { tokens: true } } });
        const browser = app.browser();
        const token = await browser.json<string>('/token');
        const cookie = named(unknown('old'), browser.cookies.get('sosise') as string);
        const send = (headers: object) => ask(app, cookie, '/logout', { method: 'POST', headers });
        expect((await send({})).status).toBe(403);
        expect((await send({ 'x-csrf-token': token })).status).toBe(200);
    });

    test('whoever asks again hears of the same session', async () => {
        const app = await start();
        const mia = await sessionWith(app, { owner: 'mia' });
        const tom = await sessionWith(app, { owner: 'tom' });
        const sessions = app.app.container.make(StoredSessions);
        const request = { headers: { cookie: named(unknown('old'), mia, tom) } } as Request;
        expect((await sessions.ofRequest(request))?.data).toEqual({ owner: 'mia' });
        await ask(app, named(mia), '/logout', { method: 'POST' });
        expect(await sessions.ofRequest(request)).toBeUndefined();
        expect((await sessions.ofRequest({ ...request } as Request))?.data).toEqual({ owner: 'tom' });
    });
});

describe('a cookie path', () => {
    test.each([
        ['/admin', ['/admin', '/admin/', '/admin/users', '/admin?x', '/admin#x', 'http://host/admin/x'], true],
        ['/admin', ['/administrator', '/admin-2', '/Admin', '/', '/x/admin', '/%61dmin', '*', 'http://host/'], false],
        ['/admin/', ['/admin/', '/admin/x', '/admin/?x'], true],
        ['/admin/', ['/admin', '/admin?/', '/administrator'], false],
    ])('%s', (folder, urls, expected) => {
        for (const url of urls) {
            expect(isBelow(url, folder), url).toBe(expected);
        }
    });

    test('that begins another one is not taken for it', async () => {
        const app = await sessionApp({
            session: { cookie: { path: '/admin' } },
            routes: (router) => {
                router.get(/.*/, (request, response) => {
                    if (request.session) {
                        request.session['seen'] = true;
                    }
                    response.json(request.session !== undefined);
                });
            },
        });
        for (const path of ['/administrator', '/admin-2', '/']) {
            expect(await ask(app, '', path), path).toEqual({ status: 200, body: false, set: [] });
        }
        for (const path of ['/admin', '/admin/users', '/admin?page=2']) {
            expect((await ask(app, '', path)).set, path).toHaveLength(1);
        }
    });
});

describe('a cookie of another config', () => {
    const production = (root: string, session: object = {}): SessionAppOptions => ({
        root,
        environment: 'production',
        http: { trustProxy: 1 },
        session: { name: undefined, ...session },
    });
    const WITH_DOMAIN = { cookie: { domain: 'shop.test', maxAge: 3_600_000 } };
    const ENDS_HOST = '__Host-sosise=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax';

    test('with __Host- still opens its session where the name is __Secure- now, and is replaced', async () => {
        const root = temporaryFolder();
        const before = await start(production(root));
        const value = await sessionWith(before, { owner: 'mia' }, '__Host-sosise', HTTPS);
        await before.close();
        const app = await start(production(root, WITH_DOMAIN));
        const answer = await ask(app, `__Host-sosise=${value}`, '/nothing', { headers: HTTPS });
        expect(answer.set).toEqual([
            ENDS_HOST,
            expect.stringMatching(/^__Secure-sosise=s%3A.*; Path=\/.*; Secure; SameSite=Lax$/),
        ]);
        expect(answer.set[1]).toContain(`=${value};`);
        const renamed = `__Secure-sosise=${value}`;
        expect(await ask(app, renamed, '/all', { headers: HTTPS })).toMatchObject({ body: { owner: 'mia' }, set: [] });
        const other = await sessionWith(app, { owner: 'tom' }, '__Secure-sosise', HTTPS);
        const both = `__Host-sosise=${value}; __Secure-sosise=${other}`;
        expect((await ask(app, both, '/all', { headers: HTTPS })).body).toEqual({ owner: 'tom' });
        const left = await ask(app, both, '/logout', { method: 'POST', headers: HTTPS });
        expect(left.set).toEqual([ENDS_HOST, expect.stringMatching(/^__Secure-sosise=; Domain=shop\.test; .*1970/)]);
    });

    test('is checked for forged requests as the one of today', async () => {
        const root = temporaryFolder();
        const before = await start(production(root));
        const value = await sessionWith(before, { owner: 'mia' }, '__Host-sosise', HTTPS);
        await before.close();
        const app = await start(production(root, WITH_DOMAIN));
        const headers = { ...HTTPS, 'sec-fetch-site': 'cross-site' };
        expect((await ask(app, `__Host-sosise=${value}`, '/logout', { method: 'POST', headers })).status).toBe(403);
    });

    test('that a sibling host could set opens nothing where the name is __Host- now', async () => {
        const root = temporaryFolder();
        const before = await start(production(root, WITH_DOMAIN));
        const value = await sessionWith(before, { owner: 'mia' }, '__Secure-sosise', HTTPS);
        await before.close();
        const app = await start(production(root));
        for (const name of ['__Secure-sosise', 'sosise', '__host-sosise', '\u00a0__Host-sosise']) {
            expect((await ask(app, `${name}=${value}`, '/all', { headers: HTTPS })).body, name).toEqual({});
        }
        expect((await ask(app, `__Host-sosise=${value}`, '/all', { headers: HTTPS })).body).toEqual({ owner: 'mia' });
    });

    test('that is named ends with the next one that is sent', async () => {
        const formerCookies = [{ domain: 'shop.test' }, { name: 'connect.sid', path: '/app' }, { name: '__Host-old' }];
        const app = await start({ session: { formerCookies } });
        const past = 'Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly';
        const old = 'connect.sid=x; __Host-old=y; sosise=of-another-application';
        expect((await ask(app, old)).set).toEqual([]);
        expect((await ask(app, old, '/login', { method: 'POST' })).set).toEqual([
            `sosise=; Domain=shop.test; Path=/; ${past}`,
            `connect.sid=; Path=/app; ${past}`,
            `__Host-old=; Path=/; ${past}; Secure; SameSite=Lax`,
            expect.stringMatching(/^sosise=s%3A.*; Path=\/; HttpOnly; SameSite=Lax$/),
        ]);
        const first = await ask(app, 'other=connect.sid', '/login', { method: 'POST' });
        expect(first.set).toHaveLength(1);
        const [pair = ''] = first.set[0]?.split(';') ?? [];
        expect((await ask(app, pair, '/logout', { method: 'POST' })).set).toEqual([
            `sosise=; Domain=shop.test; Path=/; ${past}`,
            `sosise=; Path=/; ${past}; SameSite=Lax`,
        ]);
    });

    test.each([
        [{ formerCookies: [{}] }, 'formerCookies[0] is the cookie of today'],
        [{ formerCookies: [{ name: 'sosise', path: '/' }] }, 'formerCookies[0] is the cookie of today'],
        [
            { cookie: { domain: 'shop.test' }, formerCookies: [{}, { domain: '.Shop.test' }] },
            'formerCookies[1] is the cookie of today',
        ],
        [{ formerCookies: [{ nam: 'x' }] }, 'formerCookies[0].nam is not a known key: did you mean'],
        [{ formerCookies: [{ name: 'a b' }] }, 'formerCookies[0].name'],
        [{ formerCookies: [{ path: 'app' }] }, 'formerCookies[0].path'],
        [{ formerCookies: [{ domain: 'shop.test/' }] }, 'formerCookies[0].domain'],
        [{ formerCookies: [{ domain: '-.' }] }, "formerCookies[0] can't be sent: domain is invalid"],
        [{ formerCookies: 'connect.sid' }, 'formerCookies'],
        [{ formerCookies: [null] }, 'formerCookies[0]'],
    ])('that cannot be stops start-up: %j', (session, message) => {
        expect(() => createKernel({ session })).toThrow(message);
    });
});

test('a cookie is signed as cookie-signature signs it, whatever the secret and the id', () => {
    const secrets = ['s', 'x'.repeat(63), 'y'.repeat(64), 'z'.repeat(65), 'ü€😀'.repeat(40)];
    for (const secret of secrets) {
        const signer = new CookieSigner(secret);
        for (const id of ['a', 'Jx0dK3_-w'.repeat(4), 'é€😀', 'i'.repeat(200), '']) {
            expect(`${id}.${signer.sign(id)}`).toBe(sign(id, secret));
        }
    }
});
