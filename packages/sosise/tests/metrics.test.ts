import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { host } from 'sosise';
import { describe, expect, onTestFinished, test } from 'vitest';
import { HttpServer } from './helpers/inside/Http.js';
import { ask, prometheusText, requestsIn, scrape } from './helpers/scrape.js';
import { type HttpApp, type HttpAppOptions, httpApp, httpKernel, RawClient } from './httpApp.js';

const TOKEN = 'w3Jx8Vq1Zt6Ln0Rb5Ys2Kd9Gm4Hp7FcA';

async function start(options: HttpAppOptions = {}): Promise<HttpApp> {
    const app = await httpApp({ ...options, http: { metrics: true, ...options.http } });
    onTestFinished(app.close);
    return app;
}

test.each(['/up', '/ready', 'metrics', '/a b'])(
    'metrics.path %j stops start-up: that path has another meaning, or is none',
    async (path) => {
        await expect(start({ http: { metrics: { path } } })).rejects.toThrow(
            /http\.ts: metrics\.path is .*: allowed are paths such as/,
        );
    },
);

describe('GET /metrics', () => {
    test('is not there unless the config asks for it', async () => {
        const app = await start({ http: { metrics: false } });
        expect((await ask(app.port)).status).toBe(404);
    });

    test('answers this machine in the text format of Prometheus, and HEAD without a body', async () => {
        const app = await start();
        const { status, headers, body } = await ask(app.port);
        expect(status).toBe(200);
        expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
        expect(headers['cache-control']).toBe('no-store');
        expect(headers['set-cookie']).toBeUndefined();
        expect(prometheusText(body).types.get('http_server_request_duration_seconds')).toBe('histogram');
        const head = await ask(app.port, { method: 'HEAD' });
        expect([head.status, head.body]).toEqual([200, '']);
        expect((await ask(app.port, { method: 'POST' })).status).toBe(404);
    });

    test('answers a peer whose loopback address is written as IPv6', async () => {
        const { app } = httpKernel({ http: { metrics: true } });
        onTestFinished(() => app.shutdown());
        await app.boot();
        const { port } = await app.container.make(HttpServer).listen({ port: 0, host: '::' });
        expect((await ask(port as number)).status).toBe(200); // ::ffff:127.0.0.1
        expect((await ask(port as number, { host: '::1', headers: { host: '[::1]' } })).status).toBe(200);
    });

    test.each<[string, Record<string, string>]>([
        ['X-Forwarded-For', { 'X-Forwarded-For': '203.0.113.9' }],
        ['X-Forwarded-For of this machine', { 'X-Forwarded-For': '127.0.0.1' }],
        ['an empty X-Forwarded-For', { 'X-Forwarded-For': '' }],
        ['X-Forwarded-Proto alone', { 'X-Forwarded-Proto': 'https' }],
        ['X-Forwarded-Host', { 'X-Forwarded-Host': 'shop.example' }],
        ['Forwarded', { Forwarded: 'for=127.0.0.1' }],
        ['Via', { Via: '1.1 proxy' }],
        ['X-Real-IP', { 'X-Real-IP': '203.0.113.9' }],
        ['CF-Connecting-IP', { 'CF-Connecting-IP': '203.0.113.9' }],
        ['True-Client-IP', { 'True-Client-IP': '203.0.113.9' }],
        ['a header that nobody knows, with an address', { 'X-Sender': '203.0.113.9:4711' }],
        ['the name of a site whose DNS points here', { host: 'shop.example' }],
    ])('answers nobody from elsewhere: %s', async (_what, headers) => {
        for (const trustProxy of [false, 1]) {
            const app = await start({ http: { trustProxy } });
            expect((await ask(app.port, { headers })).status).not.toBe(200);
        }
    });

    test('answers nobody by a socket, where all come through a proxy', async () => {
        const path = join(tmpdir(), `sosise-metrics-${process.pid}.sock`);
        const { app } = httpKernel({ http: { metrics: true } });
        onTestFinished(() => app.shutdown());
        await app.boot();
        await app.container.make(HttpServer).listen({ port: path });
        expect((await ask(path, { headers: { host: 'localhost' } })).status).toBe(404);
    });

    test('with a token answers who has it, from wherever, and nobody else', async () => {
        const app = await start({ http: { metrics: { token: TOKEN } } });
        const from = (authorization?: string) =>
            ask(app.port, { headers: { 'X-Forwarded-For': '203.0.113.9', ...(authorization && { authorization }) } });
        expect((await from(`Bearer ${TOKEN}`)).status).toBe(200);
        expect((await from(`bearer ${TOKEN}`)).status).toBe(200);
        const wrong = [
            undefined,
            TOKEN,
            'Bearer',
            'Bearer ',
            `Bearer ${TOKEN}x`,
            `Bearer ${TOKEN.slice(1)}`,
            `Basic ${TOKEN}`,
        ];
        for (const authorization of [...wrong, `Bearer ${TOKEN} ${TOKEN}`, `Bearer undefined`]) {
            const { status, headers, body } = await from(authorization);
            expect([authorization, status, headers['www-authenticate']]).toEqual([authorization, 401, 'Bearer']);
            expect(body).not.toContain('http_server');
        }
        expect((await ask(app.port)).status, 'this machine needs it, too').toBe(401);
        expect((await ask(app.port, { method: 'HEAD' })).status).toBe(401);
    });

    test('is at the path of the config, and nowhere else', async () => {
        const app = await start({ http: { metrics: { path: '/internal/metrics' } } });
        expect((await ask(app.port)).status).toBe(404);
        expect((await ask(app.port, { path: '/internal/metrics' })).status).toBe(200);
        expect((await ask(app.port, { path: '/internal/metrics/' })).status).toBe(404);
    });

    test.each([
        [
            { token: 'short' },
            /metrics\.token is shorter than 32 characters: use the output of: openssl rand -base64 32/,
        ],
        [{ token: 'change-me-change-me-change-me-change-me' }, /metrics\.token is made of words/],
        [{ token: 7 }, /metrics\.token is no text/],
        [{ path: 'metrics' }, /metrics\.path is "metrics": allowed are paths such as "\/metrics"/],
        [{ path: '/metrics?a' }, /metrics\.path/],
        [{ tokn: TOKEN }, /metrics\.tokn is not a known key: did you mean metrics\.token\?/],
        ['yes', /metrics is "yes"/],
    ])('a wrong setting stops start-up: %j', async (metrics, message) => {
        const start = async () => httpKernel({ http: { metrics } }).app.boot();
        await expect(start()).rejects.toThrow(message);
    });
});

