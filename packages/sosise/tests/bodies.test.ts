import { AsyncLocalStorage } from 'node:async_hooks';
import { connect } from 'node:net';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import express from 'express';
import { describe, expect, test } from 'vitest';
import { type BodyLimits, HttpPipeline, HttpServer, jsonProblem } from './helpers/inside/Http.js';
import { type SessionApp, sessionApp } from './helpers/sessionApp.js';

const MEGABYTE = 1024 * 1024;
const JSON_TYPE = { 'Content-Type': 'application/json' };
const FORM_TYPE = { 'Content-Type': 'application/x-www-form-urlencoded' };
const PROTOTYPE_KEY = 'The request has a key that is not allowed: __proto__ or constructor.prototype.';

/** An application that keeps what it is sent in the session, key by key, as careless ones do. */
function keeper(http: Record<string, unknown> = {}): Promise<SessionApp> {
    return sessionApp({
        http,
        routes: (router) => {
            router.post('/keep', (request, response) => {
                request.session['body'] = request.body;
                Object.assign(request.session, { fields: { ...request.body } });
                response.json('kept');
            });
            router.get('/keep', (request, response) => {
                request.session['query'] = { ...request.query };
                response.json('kept');
            });
            router.get('/kept', (request, response) => {
                const { body = null, query = null } = request.session;
                response.json({ body, query });
            });
        },
    });
}

interface Answer {
    status: number;
    message: string;
    ms: number;
}

async function post(app: SessionApp, body: string | Buffer, headers: Record<string, string>): Promise<Answer> {
    const begin = performance.now();
    const response = await fetch(`${app.url}/keep`, { method: 'POST', headers, body });
    const ms = performance.now() - begin;
    const { message = '' } = (await response.json()) as { message?: string };
    return { status: response.status, message, ms };
}

