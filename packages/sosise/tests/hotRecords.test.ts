import { sign } from 'cookie-signature';
import type { Router } from 'express';
import { describe, expect, test } from 'vitest';
import { SessionCookie } from './helpers/inside/Session/Cookie.js';
import { SessionManager } from './helpers/inside/Session/Opening.js';
import {
    cookieTextAt,
    copyOfPlain,
    keyOf,
    liveRecord,
    parseRecord,
    type StoredCookie,
} from './helpers/inside/Session/Record.js';

import { exclusive } from './helpers/inside/Session.js';
import { TwoGenerationCache } from './helpers/inside/Support.js';
import { sessionApp } from './helpers/sessionApp.js';

const plain: Record<string, unknown>[] = [
    {},
    { a: 1, b: 'x', c: null, d: true, e: -1.5, f: '' },
    { list: [1, [2, [3]], { four: [] }], object: { deep: { deeper: {} } } },
    { 'a key': 'Zoë 🎈', constructor: 1, toString: 'x', 7: 'seven' },
];
const nested = (levels: number, wrap: (inner: unknown) => unknown): unknown =>
    levels === 0 ? 'x' : wrap(nested(levels - 1, wrap));
const notPlain: Record<string, unknown> = {
    undefined: { a: undefined },
    'a function': { a: () => 1 },
    'a symbol': { a: Symbol('a') },
    'a BigInt': { a: 1n },
    NaN: { a: [Number.NaN] },
    'minus zero': { a: -0 },
    'a Date': { a: new Date() },
    'a Map': { a: new Map() },
    'an object with toJSON': { a: { toJSON: () => 1 } },
    'a hole': { a: new Array(2) },
    'a list with toJSON': { a: Object.assign([1], { toJSON: () => 2 }) },
    'a hidden toJSON': { a: Object.defineProperty({ b: 1 }, 'toJSON', { value: () => 2 }) },
    'a class': { a: new (class Point {})() },
    'an object without prototype': { a: Object.create(null) },
    '__proto__ as a key': JSON.parse('{"a":{"__proto__":1}}'),
    'a list of a class of its own': { a: class Tags extends Array {}.from(['x', 'y']) },
    'lists nested deeply': { a: nested(150, (inner) => [inner]) },
    'objects nested deeply': { a: nested(150, (inner) => ({ inner })) },
    'what refers to itself': (() => {
        const self: Record<string, unknown> = {};
        self['self'] = self;
        return self;
    })(),
};

describe('plain data', () => {
    test.each(plain)('%j is copied whole, and nothing of it is shared', (data) => {
        const text = JSON.stringify(data);
        const copy = copyOfPlain(data);
        expect(copy).toStrictEqual(data);
        const [first] = Object.values(copy ?? {}).filter((value) => Array.isArray(value));
        (first as unknown[] | undefined)?.push('more');
        expect(JSON.stringify(data)).toBe(text);
    });

    test.each(Object.keys(notPlain))('%s is left to JSON', (name) => {
        const data = notPlain[name] as Record<string, unknown>;
        expect(copyOfPlain(data)).toBeUndefined();
    });
});

test('what was used lately is remembered, and no more than that', () => {
    const used = new TwoGenerationCache<number>(10);
    for (let index = 0; index < 100; index += 1) {
        used.remember(`key${index}`, index);
        expect(used.find('key0')).toBe(0); // asked for again and again
    }
    expect(used.find('key99')).toBe(99);
    expect(used.find('key70')).toBeUndefined();
    used.remember('key99', 1);
    expect(used.find('key99')).toBe(1);
});

