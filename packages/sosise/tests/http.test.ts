import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import express, { type NextFunction, type Request, type Response } from 'express';
import {
    type ApplicationKernel,
    action,
    applicationOf,
    type HttpConfig,
    HttpServer,
    type Middleware,
    middleware,
} from 'sosise';
import { afterEach, describe, expect, test } from 'vitest';
import { DevToolsServiceProvider } from './helpers/inside/DevTools.js';
import { sessionApp } from './helpers/sessionApp.js';
import { type HttpApp, type HttpAppOptions, httpApp, httpKernel, RawClient } from './httpApp.js';

let running: HttpApp[] = [];

afterEach(async () => {
    await Promise.all(running.map(({ close }) => close()));
    running = [];
});

async function start(options: HttpAppOptions = {}): Promise<HttpApp> {
    const app = await httpApp(options);
    running.push(app);
    return app;
}

function configProblem(http: Record<string, unknown>): string {
    try {
        httpKernel({ http });
    } catch (error) {
        return (error as Error).message;
    }
    return '';
}

describe('request ids', () => {
    const routes: HttpAppOptions['routes'] = (router) =>
        router.get('/', (request, response) => void response.json(request.requestId));

    test('every request gets one, and the answer names it', async () => {
        const { url } = await start({ routes });
        const [one, two] = await Promise.all([fetch(url), fetch(url)]);

        expect(await one.json()).toBe(one.headers.get('X-Request-Id'));
        expect(one.headers.get('X-Request-Id')).toMatch(/^[\da-f-]{36}$/);
        expect(one.headers.get('X-Request-Id')).not.toBe(two.headers.get('X-Request-Id'));
    });

    test('one that comes in counts only where that is configured, and only when sane', async () => {
        const idFor = async (url: string, inbound: string) =>
            (await fetch(url, { headers: { 'X-Request-Id': inbound } })).headers.get('X-Request-Id');
        const { url } = await start({ routes });
        expect(await idFor(url, 'from-proxy')).toMatch(/^[\da-f-]{36}$/);

        const { url: trusting } = await start({ routes, http: { requestId: { trustInbound: true } } });
        expect(await idFor(trusting, 'from-proxy')).toBe('from-proxy');
        expect(await idFor(trusting, 'two words')).toMatch(/^[\da-f-]{36}$/);
        expect(await idFor(trusting, 'x'.repeat(129))).toMatch(/^[\da-f-]{36}$/);
    });
});