describe('a hostile JSON body', () => {
    test.each([
        ['a megabyte of [', '['.repeat(MEGABYTE)],
        ['a megabyte of [ and ]', '['.repeat(MEGABYTE / 2) + ']'.repeat(MEGABYTE / 2)],
        ['a megabyte of {"a":', '{"a":'.repeat(MEGABYTE / 6)],
        ['objects that are closed properly', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
        ['lists and objects in turn', '[{"a":'.repeat(MEGABYTE / 8)],
        ['nesting behind a long text', `{"text":"${'x'.repeat(MEGABYTE / 2)}","a":${'['.repeat(1_000)}`],
    ])('%s is a 400 at once, and the process goes on', async (_title, body) => {
        const app = await keeper();
        const answer = await post(app, body, JSON_TYPE);

        expect(answer).toMatchObject({
            status: 400,
            message: 'The request body is nested more than 32 levels deep.',
        });
        expect((await post(app, '{"fine":true}', JSON_TYPE)).status).toBe(200);
    });

    test('is refused before anything is made of it: a megabyte of brackets costs no noticeable time', () => {
        const bytes = Buffer.from('['.repeat(MEGABYTE));
        const flat = `[${'1,'.repeat(MEGABYTE / 2)}1]`;
        const best = (work: () => void) =>
            Math.min(
                ...Array.from({ length: 5 }, () => {
                    const begin = performance.now();
                    work();
                    return performance.now() - begin;
                }),
            );
        const refused = best(() => {
            expect(jsonProblem(bytes, { depth: 32, keys: 10_000 })).toBe('json.too.deep');
        });

        expect(refused).toBeLessThan(best(() => JSON.parse(flat)));
    });

    test.each([
        ['keys', `{${Array.from({ length: 10_001 }, (_, index) => `"k${index}":1`).join()}}`],
        ['list items', `[${Array(10_001).fill(0).join()}]`],
        ['keys on many levels', `[${Array(5_001).fill('{"a":1}').join()}]`],
    ])('too many %s are a 413 that says the limit', async (_title, body) => {
        expect(await post(await keeper(), body, JSON_TYPE)).toMatchObject({
            status: 413,
            message: 'The request body has more than 10000 keys and list items.',
        });
    });

    test('the limits are those of src/config/http.ts, and what reaches them fits', async () => {
        const app = await keeper({ bodyLimits: { depth: 3, keys: 4 } });

        expect((await post(app, '{"a":[{"b":1}],"c":2}', JSON_TYPE)).status).toBe(200);
        expect((await post(app, '{"a":[{"b":[]}]}', JSON_TYPE)).message).toMatch(/3 levels/);
        expect((await post(app, '{"a":1,"b":2,"c":3,"d":[4]}', JSON_TYPE)).message).toMatch(/4 keys/);
        expect((await post(app, 'a=1&b=2&c=3&d=4', FORM_TYPE)).status).toBe(200);
        expect((await post(app, 'a=1&b=2&c=3&d=4&e=5', FORM_TYPE)).message).toBe('The form has more than 4 fields.');
    });

    test('brackets, commas and names inside of texts count for nothing', async () => {
        const app = await keeper({ bodyLimits: { depth: 1, keys: 2 } });
        const text = '[[[{"__proto__":1,,,,\\"}]}';

        expect((await post(app, JSON.stringify({ a: text, b: `${text}\\` }), JSON_TYPE)).status).toBe(200);
    });

    test('other charsets than UTF-8 are a 415: keys could hide in them', async () => {
        const app = await keeper();
        const sevenBit = '{"+AF8AXw-proto+AF8AXw-":{"admin":true}}';

        for (const charset of ['utf-7', 'utf-16', 'utf-16le', 'utf-32', 'utf-7-imap']) {
            const headers = { 'Content-Type': `application/json; charset=${charset}` };
            expect((await post(app, sevenBit, headers)).status, charset).toBe(415);
        }
        expect((await post(app, '\ufeff{"a":1}', { 'Content-Type': 'application/json; charset=UTF-8' })).status).toBe(
            200,
        );
    });

    test('anything may be wrong with a body without costing more than its request', async () => {
        const app = await keeper();
        const bodies = [
            '{',
            '}',
            ']',
            '"',
            '{"a',
            '{"a\\',
            '{"\\u',
            ':',
            ',',
            '{:}',
            '[,]',
            '{"a":}',
            '\0',
            '{"\\u00":1}',
        ];

        for (const body of bodies) {
            expect((await post(app, body, JSON_TYPE)).status, body).toBe(400);
        }
        expect((await post(app, Buffer.from([0x7b, 0xff, 0xfe, 0xc0, 0x7d]), JSON_TYPE)).status).toBe(400);
    });
});

describe('what is found in a JSON text before it is parsed', () => {
    /** The same by walking what JSON.parse makes of it. */
    function expected(text: string, { depth, keys }: BodyLimits): boolean {
        let entries = 0;
        const walk = (value: unknown, level: number): boolean => {
            if (typeof value !== 'object' || value === null) {
                return false;
            }
            entries += Object.keys(value).length;
            const made: unknown = Object.getOwnPropertyDescriptor(value, 'constructor')?.value;
            const reaches = Object.hasOwn(value, '__proto__') || Object.hasOwn(Object(made), 'prototype');
            const refused = level > depth || (!Array.isArray(value) && reaches);
            return (
                Object.values(value)
                    .map((item) => walk(item, level + 1))
                    .includes(true) || refused
            );
        };
        return walk(JSON.parse(text), 1) || entries > keys;
    }

    test('is what is there, in a thousand random texts', () => {
        let seed = 7;
        const random = (below: number) => {
            seed = (seed * 48_271) % 2_147_483_647;
            return seed % below;
        };
        const names = ['a', '', '__proto__', 'constructor', 'prototype', '_', 'proto', 'é"\\', 'x'.repeat(70)];
        const spaces = () => ['', '', ' ', '\n\t'][random(4)] as string;
        const escaped = (text: string) =>
            `"${[...text].map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`;
        const make = (level: number): string => {
            const items = (item: () => string) => Array.from({ length: random(4) }, item).join(`${spaces()},`);
            switch (level > 5 ? random(3) : random(6)) {
                case 0:
                    return '-1.5e3';
                case 1:
                    return JSON.stringify(`${names[random(names.length)]}[{,:}]`);
                case 2:
                    return 'null';
                case 3:
                    return `[${spaces()}${items(() => make(level + 1))}${spaces()}]`;
                default: {
                    // No name twice: of those, JSON.parse keeps the last one only.
                    const left = [...names];
                    const pair = () => {
                        const [name = ''] = left.splice(random(left.length), 1);
                        return `${random(3) ? JSON.stringify(name) : escaped(name)}${spaces()}:${spaces()}${make(level + 1)}`;
                    };
                    return `{${spaces()}${items(pair)}${spaces()}}`;
                }
            }
        };
        const found = { refused: 0, fine: 0 };
        for (let round = 0; round < 1_000; round += 1) {
            const text = make(0);
            const limits = { depth: 1 + random(6), keys: 1 + random(20) };
            const refused = jsonProblem(Buffer.from(text), limits) !== undefined;
            expect(refused, `${text} ${JSON.stringify(limits)}`).toBe(expected(text, limits));
            found[refused ? 'refused' : 'fine'] += 1;
        }
        expect(Math.min(found.refused, found.fine)).toBeGreaterThan(100);
    });
});

describe('keys of a prototype', () => {
    const inJson = [
        '{"__proto__":{"admin":true}}',
        '{"__proto__":null}',
        '{"\\u005f_proto__":{"admin":true}}',
        '{"\\u005F\\u005Fproto\\u005f\\u005f":{"admin":true}}',
        '{"a":[{"b":{"__proto__":{"admin":true}}}]}',
        '{"__proto__" : {"admin":true}}',
        '[{"__proto__":1}]',
        '{"constructor":{"prototype":{"admin":true}}}',
        '{"constructor":{"a":1,"prototype":{"admin":true}}}',
        '{"\\u0063onstructor":{"\\u0070rototype":{"admin":true}}}',
        '{"a":{"constructor" : {"prototype" :1}}}',
    ];
    const inForms = [
        '__proto__=x',
        'a=1&__proto__=x',
        '__proto__',
        '%5f%5Fproto__=x',
        'a[__proto__][admin]=1',
        'a%5B__proto__%5D=1',
        '__proto__[admin]=1',
        '__proto__.admin=1',
        'a.__proto__.admin=1',
        'constructor[prototype][admin]=1',
        'a.constructor.prototype.admin=1',
    ];

    test.each(inJson)('are a 400 in JSON: %s', async (body) => {
        expect(await post(await keeper(), body, JSON_TYPE)).toMatchObject({ status: 400, message: PROTOTYPE_KEY });
    });

    test.each(inForms)('are a 400 in a form and in a query: %s', async (text) => {
        const app = await keeper();
        expect(await post(app, text, FORM_TYPE)).toMatchObject({ status: 400, message: PROTOTYPE_KEY });

        const response = await fetch(`${app.url}/keep?${text}`);
        expect(response.status).toBe(400);
        expect(await response.json()).toMatchObject({ message: PROTOTYPE_KEY });
    });

    test('never reach a session, nor any object, by any of these ways', async () => {
        const app = await keeper();
        const browser = app.browser();
        await browser.visit('/keep', { method: 'POST', body: { first: 1 } });

        for (const body of inJson) {
            await browser.visit('/keep', { method: 'POST', body: JSON.parse(body) });
        }
        for (const text of inForms) {
            await browser.visit(`/keep?${text}`);
        }
        expect(await browser.json('/kept')).toEqual({ body: { first: 1 }, query: null });
        expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
    });

    test('names that only look like them are kept as they came, and read again with the next request', async () => {
        const browser = (await keeper()).browser();
        const body = {
            constructor: 'Ada',
            prototype: 1,
            proto: { prototype: 2 },
            text: '__proto__',
            list: ['__proto__'],
        };

        expect((await browser.visit('/keep', { method: 'POST', body })).status).toBe(200);
        expect((await browser.visit('/keep?constructor=a&q=__proto__&prototype=b&a%5B%5D=1')).status).toBe(200);
        expect(await browser.json('/kept')).toEqual({
            body,
            query: { constructor: 'a', q: '__proto__', prototype: 'b', 'a[]': '1' },
        });
    });

    test('a value that holds such a key is a value', async () => {
        const app = await keeper();

        expect((await post(app, 'note=a%26__proto__%3D1&x=[__proto__]', FORM_TYPE)).status).toBe(200);
        expect((await fetch(`${app.url}/keep?q=y[__proto__]=1`)).status).toBe(200);
    });
});

describe('a form', () => {
    test('has 1,000 fields at most, however many keys JSON may have', async () => {
        const app = await keeper();

        expect((await post(app, Array(1_000).fill('a=1').join('&'), FORM_TYPE)).status).toBe(200);
        for (const text of [Array(1_001).fill('a=1').join('&'), '&'.repeat(MEGABYTE / 2)]) {
            expect(await post(app, text, FORM_TYPE)).toMatchObject({
                status: 413,
                message: 'The form has more than 1000 fields.',
            });
        }
    });

    test('has no depth: brackets are part of a name', async () => {
        const app = await keeper();
        const deep = `a${'[b]'.repeat(100_000)}=1`;

        expect((await post(app, deep, FORM_TYPE)).status).toBe(200);
    });
});

describe('a body that is larger than it looks', () => {
    const bomb = Buffer.from(`{"a":"${'x'.repeat(64 * MEGABYTE)}"}`);

    test.each([
        ['gzip', gzipSync(bomb)],
        ['br', brotliCompressSync(bomb)],
    ])('is a 413 at the limit of what it unpacks to: %s', async (encoding, body) => {
        expect(body.length).toBeLessThan(MEGABYTE / 4);
        const answer = await post(await keeper(), body, { ...JSON_TYPE, 'Content-Encoding': encoding });

        expect(answer).toMatchObject({ status: 413, message: 'The request body is larger than the limit of 1mb.' });
    });

    test('packed nesting is refused as any other', async () => {
        const body = gzipSync('['.repeat(MEGABYTE));

        expect((await post(await keeper(), body, { ...JSON_TYPE, 'Content-Encoding': 'gzip' })).message).toMatch(
            /32 levels/,
        );
    });
});

describe('a JSON body that came at once is read as body-parser reads it in parts', () => {
    const inParts = (bytes: Buffer): ReadableStream =>
        new ReadableStream({
            start(controller) {
                for (let at = 0; at < Math.max(1, bytes.length); at += 7) {
                    controller.enqueue(bytes.subarray(at, at + 7));
                }
                controller.close();
            },
        });

    test.each([
        ['an object', '{"a":1,"b":[true,null,"é€😀"]}'],
        ['a list', '[1,2]'],
        ['spaces around it', ' \r\n\t{"a":1} \n'],
        ['a byte order mark', '\uFEFF{"a":1}'],
        ['a number', '12'],
        ['a text', '"text"'],
        ['null', 'null'],
        ['broken', '{"a":'],
        ['two values', '{}{}'],
        ['spaces only', '  '],
        ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0xfe, 0x22, 0x7d])],
        ['nested too deeply', '['.repeat(40)],
        ['a key that reaches a prototype', '{"__proto__":{"a":1}}'],
        ['over the limit', `{"a":"${'x'.repeat(3_000)}"}`],
    ])('%s', async (_title, text) => {
        const { url } = await sessionApp({
            http: { bodyLimit: '2kb' },
            routes: (router) => router.post('/echo', (request, response) => response.json(request.body)),
        });
        const bytes = Buffer.from(text as string);
        for (const type of ['application/json', 'Application/JSON;charset=UTF-8', 'application/json; charset=utf-8']) {
            const ask = async (body: Buffer | ReadableStream) => {
                const headers = { 'Content-Type': type };
                const response = await fetch(`${url}/echo`, {
                    method: 'POST',
                    headers,
                    body,
                    duplex: 'half',
                } as RequestInit);
                const { requestId, ...answer } = (await response.json()) as Record<string, unknown>;
                return { status: response.status, answer };
            };
            expect(await ask(bytes)).toEqual(await ask(inParts(bytes)));
        }
    });

    test('what an earlier middleware runs in goes on behind it', async () => {
        const context = new AsyncLocalStorage<string>();
        const { url } = await sessionApp({
            boot: (app) =>
                app.container
                    .make(HttpPipeline)
                    .before('parsers', (_request, _response, next) => context.run('tenant 7', next)),
            routes: (router) =>
                router.post('/who', (request, response) => response.json([context.getStore(), request.body])),
        });
        const response = await fetch(`${url}/who`, { method: 'POST', headers: JSON_TYPE, body: '{"a":1}' });

        expect(await response.json()).toEqual(['tenant 7', { a: 1 }]);
    });

    test('a client that goes away before it has sent all is no request of a route, and nothing waits for it', async () => {
        const calls: string[] = [];
        const { url, app } = await sessionApp({
            routes: (router) => router.post('/half', ({ url }) => void calls.push(url)),
        });
        const socket = connect(Number(new URL(url).port), '127.0.0.1');
        const head = 'POST /half HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n';
        await new Promise<void>((sent) => socket.write(`${head}{"a":`, () => sent()));
        socket.destroy();

        await app.container.make(HttpServer).close();
        expect(calls).toEqual([]);
    });

    test('a body that an earlier handler has read stays as that left it', async () => {
        const { url } = await sessionApp({
            boot: (app) =>
                app.container.make(HttpPipeline).before('parsers', express.raw({ type: 'application/json' })),
            routes: (router) =>
                router.post('/raw', (request, response) => response.json(Buffer.isBuffer(request.body))),
        });
        const response = await fetch(`${url}/raw`, { method: 'POST', headers: JSON_TYPE, body: '{"a":1}' });

        expect(await response.json()).toBe(true);
    });
});