describe('a cookie in a record', () => {
    const now = Date.parse('2026-01-01T00:00:00.000Z');
    const cookies: StoredCookie[] = [
        { originalMaxAge: 1_000 },
        { originalMaxAge: 1_000, expires: null, httpOnly: true, path: '/', secure: false, sameSite: 'lax' },
        { originalMaxAge: 1_000, httpOnly: true, path: '/', secure: true, sameSite: 'lax' },
        { originalMaxAge: 5_000, partitioned: true, priority: 'high', path: '/a"b', domain: 'example.com' },
        { originalMaxAge: null, expires: null, path: '/' },
    ];

    test('comes back as it was, with its end counted from the writing', () => {
        for (const cookie of [...cookies, ...cookies.toReversed()]) {
            const age = cookie.originalMaxAge;
            const text = cookieTextAt(cookie, now);
            const expires = typeof age === 'number' ? new Date(now + age).toISOString() : null;
            expect(JSON.parse(text)).toEqual({ ...cookie, ...(expires && { expires }) });
            const record = liveRecord({ seen: now, created: now, login: undefined }, text, ',"n":1');
            for (let times = 0; times < 2; times += 1) {
                expect(parseRecord(record, now)).toMatchObject({
                    cookie: JSON.parse(text),
                    data: { n: 1 },
                    maxAge: age,
                });
            }
        }
    });

    test.each(['a secret', 'a long secret '.repeat(9), 'Zoë 🎈'])(
        'is signed and verified as by cookie-signature: %s',
        (secret) => {
            const cookie = new SessionCookie({ name: 'sid', secrets: [secret], proxy: undefined });
            const idsIn = (signed: string) =>
                cookie.carriedBy({ headers: { cookie: `sid=${encodeURIComponent(`s:${signed}`)}` } } as never)?.ids;
            for (let index = 0; index < 200; index += 1) {
                const id = `id.${index}`;
                const signed = sign(id, secret);
                const line = cookie.issue(id, { data: { path: '/' } } as never, Number.POSITIVE_INFINITY);
                expect(line).toBe(`sid=${encodeURIComponent(`s:${signed}`)}; Path=/`);
                expect(idsIn(signed)).toMatchObject([{ id, signed: `s:${signed}` }]);
                for (const forged of [
                    id,
                    `${id}.`,
                    signed.slice(0, -1),
                    `${signed}=`,
                    `x${signed}`,
                    sign(id, 'another'),
                    `.${signed}`,
                ]) {
                    expect(idsIn(forged), forged).toEqual([]);
                }
            }
            expect(idsIn(sign('', secret))).toEqual([]);
        },
    );
});

describe.each(['memory', 'file'])('two requests of one session, %s driver', (driver) => {
    const routes = (router: Router) => {
        router.get('/set', (request, response) => {
            request.session['basket'] = { items: [{ sku: 'tea', tags: ['hot'] }], total: 1 };
            response.json(true);
        });
        router.get('/keep', (request, response) => {
            kept = request.session['basket'];
            response.json(kept);
        });
        router.get('/mutate', (request, response) => {
            (request.session['basket'] as { items: { tags: string[] }[] }).items[0]?.tags.push('sweet');
            response.json(request.session['basket']);
        });
        router.get('/odd', (request, response) => {
            request.session['odd'] = { when: new Date(0), nothing: undefined, minus: -0 };
            response.json(true);
        });
        router.get('/all', (request, response) => {
            const { cookie, ...data } = request.session;
            response.json(data);
        });
    };
    let kept: unknown;

    test('share no object, however often it is read', async () => {
        const app = await sessionApp({ session: { driver }, routes });
        const browser = app.browser();
        await browser.visit('/set');
        for (let times = 0; times < 4; times += 1) {
            const before = kept;
            await browser.visit('/keep');
            expect(kept).not.toBe(before);
            (kept as { items: unknown[] }).items.push('lost: the answer is out');
        }
        expect(await browser.json('/mutate')).toEqual({ items: [{ sku: 'tea', tags: ['hot', 'sweet'] }], total: 1 });
        expect(await browser.json('/mutate')).toMatchObject({ items: [{ tags: ['hot', 'sweet', 'sweet'] }] });
        expect(await browser.json('/keep')).toEqual({
            items: [{ sku: 'tea', tags: ['hot', 'sweet', 'sweet'] }],
            total: 1,
        });
    });

    test('that take turns store what the route changed deep inside, also where it was looked at before', async () => {
        const app = await sessionApp({
            session: { driver },
            routes: (router) => {
                router.get('/start', (request, response) => {
                    request.session['basket'] = { items: [] };
                    response.json(true);
                });
                router.use('/turn', (request, _response, next) => {
                    void request.session['basket'];
                    next();
                });
                router.get('/turn', exclusive(), (request, response) => {
                    (request.session['basket'] as { items: string[] }).items.push('x');
                    if (request.query['fail']) {
                        request.session['bad'] = 1n;
                    }
                    response.json(true);
                });
                router.get('/stored', async (request, response) => {
                    const stored = app.app.container.make(SessionManager);
                    const record = await (await stored.driver(driver)).read(keyOf(request.sessionID));
                    response.json((JSON.parse(record?.record ?? '{}') as { basket: unknown }).basket);
                });
            },
        });
        const browser = app.browser();
        for (const path of ['/start', '/turn', '/turn', '/turn?fail=1', '/turn']) {
            await browser.visit(path);
        }
        expect(await browser.json('/stored')).toEqual({ items: ['x', 'x', 'x'] });
    });

    test('see the same, whether it was just written or read from the store', async () => {
        const app = await sessionApp({ session: { driver }, routes });
        const browser = app.browser();
        await browser.visit('/odd');
        const odd = { odd: { when: '1970-01-01T00:00:00.000Z', minus: 0 } };
        expect(await browser.json('/all')).toEqual(odd);
        expect(await browser.json('/all')).toEqual(odd);
    });
});