describe('headers', () => {
    const headersOf = async (options: HttpAppOptions) => (await fetch((await start(options)).url)).headers;
    const directives = (headers: Headers) => headers.get('Content-Security-Policy')?.split(';').sort();
    const STRICT = [
        "base-uri 'none'",
        "connect-src 'self'",
        "default-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "img-src 'self' data:",
        "object-src 'none'",
        "script-src 'self'",
        "script-src-attr 'none'",
        "style-src 'self'",
    ];
    const policyWith = (contentSecurityPolicy: unknown) => ({ http: { securityHeaders: { contentSecurityPolicy } } });

    test("a strict policy and helmet's other headers are sent, and who made the server is not", async () => {
        const headers = await headersOf({});

        expect(directives(headers)).toEqual(STRICT);
        expect(headers.get('X-Content-Type-Options')).toBe('nosniff');
        expect(headers.get('X-Frame-Options')).toBe('DENY');
        expect(headers.get('Cross-Origin-Opener-Policy')).toBe('same-origin');
        expect(headers.get('Cross-Origin-Resource-Policy')).toBe('same-origin');
        expect(headers.get('X-Powered-By')).toBeNull();
    });

    test("other sites get no referrer, and our own forms name their origin, which helmet's own default hides", async () => {
        expect((await headersOf({})).get('Referrer-Policy')).toBe('same-origin');
    });

    test('plain http is turned into https in production only', async () => {
        const production = await headersOf({ environment: 'production' });
        expect(directives(production)).toEqual([...STRICT, 'upgrade-insecure-requests']);
        expect(production.get('Strict-Transport-Security')).toBe('max-age=31536000; includeSubDomains');

        const development = await headersOf({ environment: 'development' });
        expect(directives(development)).toEqual(STRICT);
        expect(development.get('Strict-Transport-Security')).toBeNull();
    });

    test('a trial on plain http is left there: nothing sends its pages to https, unless the configuration does', async () => {
        const headersWith = async (secure: boolean | 'auto', http: Record<string, unknown> = {}) => {
            const { url } = await sessionApp({ environment: 'production', session: { cookie: { secure } }, http });
            return (await fetch(url)).headers;
        };
        const trial = await headersWith(false);
        expect(directives(trial)).toEqual(STRICT);
        expect(trial.get('Strict-Transport-Security')).toBeNull();

        const asked = await headersWith(false, { securityHeaders: { strictTransportSecurity: { maxAge: 60 } } });
        expect(asked.get('Strict-Transport-Security')).toBe('max-age=60; includeSubDomains');

        for (const secure of [true, 'auto'] as const) {
            const headers = await headersWith(secure);
            expect(directives(headers)).toContain('upgrade-insecure-requests');
            expect(headers.get('Strict-Transport-Security')).toBe('max-age=31536000; includeSubDomains');
        }
    });

    test('they follow the configuration, and can be turned off', async () => {
        const custom = { xFrameOptions: { action: 'sameorigin' }, strictTransportSecurity: { maxAge: 60 } };
        const headers = await headersOf({ http: { securityHeaders: custom } });
        expect(headers.get('X-Frame-Options')).toBe('SAMEORIGIN');
        expect(headers.get('Strict-Transport-Security')).toBe('max-age=60; includeSubDomains');
        expect(directives(headers)).toEqual(STRICT);

        const off = await headersOf({ http: { securityHeaders: false } });
        expect(off.get('X-Content-Type-Options')).toBeNull();
    });

    test("helmet's older names of options are as good", async () => {
        const headers = await headersOf({
            http: { securityHeaders: { frameguard: { action: 'sameorigin' }, hsts: { maxAge: 60 } } },
        });

        expect(headers.get('X-Frame-Options')).toBe('SAMEORIGIN');
        expect(headers.get('Strict-Transport-Security')).toBe('max-age=60; includeSubDomains');
    });

    test('directives are laid over ours one by one, however they are spelt, and null removes one', async () => {
        const given = { scriptSrc: ["'self'", 'https://cdn.example.com'], 'style-src': ["'none'"], fontSrc: null };
        const headers = await headersOf(policyWith({ directives: given }));

        expect(directives(headers)).toEqual(
            STRICT.filter((directive) => !/^(font|script|style)-src /.test(directive))
                .concat("script-src 'self' https://cdn.example.com", "style-src 'none'")
                .sort(),
        );
    });

    test("a policy can be one's own, only reported, or none; true is ours", async () => {
        const own = await headersOf(policyWith({ useDefaults: false, directives: { defaultSrc: ["'none'"] } }));
        expect(directives(own)).toEqual(["default-src 'none'"]);

        const reported = await headersOf(policyWith({ reportOnly: true }));
        expect(directives(reported)).toBeUndefined();
        expect(reported.get('Content-Security-Policy-Report-Only')).toContain("base-uri 'none'");

        expect(directives(await headersOf(policyWith(false)))).toBeUndefined();
        expect(directives(await headersOf(policyWith(true)))).toEqual(STRICT);
    });

    test('a directive that depends on the request is asked for each answer', async () => {
        const scriptSrc = [(_request: unknown, response: Response) => `'nonce-${response.getHeader('X-Request-Id')}'`];
        const headers = await headersOf(policyWith({ directives: { scriptSrc } }));

        expect(directives(headers)).toContain(`script-src 'nonce-${headers.get('X-Request-Id')}'`);
    });

    test.each(['https://a.example\n', 'https://a\r\nSet-Cookie:a=1', 'https://b€cher.example', 'https://a\0'])(
        'a source that no header can have stops start-up: %j',
        async (source) => {
            await expect(start(policyWith({ directives: { imgSrc: [source] } }))).rejects.toThrow(
                /^src\/config\/http\.ts: securityHeaders: Invalid character in header content \["Content-Security-Policy"\]/,
            );
        },
    );

    test('a policy that helmet refuses stops start-up', async () => {
        const refused = policyWith({ directives: { defaultSrc: ["'self'; script-src *"] } });
        await expect(start(refused)).rejects.toThrow(
            /^src\/config\/http\.ts: securityHeaders: Content-Security-Policy/,
        );
    });
});

