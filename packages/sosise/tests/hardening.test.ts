import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Request, Response } from 'express';
import { type Envelope, Exception, NotFoundException } from 'sosise';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type HttpApp, type HttpAppOptions, httpApp, RawClient } from './httpApp.js';

const cleanup: (() => unknown)[] = [];

afterEach(async () => {
    await Promise.all(cleanup.splice(0).map((undo) => undo()));
});

async function start(options: HttpAppOptions = {}): Promise<HttpApp> {
    const app = await httpApp({ environment: 'production', ...options });
    cleanup.push(app.close);
    return app;
}

function client(port: number): RawClient {
    const raw = new RawClient(port);
    cleanup.push(() => raw.destroy());
    return raw;
}

/** The status lines of everything that came, in their order. */
function statusesIn(received: string): number[] {
    return [...received.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));
}

describe('an error answer in production', () => {
    /** None of these may be found in an answer, neither in its body nor in its headers. */
    const SECRETS =
        /hunter2|sk_live|SELECT|\/srv\/|\/work\/|\/home\/|node_modules|10\.0\.0\.9|\bat .*:\d+:\d+|\.ts\b|\.js\b/;
    const GENERIC = 'Something went wrong on our side. Please try again later.';

    /** An error with properties of its own. */
    const and = (error: Error, properties: object) => Object.assign(error, properties);
    const query = () => new Error("SELECT * FROM users WHERE password = 'hunter2'");
    const getter = (name: string) =>
        Object.defineProperty(new Error('hunter2'), name, {
            get() {
                throw new Error('hunter2');
            },
        });

    const thrown: Record<string, [unknown, status: number, message: string]> = {
        'an error with its cause': [new Error('sk_live_1', { cause: query() }), 500, GENERIC],
        'several errors in one': [new AggregateError([query(), query()], 'SELECT'), 500, GENERIC],
        'an Exception with data': [new Exception('hunter2', { data: { key: 'sk_live_1' } }), 500, GENERIC],
        'an Exception that hides itself': [
            new Exception('hunter2', { status: 404, expose: false, data: 'hunter2' }),
            404,
            'Not Found',
        ],
        'an Exception with a cause': [
            new NotFoundException('No such order.', { cause: query() }),
            404,
            'No such order.',
        ],
        'an error of a client for another service': [
            and(new Error('Incorrect API key provided: sk_live_1'), {
                status: 401,
                headers: { 'Set-Cookie': 'hunter2', 'Content-Length': '3', 'X-Upstream': '10.0.0.9' },
            }),
            401,
            'Unauthorized',
        ],
        'a missing file with a status': [
            and(new Error("ENOENT: open '/srv/app/secret.pdf'"), { statusCode: 404, path: '/srv/app/secret.pdf' }),
            404,
            'Not Found',
        ],
        'an object with a status': [{ status: 403, message: 'hunter2', sql: 'SELECT' }, 403, 'Forbidden'],
        'an error that exposes its message': [
            and(new Error('The card was declined.', { cause: query() }), {
                status: 402,
                expose: true,
                data: 'hunter2',
                sql: 'SELECT',
            }),
            402,
            'The card was declined.',
        ],
        'an error that exposes an object for a message': [
            and(new Error(), { message: { password: 'hunter2' }, status: 400, expose: true }),
            400,
            '[object Object]',
        ],
        'an error that exposes a header that is none': [
            and(new Error('fine'), { status: 400, expose: true, headers: { 'X-Bad': 'hunter2\r\nSet-Cookie: a=1' } }),
            500,
            GENERIC,
        ],
        'an error whose JSON tells more': [
            and(new Error('hunter2'), { toJSON: () => ({ password: 'hunter2' }) }),
            500,
            GENERIC,
        ],
        'an error whose name tells more': [and(new Error('x'), { name: 'hunter2', code: 'sk_live_1' }), 500, GENERIC],
        'a message of ten megabytes': [new Error('hunter2'.repeat(1_500_000)), 500, GENERIC],
        'a message that can not be read': [getter('message'), 500, GENERIC],
        'a stack that can not be read': [getter('stack'), 500, GENERIC],
        'a status that can not be read': [getter('status'), 500, GENERIC],
        'a text': ['hunter2', 500, GENERIC],
        nothing: [null, 500, GENERIC],
        'a list': [['hunter2'], 500, GENERIC],
        'a class': [class hunter2 {}, 500, GENERIC],
        'a proxy that throws whatever it is asked': [
            new Proxy(new Error('hunter2'), {
                get: () => {
                    throw new Error('hunter2');
                },
                getPrototypeOf: () => {
                    throw new Error('hunter2');
                },
                ownKeys: () => {
                    throw new Error('hunter2');
                },
            }),
            500,
            GENERIC,
        ],
    };

    test.each(Object.keys(thrown))('shows nothing of itself: %s', async (name) => {
        const [value, status, message] = thrown[name] as [unknown, number, string];
        const { url } = await start({
            routes: (router) =>
                router.get('/', async () => {
                    throw value;
                }),
        });
        const response = await fetch(url);
        const text = await response.text();

        expect(response.status).toBe(status);
        expect(JSON.parse(text)).toEqual({
            code: status,
            message,
            data: status === 500 ? { requestId: response.headers.get('X-Request-Id') } : null,
        });
        expect(`${text}${JSON.stringify([...response.headers])}`).not.toMatch(SECRETS);
        expect(text.length).toBeLessThan(500);
    });

    const failing: Record<string, (request: Request, response: Response) => unknown> = {
        'a file that is missing': (_request, response) => response.sendFile('/srv/app/secret.pdf'),
        'a file out of bounds': (_request, response) => response.sendFile('../../work/secret', { root: '/srv' }),
        'a view without an engine': (_request, response) => response.render('/srv/app/hunter2'),
        'data in a circle': (_request, response) => {
            const hunter2: Record<string, unknown> = {};
            hunter2['hunter2'] = hunter2;
            response.json(hunter2);
        },
        'a header that is none': (_request, response) => response.set('X-Bad', 'hunter2\n').end(),
        'an answer that is no text': (_request, response) => response.end(7 as unknown as string),
        'a number for a status': (_request, response) => response.status(7).end(),
    };

    test.each(Object.keys(failing))('nor does what Express or Node.js throw by itself: %s', async (name) => {
        const { url } = await start({
            routes: (router) => router.get('/', (request, response) => void failing[name]?.(request, response)),
        });
        const response = await fetch(url);
        const text = await response.text();

        expect(response.status).toBeGreaterThanOrEqual(400);
        expect(Object.keys(JSON.parse(text) as Envelope)).toEqual(['code', 'message', 'data']);
        expect(`${text}${JSON.stringify([...response.headers])}`).not.toMatch(SECRETS);
    });

    test.each([
        ['a 404', {}],
        ['JSON that is none', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{' }],
        ['hostile nesting', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '['.repeat(99) }],
        [
            'a body over the limit',
            { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '"'.repeat(99) },
        ],
        [
            'a charset that nobody reads',
            { method: 'POST', headers: { 'Content-Type': 'application/json; charset=x' }, body: '{}' },
        ],
    ])('has the security headers, whichever stage refused: %s', async (_title, options: RequestInit) => {
        const { url } = await start({ http: { bodyLimit: '98b' } });
        const { status, headers } = await fetch(`${url}/nowhere`, options);

        expect(status).toBeGreaterThanOrEqual(400);
        expect(headers.get('Content-Security-Policy')).toContain("default-src 'self'");
        expect(headers.get('X-Content-Type-Options')).toBe('nosniff');
        expect(headers.get('X-Request-Id')).not.toBeNull();
        expect(headers.get('Content-Type')).toBe('application/json; charset=utf-8');
    });
});

describe('a request that is malformed', () => {
    const HOST = 'Host: x\r\n';
    const POST = `POST /ran HTTP/1.1\r\n${HOST}`;
    /** What a request smuggler hides in a body, or behind a request. */
    const HIDDEN = `GET /ran HTTP/1.1\r\n${HOST}\r\n`;

    const refused: Record<string, string> = {
        'no HTTP at all': 'hello\r\n\r\n',
        'another protocol': 'SSH-2.0-OpenSSH_9.9\r\n',
        'the beginning of TLS': '\x16\x03\x01\x02\x00\x01\x00\r\n\r\n',
        'the beginning of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
        'a version that is none': `GET /ran HTTP/9.9\r\n${HOST}\r\n`,
        'a method that is none': `HACK /ran HTTP/1.1\r\n${HOST}\r\n`,
        'a NUL in the path': `GET /ran\0 HTTP/1.1\r\n${HOST}\r\n`,
        'a NUL in a header': 'GET /ran HTTP/1.1\r\nHost: x\0y\r\n\r\n',
        'a space in the path': `GET /ran ran HTTP/1.1\r\n${HOST}\r\n`,
        'lines without carriage returns': 'GET /ran HTTP/1.1\nHost: x\n\n',
        'a folded header': `GET /ran HTTP/1.1\r\n${HOST}A: b\r\n c\r\n\r\n`,
        'a space before a colon': `GET /ran HTTP/1.1\r\nHost : x\r\n\r\n`,
        'a percent sign without digits': `GET /ran/%ZZ HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
        'percent signs that are no UTF-8': `GET /ran/%C0%AF HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
        'no host': 'GET /ran HTTP/1.1\r\n\r\n',
        'two hosts': 'GET /ran HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n',
        'a host with a path': 'GET /ran HTTP/1.1\r\nHost: x/ran\r\n\r\n',
        'a host with a password': 'GET /ran HTTP/1.1\r\nHost: user:hunter2@x\r\n\r\n',
        'a host with spaces': 'GET /ran HTTP/1.1\r\nHost: a b\r\n\r\n',
        'two lengths': `${POST}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`,
        'two lengths in one header': `${POST}Content-Length: 1, 1\r\n\r\na`,
        'a length below zero': `${POST}Content-Length: -1\r\n\r\n`,
        'a length with a sign': `${POST}Content-Length: +1\r\n\r\na`,
        'a length out of all bounds': `${POST}Content-Length: 99999999999999999999\r\n\r\n`,
        'a length and chunks': `${POST}Content-Length: ${HIDDEN.length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
        'chunks and a length': `${POST}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${HIDDEN}`,
        'a coding that is nearly chunked': `${POST}Transfer-Encoding: xchunked\r\n\r\n${HIDDEN}`,
        'no coding': `${POST}Transfer-Encoding: identity\r\n\r\n${HIDDEN}`,
        'a coding that ends differently': `${POST}Transfer-Encoding: chunked, identity\r\n\r\n${HIDDEN}`,
        'two codings': `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n${HIDDEN}`,
        'a coding behind a space': `${POST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
        'a coding behind a vertical tab': `${POST}Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
        'a chunk without a size': `${POST}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n${HIDDEN}`,
        'a chunk out of all bounds': `${POST}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\n`,
        'a header over 16 kB': `GET /ran HTTP/1.1\r\n${HOST}X: ${'x'.repeat(20_000)}\r\n\r\n`,
        'a path over 16 kB': `GET /ran/${'x'.repeat(20_000)} HTTP/1.1\r\n${HOST}\r\n`,
        'many headers': `GET /ran HTTP/1.1\r\n${HOST}${'Name: value\r\n'.repeat(2_000)}\r\n`,
        'a tunnel': 'CONNECT 10.0.0.9:22 HTTP/1.1\r\nHost: 10.0.0.9:22\r\n\r\n',
    };

    test.each(Object.keys(refused))('gets a 4xx or a closed socket, and nothing runs: %s', async (name) => {
        const ran: string[] = [];
        const { port, url } = await start({
            routes: (router) =>
                router.all(['/ran', '/ran/:part'], (request, response) => {
                    ran.push(request.url);
                    response.json(ran);
                }),
        });
        const received = await client(port).send(refused[name] as string).closed;

        expect(ran).toEqual([]);
        expect(statusesIn(received).length).toBeLessThanOrEqual(1);
        for (const status of statusesIn(received)) {
            expect(status).toBeGreaterThanOrEqual(400);
            expect(status).toBeLessThan(500);
            expect(received).toMatch(/\{"code":4\d\d,"message":"[^"]+","data":null\}$/);
            expect(received).not.toMatch(/hunter2|10\.0\.0\.9|HPE_|\bat /);
        }
        expect(await (await fetch(`${url}/ran`)).json()).toEqual(['/ran']); // the server goes on
    });

    const strange: Record<string, [text: string, status: number]> = {
        'an address that names another server': ['GET http://evil.example/ran HTTP/1.1', 200],
        'an address of a server that is none': ['GET http://[::1/ran HTTP/1.1', 200],
        'an address without a path': ['GET http://[::1 HTTP/1.1', 404],
        'another scheme': ['GET ftp://evil.example/ran HTTP/1.1', 200],
        'a star': ['OPTIONS * HTTP/1.1', 404],
        'two slashes': ['GET //evil.example/ran HTTP/1.1', 404],
        'steps up': ['GET /../../../../etc/passwd HTTP/1.1', 404],
        'steps up in disguise': ['GET /%2e%2e/%2e%2e/etc%2fpasswd HTTP/1.1', 404],
        'a NUL in disguise': ['GET /%00 HTTP/1.1', 404],
        'a query of percent signs': ['GET /ran?%=%&a=%ZZ HTTP/1.1', 200],
        TRACE: ['TRACE /nowhere HTTP/1.1', 404],
    };

    test.each(Object.keys(strange))('passes every stage where it only looks strange: %s', async (name) => {
        const { port } = await start({
            routes: (router) => router.get('/ran', (_request, response) => void response.json('ran')),
        });
        const [line, status] = strange[name] as [string, number];
        const received = await client(port).send(`${line}\r\n${HOST}Cookie: a=hunter2\r\nConnection: close\r\n\r\n`)
            .closed;

        expect(statusesIn(received)).toEqual([status]);
        expect(received).toContain('X-Request-Id: ');
        expect(received).toContain('X-Content-Type-Options: nosniff');
        expect(received).toContain('Content-Type: application/json');
        expect(received).not.toMatch(/hunter2|root:/);
    });
});

describe('requests in one packet', () => {
    /** Answers after everything else that was sent has been read. */
    const routes: HttpAppOptions['routes'] = (router) => {
        router.get('/slow', (_request, response) => void setTimeout(() => response.json('slow'), 60));
        router.get('/quick', (_request, response) => void response.json('quick'));
        router.get('/large', (_request, response) => void response.send('x'.repeat(3_000_000)));
        router.post('/body', (request, response) => void response.json(request.body));
    };
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
    const rubbish = 'rubbish\r\n\r\n';
    const badBody =
        'POST /body HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n';

    test.each([
        ['a slow one', get('/slow') + rubbish, [200, 400]],
        ['a quick one', get('/quick') + rubbish, [200, 400]],
        ['a slow and a quick one', get('/slow') + get('/quick') + rubbish, [200, 200, 400]],
        ['a slow one, with a body that is rubbish', get('/slow') + badBody, [200, 400]],
        ['one that is not found', get('/nowhere') + rubbish, [404, 400]],
    ])('are answered in their order, what is malformed last: behind %s', async (_title, text, expected) => {
        const { port } = await start({ routes });
        const received = await client(port).send(text).closed;

        expect(statusesIn(received)).toEqual(expected);
        const bodies = received.match(/"slow"|"quick"|\{"code".*?\}/g) ?? [];
        expect(bodies).toHaveLength(expected.length);
        expect(bodies.at(-1)).toContain('The request is malformed.');
    });

    test('a large answer arrives whole before the refusal', async () => {
        const { port } = await start({ routes });
        const received = await client(port).send(get('/large') + rubbish).closed;

        expect(statusesIn(received)).toEqual([200, 400]);
        expect(received.match(/x{3000000}/)).not.toBeNull();
    });

    test('rubbish that goes on while an answer is awaited is not read as a request', async () => {
        const { port } = await start({ routes });
        const raw = client(port).send(get('/slow') + rubbish);
        for (let round = 0; round < 20; round += 1) {
            raw.send(get('/quick'));
            await new Promise(setImmediate);
        }

        expect(statusesIn(await raw.closed)).toEqual([200, 400]);
    });

    test('a client that leaves while its answers are awaited leaves nothing behind', async () => {
        const { port, server } = await start({ routes });
        const raw = client(port).send(get('/slow') + get('/slow') + rubbish);
        await new Promise((resolve) => setTimeout(resolve, 20));
        raw.destroy();
        await raw.closed;

        await server.close();
    });
});

describe('a request that is too large or too slow', () => {
    const limits = { keepAliveTimeoutMs: 100, headersTimeoutMs: 200, requestTimeoutMs: 300 };
    const head = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
    const routes: HttpAppOptions['routes'] = (router) => {
        router.post('/', (request, response) => void response.json(request.body));
        router.get('/', (_request, response) => void response.json('ok'));
    };

    test('an announced length over the limit is refused before the body is sent', async () => {
        const { port } = await start({ routes });
        const raw = client(port).send(`${head}Content-Length: 10000000000\r\n\r\n{"a":`);

        expect(await raw.received(/\}$/)).toContain('HTTP/1.1 413 Payload Too Large');
        raw.destroy();
    });

    test('a body over the limit is read off, so that its connection stays good', async () => {
        const { port } = await start({ routes, http: { bodyLimit: 10 } });
        const raw = client(port)
            .send(`${head}Content-Length: 13\r\n\r\n[1,2,3,4,5,6]`)
            .send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');

        expect(statusesIn(await raw.received(/"ok"$/))).toEqual([413, 200]);
    });

    test('a server that stops does not wait for a connection whose large body was answered long ago', async () => {
        const { port, server } = await start({ routes, http: { bodyLimit: 10, shutdownTimeoutMs: 3_600_000 } });
        const raw = client(port).send(`${head}Content-Length: 13\r\n\r\n[1,2,`);
        await raw.received(/\}$/);
        raw.send('3,4,5,6]');
        await (await start()).server.close(); // time for the rest to arrive
        await server.close();
    });

    test('a body without end is cut off when its time is over, and its bytes are not kept', async () => {
        const { port } = await start({ routes, http: limits });
        const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
        const before = process.memoryUsage().arrayBuffers;
        const raw = client(port).send(`${head}Transfer-Encoding: chunked\r\n\r\n`);
        const flood = setInterval(() => raw.send(chunk.repeat(8)), 5);
        cleanup.push(() => clearInterval(flood));
        const received = await raw.closed;
        clearInterval(flood);

        expect(statusesIn(received)).toEqual([408]);
        setFlagsFromString('--expose-gc');
        const collect = runInNewContext('gc') as () => void;
        await vi.waitFor(() => {
            collect(); // what is garbage, as what this client had not sent, may lie about for as long as it likes
            expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000);
        });
    });

    test('headers and bodies that trickle in get a 408 when their time is over, however steadily they come', async () => {
        const { port, log } = await start({ routes, http: limits });
        const trickle = (text: string) => {
            const raw = client(port);
            let at = 0;
            const timer = setInterval(() => {
                raw.send(text.charAt(at % text.length));
                at += 1;
            }, 10);
            cleanup.push(() => clearInterval(timer));
            return raw;
        };
        const slowHeaders = trickle(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(5_000)}`);
        const slowBody = trickle(`${' '.repeat(5_000)}`).send(`${head}Content-Length: 5000\r\n\r\n`);

        expect(statusesIn(await slowHeaders.closed)).toEqual([408]);
        expect(statusesIn(await slowBody.closed)).toEqual([408]);
        expect(log.lines.filter(({ level }) => level !== 'debug')).toEqual([]);
    });

    test('two hundred slow clients keep nobody else waiting', async () => {
        const { port, url } = await start({
            routes,
            http: { ...limits, headersTimeoutMs: 2_000, requestTimeoutMs: 2_000 },
        });
        const slow = Array.from({ length: 200 }, (_, index) =>
            client(port).send(index % 2 ? 'GET / HTTP/1.1\r\nHost' : `${head}Content-Length: 100\r\n\r\n{`),
        );
        const answers = await Promise.all(Array.from({ length: 20 }, async () => (await fetch(url)).json()));

        expect(answers).toEqual(Array(20).fill('ok'));
        expect(slow.map(({ text }) => text).join('')).toBe('');
    });
});