describe('HTTP durations', () => {
    test('tell method, route and status, the route as the code writes it', async () => {
        const app = await start({
            routes: (router) => {
                const orders = express.Router({ mergeParams: true });
                orders.get('/', (_request, response) => response.json([]));
                orders.get('/:order', (_request, response) => response.status(201).json({}));
                orders.get('/:order/fail', () => {
                    throw new Error('on purpose');
                });
                router.use('/users/:id/orders', orders);
                router.get('/users/:id', (_request, response) => response.json({}));
                router.get(['/a', '/b'], (_request, response) => response.json({}));
                router.use(
                    ['/v1', '/v2'],
                    express.Router().get('/tea', (_request, response) => response.json({})),
                );
                router.use(
                    host(
                        'admin.example.com',
                        express.Router().get('/tea', (_, response) => response.json({})),
                    ),
                );
                const mounted = express();
                mounted.get('/deep/:x', (_request, response) => response.json({}));
                router.use('/mounted', mounted);
                router.get(/^\/number-\d+$/, (_request, response) => response.json({}));
            },
        });
        const paths = ['/users/7', '/users/8?a=1', '/users/7/orders', '/users/7/orders/9', '/users/7/orders/9/fail'];
        const others = ['/a', '/B', '/v1/tea', '/v2/tea', '/mounted/deep/1', '/number-12', '/nowhere', '/up'];
        for (const path of [...paths, ...others]) {
            await ask(app.port, { path });
        }
        await ask(app.port, { path: '/nowhere', method: 'PROPFIND' });
        await ask(app.port, { path: '/tea', headers: { host: 'admin.example.com' } });
        expect(requestsIn(await scrape(app.port))).toEqual({
            'GET /users/:id 200': 2,
            'GET /users/:id/orders 200': 1,
            'GET /users/:id/orders/:order 201': 1,
            'GET /users/:id/orders/:order/fail 500 500': 1,
            'GET /a 200': 1,
            'GET /b 200': 1,
            'GET /v1/tea 200': 1,
            'GET /v2/tea 200': 1,
            'GET /mounted/deep/:x 200': 1,
            [String.raw`GET /^\/number-\d+$/ 200`]: 1,
            'GET /tea 200': 1,
            'GET - 404': 1,
            '_OTHER - 404': 1,
            'GET - 200': 1,
        });
    });

    test('are as long as the answer takes, and count who went away', async () => {
        let leave = () => {};
        const left = new Promise<void>((resolve) => {
            leave = resolve;
        });
        const app = await start({
            routes: (router) => {
                router.get('/slow', (_request, response) => {
                    setTimeout(() => response.end('late'), 30);
                });
                router.get('/never', (_request, response) => {
                    response.on('close', () => setImmediate(leave));
                });
            },
        });
        await ask(app.port, { path: '/slow' });
        const client = new RawClient(app.port);
        client.send('GET /never HTTP/1.1\r\nHost: localhost\r\n\r\n');
        setTimeout(() => client.destroy(), 20);
        await left;
        const found = await scrape(app.port);
        const name = 'http_server_request_duration_seconds';
        expect(found.value(`${name}_sum`, { http_route: '/slow' })).toBeGreaterThan(0.029);
        expect(found.value(`${name}_bucket`, { http_route: '/slow', le: '0.025' })).toBe(0);
        expect(found.value(`${name}_bucket`, { http_route: '/slow', le: '+Inf' })).toBe(1);
        expect(requestsIn(found)).toEqual({ 'GET /slow 200': 1, 'GET /never - aborted': 1 });
    });

    test('of a name that needs escaping read as it is written', async () => {
        const route = '/quo"te/back\\\\slash';
        const app = await start({ routes: (router) => router.get(route, (_request, response) => response.end()) });
        await ask(app.port, { path: '/quo"te/back\\slash' });
        expect(requestsIn(await scrape(app.port))).toEqual({ [`GET ${route} 200`]: 1 });
    });
});