describe('CORS', () => {
    const preflight = (url: string, origin = 'https://app.example.com') =>
        fetch(url, { method: 'OPTIONS', headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' } });

    test('is off until it is configured', async () => {
        const { headers } = await preflight((await start()).url);

        expect(headers.get('Access-Control-Allow-Origin')).toBeNull();
        expect(headers.get('Vary')).toBe('Accept'); // this 404 would be a page in a browser; not Origin
    });

    test('answers preflights before any session', async () => {
        let sessions = 0;
        const { url } = await start({
            http: { cors: { origin: ['https://app.example.com'], credentials: true } },
            pipeline: (pipeline) =>
                pipeline.use('session', (_request, _response, next) => {
                    sessions += 1;
                    next();
                }),
        });
        const response = await preflight(url);

        expect(response.status).toBe(204);
        expect(response.headers.get('Access-Control-Allow-Origin')).toBe('https://app.example.com');
        expect(response.headers.get('Access-Control-Allow-Credentials')).toBe('true');
        expect(sessions).toBe(0);
    });

    test('with credentials the origins have to be listed', () => {
        const sentence =
            'src/config/http.ts: cors.origin would let every site act as your logged-in users, as credentials is true: list the origins, such as ["https://app.example.com"].';

        expect(configProblem({ cors: { credentials: true } })).toBe(sentence);
        expect(configProblem({ cors: { credentials: true, origin: true } })).toBe(sentence);
        expect(configProblem({ cors: { credentials: true, origin: '*' } })).toBe(sentence);
        expect(configProblem({ cors: { credentials: true, origin: /example\.com$/ } })).toBe('');
    });

    describe('for trusted origins', () => {
        const trustedOrigins = ['https://app.example.com', 'http://localhost:5173'];
        const routes: HttpAppOptions['routes'] = (router) =>
            router.get('/', (_request, response) => void response.json('ok'));

        test.each(trustedOrigins)('answers %s with credentials, errors included', async (origin) => {
            const { url } = await start({ http: { trustedOrigins }, routes });
            const asked = await preflight(url, origin);
            expect(asked.status).toBe(204);
            expect(asked.headers.get('Access-Control-Allow-Methods')).toContain('DELETE');

            const read = await fetch(url, { headers: { Origin: origin } });
            const missing = await fetch(`${url}/nowhere`, { headers: { Origin: origin } });
            for (const { headers } of [asked, read, missing]) {
                expect(headers.get('Access-Control-Allow-Origin')).toBe(origin);
                expect(headers.get('Access-Control-Allow-Credentials')).toBe('true');
                expect(headers.get('Vary')).toContain('Origin');
            }
        });

        test.each([
            'https://evil.example',
            'http://app.example.com',
            'https://app.example.com:8443',
            'https://app.example.com.evil.example',
            'https://APP.example.com',
            'null',
        ])('answers nobody else: %s', async (origin) => {
            const { url } = await start({ http: { trustedOrigins }, routes });
            for (const { headers } of [
                await preflight(url, origin),
                await fetch(url, { headers: { Origin: origin } }),
            ]) {
                expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
                expect(headers.get('Vary')).toContain('Origin'); // no cache may give it to others
            }
        });

        test('is what cors says, where that is given', async () => {
            const { url } = await start({ http: { trustedOrigins, cors: { origin: ['https://other.example.com'] } } });

            expect(
                (await preflight(url, 'https://app.example.com')).headers.get('Access-Control-Allow-Origin'),
            ).toBeNull();
            const { headers } = await preflight(url, 'https://other.example.com');
            expect(headers.get('Access-Control-Allow-Origin')).toBe('https://other.example.com');
            expect(headers.get('Access-Control-Allow-Credentials')).toBeNull();
        });
    });
});

describe('health and static files', () => {
    const noSession: HttpAppOptions['pipeline'] = (pipeline) =>
        pipeline.use('session', () => {
            throw new Error('a session was asked for');
        });

    test('/up answers without a session, and is not stored anywhere', async () => {
        const { url } = await start({ pipeline: noSession });
        const response = await fetch(`${url}/up?probe=1`);

        expect(response.status).toBe(200);
        expect(response.headers.get('Cache-Control')).toBe('no-store');
        expect(await response.json()).toEqual({ code: 1000, message: 'up', data: null });
        expect((await fetch(`${url}/up`, { method: 'HEAD' })).status).toBe(200);
    });

    test('other methods and addresses go on to the routes', async () => {
        const { url } = await start({
            routes: (router) => router.all('/{*path}', (request, response) => void response.send(request.path)),
        });

        expect(await (await fetch(`${url}/up`, { method: 'POST' })).text()).toBe('/up');
        expect(await (await fetch(`${url}/upper`)).text()).toBe('/upper');
    });

    test('files of public/ are served without a session, and nothing outside of it', async () => {
        const { url, port } = await start({
            pipeline: noSession,
            prepare: (root) => {
                mkdirSync(join(root, 'public'));
                writeFileSync(join(root, 'public', 'robots.txt'), 'User-agent: *');
                writeFileSync(join(root, 'secret.txt'), 'hunter2');
            },
        });
        const response = await fetch(`${url}/robots.txt`);
        const etag = response.headers.get('ETag') as string;

        expect(await response.text()).toBe('User-agent: *');
        const client = new RawClient(port).send(
            `GET /robots.txt HTTP/1.1\r\nHost: x\r\nIf-None-Match: ${etag}\r\n\r\n`,
        );
        expect(await client.received(/\r\n\r\n/)).toContain('304 Not Modified');
        const outside = await client.get('/../secret.txt').received(/\}$/);
        client.destroy();
        expect(outside).not.toContain('hunter2');
    });
});

describe('bodies', () => {
    const routes: HttpAppOptions['routes'] = (router) =>
        router.all('/', (request, response) => void response.json(request.body));

    async function post(body: string | Buffer, headers: Record<string, string>, http: Record<string, unknown> = {}) {
        const { url } = await start({ routes, http });
        const response = await fetch(url, { method: 'POST', body, headers });
        return { status: response.status, body: (await response.json()) as { message?: string } };
    }

    const json = { 'Content-Type': 'application/json' };
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };

    test('JSON and forms are read', async () => {
        expect((await post('{"a":[1]}', json)).body).toEqual({ a: [1] });
        expect((await post('{"a":1}', { 'Content-Type': 'application/vnd.api+json' })).body).toEqual({ a: 1 });
        expect((await post('a=1&a=2&b[c]=3', form)).body).toEqual({ a: ['1', '2'], 'b[c]': '3' });
        expect((await post(gzipSync('{"a":1}'), { ...json, 'Content-Encoding': 'gzip' })).body).toEqual({ a: 1 });
    });

    test('without a body, or with one that nobody reads here, it is an empty object', async () => {
        const { url } = await start({ routes });

        expect(await (await fetch(url)).json()).toEqual({});
        expect(await (await fetch(url, { method: 'POST' })).json()).toEqual({});
        expect((await post('hello', { 'Content-Type': 'text/plain' })).body).toEqual({});
        expect((await post('', json)).body).toEqual({});
        expect((await post('<a/>', { 'Content-Type': 'not a type' })).body).toEqual({});
    });

    test('the prototype is out of reach of a form', async () => {
        const { body } = await post('constructor=2&toString=3', form);

        expect(body).toEqual({ constructor: '2', toString: '3' });
    });

    test.each([
        ['{"password":"hunter2"', json, 400, 'The request body is not valid JSON.'],
        ['"text"', json, 400, 'The request body is not valid JSON.'],
        ['{}', { 'Content-Type': 'application/json; charset=klingon' }, 415, /charset or encoding/],
        ['{}', { ...json, 'Content-Encoding': 'rot13' }, 415, /encoding/],
        ['not gzip', { ...json, 'Content-Encoding': 'gzip' }, 400, /header/],
        [Array(1_100).fill('a=1').join('&'), form, 413, 'The form has more than 1000 fields.'],
    ])('%.12s… is refused: %o', async (body, headers, status, message) => {
        const answer = await post(body, headers as Record<string, string>);

        expect(answer.status).toBe(status);
        expect(answer.body).toEqual({
            code: status,
            message: typeof message === 'string' ? message : expect.stringMatching(message),
            data: null,
        });
    });

    test('a body over the limit is a 413, whether it says its length or not', async () => {
        const large = JSON.stringify({ a: 'x'.repeat(1024 * 1024) });
        const sentence = 'The request body is larger than the limit of 1mb.';
        expect(await post(large, json)).toEqual({ status: 413, body: { code: 413, message: sentence, data: null } });
        expect((await post(`a=${large}`, form)).status).toBe(413);
        expect((await post(`{"a":"${'x'.repeat(1024 * 1024 - 8)}"}`, json)).status).toBe(200);
        expect((await post('{"a":"1234567890"}', json, { bodyLimit: 10 })).body.message).toBe(
            'The request body is larger than the limit of 10 bytes.',
        );

        const { port } = await start({ routes, http: { bodyLimit: 10 } });
        const client = new RawClient(port).send(
            'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n' +
                'd\r\n[1,2,3,4,5,6]\r\n0\r\n\r\n',
        );
        expect(await client.received(/\}$/)).toContain('HTTP/1.1 413');
        client.destroy();
    });
});

describe('addresses', () => {
    test('an unknown one is a 404 in the envelope', async () => {
        const response = await fetch(`${(await start()).url}/no/where?q=1`);

        expect(response.status).toBe(404);
        expect(await response.json()).toEqual({
            code: 404,
            message: 'There is no route for GET /no/where',
            data: null,
        });
    });

    test.each(['/%E0%A4%A', '/users/%E0%A4%A'])('a malformed one is a 400: %s', async (path) => {
        const { port } = await start({
            routes: (router) => router.get('/users/:id', (_request, response) => void response.send('user')),
        });
        const client = new RawClient(port).get(path);
        const answer = await client.received(/\r\n\r\n.*\}/);
        client.destroy();

        expect(answer).toContain('HTTP/1.1 400 Bad Request');
        expect(answer).toMatch(/\{"code":400,"message":"[^"]+","data":null\}/);
    });

    test('the query is read flat', async () => {
        const { url } = await start({
            routes: (router) => router.get('/', (request, response) => void response.json(request.query)),
        });

        expect(await (await fetch(`${url}/?a[b]=1&c=2&c=3`)).json()).toEqual({ 'a[b]': '1', c: ['2', '3'] });
    });
});

describe('controllers', () => {
    class Counter {
        public static made = 0;
        private count = 0;

        public constructor(public readonly app: ApplicationKernel) {
            Counter.made += 1;
        }

        public show(_request: Request, response: Response): void {
            this.count += 1;
            response.json({ count: this.count, sameApp: applicationOf(_request) === this.app });
        }

        public byId(request: Request<{ id: string }>, response: Response): void {
            response.json(request.params.id);
        }

        public async reject(): Promise<void> {
            throw new Error('rejected');
        }

        public throwNothing(): void {
            throw null;
        }

        public readonly arrow = (_request: Request, response: Response) => response.json('arrow');
        public readonly label: string = 'not a method';
        public helper(first: number, second: number): number {
            return first + second;
        }
    }

    class Plain {
        public async index(_request: Request, response: Response) {
            return response.json('plain');
        }

        public async returned() {
            return { data: 'returned' };
        }
    }

    function routes(router: express.Router): void {
        router.get('/', action(Counter, 'show'));
        router.get('/again', action(Counter, 'show'));
        router.get('/users/:id', action(Counter, 'byId'));
        router.get('/reject', action(Counter, 'reject'));
        router.get('/nothing', action(Counter, 'throwNothing'));
        router.get('/arrow', action(Counter, 'arrow'));
        router.get('/plain', action(Plain, 'index'));
        router.get('/returned', action(Plain, 'returned'));
        // @ts-expect-error development runs what does not compile
        router.get('/misspelt', action(Plain, 'idnex'));
        const controller = new Plain();
        router.get('/sosise', (request: Request, response: Response, _next: NextFunction) => {
            controller.index(request, response);
        });
    }

    const get = async (url: string) => (await fetch(url)).json();

    test('one is made per application, bound, and given the application', async () => {
        Counter.made = 0;
        const one = await start({ routes });
        const two = await start({ routes });

        expect(await get(one.url)).toEqual({ count: 1, sameApp: true });
        expect(await get(`${one.url}/again`)).toEqual({ count: 2, sameApp: true });
        expect(await get(two.url)).toEqual({ count: 1, sameApp: true });
        expect(Counter.made).toBe(2);
    });

    test('a misspelt method and a returned value are said, instead of failing strangely or never', async () => {
        const { url } = await start({ routes, environment: 'development' });
        expect(await get(`${url}/misspelt`)).toMatchObject({
            message: 'Plain has no method idnex. Did you mean index?',
        });
        expect(await get(`${url}/returned`)).toMatchObject({
            message: 'Plain.returned returned a value and sent no answer: send it with response.json(…).',
        });
    });

    test('in development the log says of a misspelt method at start-up, and of no other', async () => {
        class Child extends Counter {}
        class Given {
            public constructor() {
                Object.assign(this, { given: () => undefined });
            }
        }
        const { log } = await start({
            environment: 'development',
            providers: [DevToolsServiceProvider],
            routes: (router) => {
                const below = express.Router();
                routes(below);
                below.get('/inherited', action(Child, 'arrow'), action(Child, 'show'));
                below.get('/given', action(Given, 'given' as never));
                router.use('/below', below);
            },
        });

        expect(log.lines).toMatchObject([
            {
                level: 'warning',
                message: 'Plain has no method idnex, which a route calls. Did you mean index?',
            },
        ]);
    });

    test('the same routes serve two applications with a controller each', async () => {
        const shared = express.Router();
        routes(shared);
        const mount: HttpAppOptions['routes'] = (router) => router.use(shared);
        const [one, two] = [await start({ routes: mount }), await start({ routes: mount })];

        expect([await get(one.url), await get(one.url), await get(two.url)]).toEqual([
            { count: 1, sameApp: true },
            { count: 2, sameApp: true },
            { count: 1, sameApp: true },
        ]);
    });

    test('routes of a mounted Express application find their application too', async () => {
        const mounted = express();
        mounted.get('/', action(Counter, 'show'));
        const { url } = await start({ pipeline: (pipeline) => pipeline.use('routes', mounted) });

        expect(await get(url)).toEqual({ count: 1, sameApp: true });
    });

    test('what the container has bound for a controller is used', async () => {
        const { url, app } = await start({ routes });
        app.container.singleton(Plain, () =>
            Object.assign(new Plain(), {
                index: async (_request: Request, response: Response) => response.json('bound'),
            }),
        );

        expect(await get(`${url}/plain`)).toBe('bound');
    });

    test('any kind of method works, and the Sosise style of route', async () => {
        const { url } = await start({ routes });

        expect(await get(`${url}/users/7`)).toBe('7');
        expect(await get(`${url}/arrow`)).toBe('arrow');
        expect(await get(`${url}/plain`)).toBe('plain');
        expect(await get(`${url}/sosise`)).toBe('plain');
    });

    test('a rejected promise reaches the handler, and so does a thrown nothing', async () => {
        const { url, log } = await start({ routes });

        expect((await fetch(`${url}/reject`)).status).toBe(500);
        expect((await fetch(`${url}/nothing`)).status).toBe(500);
        expect(log.lines.map(({ message }) => message)).toEqual(['rejected', 'Thrown, but not an Error: null']);
    });

    test('a misspelt method is a compile error, and so is what is no method for requests', () => {
        // @ts-expect-error: misspelt
        action(Counter, 'shwo');
        // @ts-expect-error: no method
        action(Counter, 'label');
        // @ts-expect-error: takes no request
        action(Counter, 'helper');
        class Numbered extends Plain {
            public constructor(public readonly count: number) {
                super();
            }
        }
        // @ts-expect-error: its constructor asks for something else than the application
        action(Numbered, 'index');
        action(Plain, 'index');
    });

    test('outside of a pipeline an action says what it needs', async () => {
        const app = express();
        app.get('/', action(Plain, 'index'));
        app.use((error: Error, _request: Request, response: Response, _next: NextFunction) => {
            response.send(error.message);
        });
        const server = app.listen(0);
        const { port } = server.address() as { port: number };

        expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe(
            'This request does not come from HttpServer: action() and middleware() need its pipeline.',
        );
        server.close();
    });
});

describe('middleware classes', () => {
    class Trace implements Middleware {
        private count = 0;

        public async handle(_request: Request, response: Response, next: NextFunction): Promise<void> {
            this.count += 1;
            response.append('X-Trace', `first ${this.count}`);
            next();
        }
    }

    class Guard implements Middleware {
        public constructor(private readonly app: ApplicationKernel) {}

        public async handle(request: Request, response: Response, next: NextFunction): Promise<void> {
            response.append('X-Trace', 'second');
            if (request.query['key'] !== this.app.environment.name) {
                throw Object.assign(new Error('wrong key'), { status: 403 });
            }
            next();
        }
    }

    const routes: HttpAppOptions['routes'] = (router) =>
        router.get('/', (_request, response) => void response.send('in'));

    test('run in their order, made once, and a rejection refuses', async () => {
        const { url } = await start({ routes, middlewares: [Trace, Guard] });
        const refused = await fetch(url);
        const admitted = await fetch(`${url}/?key=test`);

        expect([refused.status, refused.headers.get('X-Trace')]).toEqual([403, 'first 1, second']);
        expect([admitted.status, admitted.headers.get('X-Trace')]).toEqual([200, 'first 2, second']);
    });

    test('can be put before one route', async () => {
        const { url } = await start({
            routes: (router) =>
                router
                    .get('/guarded', middleware(Guard), (_request, response) => void response.send('in'))
                    .get('/open', (_request, response) => void response.send('in')),
        });

        expect((await fetch(`${url}/guarded`)).status).toBe(403);
        expect((await fetch(`${url}/open`)).status).toBe(200);
    });

    test('one without handle is a compile error', () => {
        class Empty {}
        // @ts-expect-error: no handle
        expect(() => middleware(Empty)).not.toThrow();
    });
});

describe('the response timeout', () => {
    class Reports {
        public slow(): Promise<never> {
            return new Promise(() => {});
        }
    }

    const routes: HttpAppOptions['routes'] = (router) => {
        router.get('/reports/:id', action(Reports, 'slow'));
        router.post('/reports', action(Reports, 'slow'));
        router.get('/stream', (_request, response) => {
            response.write('begun');
            setTimeout(() => response.end(', finished'), 250);
        });
        router.get('/dropped', (_request, response) => {
            setTimeout(() => response.json('too late'), 150);
        });
    };

    test('a route that never answers gets a 503, and a warning that names it without its parameters', async () => {
        const { url, log } = await start({ routes, http: { answerTimeoutMs: 80 } });
        const response = await fetch(`${url}/reports/token-4711?key=4711`);

        expect(response.status).toBe(503);
        expect(await response.json()).toEqual({
            code: 503,
            message: 'The request was not answered in time.',
            data: null,
        });
        expect(log.lines).toMatchObject([
            {
                level: 'warning',
                message:
                    'GET /reports/:id (Reports.slow) did not answer within 80 ms and got a 503: answer, call next(error) or throw in every path of it, or raise answerTimeoutMs in src/config/http.ts.',
                context: { method: 'GET', route: '/reports/:id' },
            },
        ]);
        expect(JSON.stringify(log.lines)).not.toContain('4711');
    });

    test('a stream that has begun may take its time', async () => {
        const { url } = await start({ routes, http: { answerTimeoutMs: 80 } });

        expect(await (await fetch(`${url}/stream`)).text()).toBe('begun, finished');
    });

    test('0 turns it off', async () => {
        const { url } = await start({ routes, http: { answerTimeoutMs: 0 } });

        expect(await (await fetch(`${url}/dropped`)).json()).toBe('too late');
    });

    test('the time a client takes to send its body does not count', async () => {
        const { port, log } = await start({
            routes: (router) => router.post('/', (request, response) => void response.json(request.body)),
            http: { answerTimeoutMs: 400 },
        });
        const client = new RawClient(port).send(
            'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n',
        );
        for (const piece of ['{"a":', '"hel', 'lo"', ' }']) {
            client.send(piece);
            await new Promise((resolve) => setTimeout(resolve, 130));
        }

        expect(await client.received(/hello/)).toContain('HTTP/1.1 200');
        expect(log.lines).toEqual([]);
        client.destroy();
    });

    test('a handler that forgets to render it is stood in for', async () => {
        const { ExceptionHandler } = await import('sosise');
        class Handler extends ExceptionHandler {
            public override render(): void {}
        }
        const { url } = await start({ routes, Handler, http: { answerTimeoutMs: 80 } });
        const response = await fetch(`${url}/reports/1`);

        expect(response.status).toBe(503);
        expect(((await response.json()) as { code: number }).code).toBe(503);
    });
});

describe('the configuration', () => {
    test.each([
        [{ port: 70_000 }, 'port is 70000: allowed are integers from 0 to 65535.'],
        [{ port: '80' }, 'port is "80": allowed are integers from 0 to 65535; use 80 without quotes.'],
        [{ bodyLimits: { keys: 0 } }, 'bodyLimits.keys is 0: allowed are integers from 1 to 10000000.'],
        [{ trustproxy: 1 }, 'trustproxy is not a known key: did you mean trustProxy?'],
        [
            { trustProxy: 'everyone' },
            'trustProxy is "everyone": allowed are false, true, a number of proxies, addresses and ranges such as "loopback" or "10.0.0.0/8".',
        ],
        [
            { headersTimeoutMs: 5_000 },
            'headersTimeoutMs is 5000, not above keepAliveTimeoutMs (65000): a kept connection could be cut while its next request arrives.',
        ],
        [
            { trustedOrigins: ['http://localhost:5173/'] },
            'trustedOrigins[0] is "http://localhost:5173/": allowed are origins such as "https://app.example.com"; write "http://localhost:5173".',
        ],
        [
            { trustedOrigins: ['https://a.example', 'localhost:5173'] },
            'trustedOrigins[1] is "localhost:5173": allowed are origins such as "https://app.example.com"; write "http://localhost:5173".',
        ],
        [
            { trustedOrigins: ['App.example.com/login?next=1'] },
            'trustedOrigins[0] is "App.example.com/login?next=1": allowed are origins such as "https://app.example.com"; write "https://app.example.com".',
        ],
        [
            { trustedOrigins: ['https://app.example.com:443'] },
            'trustedOrigins[0] is "https://app.example.com:443": allowed are origins such as "https://app.example.com"; write "https://app.example.com".',
        ],
        [{ trustedOrigins: ['*'] }, 'trustedOrigins[0] is "*": allowed are origins such as "https://app.example.com".'],
        [
            { trustedOrigins: ['https://*.example.com'] },
            'trustedOrigins[0] is "https://*.example.com": allowed are origins such as "https://app.example.com".',
        ],
        [
            { trustedOrigins: 'https://app.example.com' },
            'trustedOrigins is "https://app.example.com": allowed are lists.',
        ],
        [{ csrf: true }, 'csrf is true: allowed are false, plain objects.'],
        [{ csrf: { except: ['/hooks'] } }, 'csrf.except is not a known key: did you mean csrf.exempt?'],
        [
            { csrf: { exempt: ['webhooks/*'] } },
            'csrf.exempt[0] is "webhooks/*": allowed are paths such as "/webhooks/stripe" and "/webhooks/*"; write "/webhooks/*".',
        ],
        [
            { csrf: { exempt: ['/web*'] } },
            'csrf.exempt[0] is "/web*": allowed are paths such as "/webhooks/stripe" and "/webhooks/*".',
        ],
        [
            { stopDelayMs: 86_400_001 },
            'stopDelayMs is 86400001: allowed are integers from 0 to 86400000 (milliseconds).',
        ],
        [
            { answerTimeoutMs: 2 ** 31 },
            'answerTimeoutMs is 2147483648: allowed are integers from 0 to 2147483647 (milliseconds).',
        ],
        [
            { keepAliveTimeoutMs: 2_147_483_000, headersTimeoutMs: 2_147_483_001, requestTimeoutMs: 2_147_483_001 },
            'keepAliveTimeoutMs is 2147483000: allowed are integers from 1 to 2147482647 (milliseconds).',
        ],
        [
            { securityHeaders: { strictTransportSecurity: { maxAge: 1e21 } } },
            'securityHeaders.strictTransportSecurity.maxAge is 1e+21: allowed are numbers from 0 to 3153600000 (seconds).',
        ],
        [
            { securityHeaders: { hsts: { maxAge: Number.POSITIVE_INFINITY } } },
            'securityHeaders.hsts.maxAge is Infinity: allowed are numbers from 0 to 3153600000 (seconds).',
        ],
        [
            { port: `/run/${'x'.repeat(200)}` },
            `port is a path of 205 bytes, and sockets have ${process.platform === 'linux' ? 107 : 103} at most.`,
        ],
        [
            { bodyLimit: '1gb' },
            'bodyLimit is "1gb": allowed are integers from 1 to 535822336 (bytes), texts such as "1mb", up to "511mb".',
        ],
        [{ bodyLimits: { depth: 0 } }, 'bodyLimits.depth is 0: allowed are integers from 1 to 1000.'],
        [
            { requestTimeoutMs: 66_000 - 1 },
            'requestTimeoutMs is 65999, below headersTimeoutMs (66000): the headers are part of the request.',
        ],
    ])('%o is refused with a sentence', (http, sentence) => {
        expect(configProblem(http)).toBe(`src/config/http.ts: ${sentence}`);
    });

    test.each([
        { trustProxy: 1 },
        { trustProxy: 'loopback, 10.0.0.0/8' },
        { trustProxy: ['127.0.0.1'] },
        { bodyLimit: '512kb' },
        { bodyLimit: '511MB' },
        { bodyLimit: 2048 },
        { host: '127.0.0.1' },
        { bodyLimits: { keys: 100_000 } },
        {
            trustedOrigins: [
                'https://app.example.com',
                'http://localhost:5173',
                'http://[::1]:5173',
                'http://127.0.0.1:3000',
            ],
        },
        { csrf: false },
        { csrf: { exempt: ['/', '/webhooks/stripe', '/webhooks/*', '/*'] } },
        { csrf: { tokens: true } },
    ])('%o is accepted', (http) => {
        expect(configProblem(http)).toBe('');
    });

    test.each([{ bodyLimit: 'big' }, { bodyLimit: 0 }, { cors: true }, { host: '' }, { answerTimeoutMs: -1 }])(
        '%o is refused',
        (http) => {
            expect(configProblem(http)).toContain('src/config/http.ts: ');
        },
    );

    test('what is given of csrf and bodyLimits is laid over the defaults', () => {
        const { app } = httpKernel({ http: { csrf: { tokens: true }, bodyLimits: { depth: 3 } } });

        expect(app.config.get<HttpConfig>('http')).toMatchObject({
            csrf: { exempt: [], tokens: true },
            bodyLimits: { depth: 3, keys: 10_000 },
            trustedOrigins: [],
        });
        expect(httpKernel({ http: { csrf: false } }).app.config.get<HttpConfig>('http').csrf).toBe(false);
    });

    test('only a trusted proxy says who the client is', async () => {
        const routes: HttpAppOptions['routes'] = (router) =>
            router.get('/', (request, response) => void response.json([request.ip, request.protocol]));
        const headers = { 'X-Forwarded-For': '203.0.113.7', 'X-Forwarded-Proto': 'https' };
        const clientOf = async ({ url }: HttpApp) => (await fetch(url, { headers })).json();

        expect(await clientOf(await start({ routes }))).toEqual(['127.0.0.1', 'http']);
        const behindProxy = await start({ routes, http: { trustProxy: 'loopback' } });
        expect(await clientOf(behindProxy)).toEqual(['203.0.113.7', 'https']);
    });

    test('trusting everybody is possible, and warned about', async () => {
        const { log } = await start({ http: { trustProxy: true } });

        expect(log.lines).toMatchObject([{ level: 'warning', message: expect.stringContaining('trustProxy: true') }]);
    });
});

test('the pipeline can be used without a port of its own', async () => {
    const { app } = httpKernel({
        routes: (router) => router.get('/', (_request, response) => void response.send('ok')),
    });
    await app.boot();
    const outer = express().use(app.container.make(HttpServer).handler).listen(0);
    const { port } = outer.address() as { port: number };

    expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('ok');
    outer.close();
    await app.shutdown();
});
