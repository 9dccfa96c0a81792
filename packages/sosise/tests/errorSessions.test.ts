import { createReadStream } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import { PassThrough } from 'node:stream';
import { json } from 'node:stream/consumers';
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { authenticatedUser, ExceptionHandler, flash, HttpPipeline, HttpServer, login, SessionManager } from 'sosise';
import { describe, expect, test } from 'vitest';
import { type SessionAppOptions, sessionApp } from './helpers/sessionApp.js';
import { haltFirst, type Interference, interferedDriver } from './helpers/wrapDriver.js';

const lusca = createRequire(import.meta.url)('lusca') as { csrf(): RequestHandler };

/** Answers errors with what it knows of the visitor. */
class GreetingHandler extends ExceptionHandler {
    public override render(error: Error, request: Request, response: Response): void {
        const { status } = error as { status?: number };
        const errors = Number(request.session['errors'] ?? 0) + 1;
        request.session['errors'] = errors;
        response.status(status ?? 500).json({ user: authenticatedUser(request) ?? null, errors });
    }
}

class FlashingHandler extends ExceptionHandler {
    public override render(error: Error, request: Request, response: Response): void {
        try {
            flash(request, 'notice' as never, 'something went wrong' as never);
            response.status(400).json('flashed');
        } catch (failure) {
            response.status(400).json((failure as Error).message);
        }
    }
}

const started = (Handler: typeof ExceptionHandler, options: SessionAppOptions = {}) =>
    sessionApp({
        ...options,
        http: { bodyLimit: '1kb', ...options.http },
        boot: (app) => {
            app.container.singleton(ExceptionHandler, () => new Handler(app));
            options.boot?.(app);
        },
        routes: (router) => {
            router.post('/login', async (request, response) => {
                await login(request, 7);
                response.json('in');
            });
            router.get('/errors', (request, response) => response.json(request.session['errors'] ?? 0));
        },
    });

const broken = (body: string, headers: Record<string, string> = {}) => ({
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
});

describe.each(['file', 'memory'])('who answers an error that came before the session stage, %s', (driver) => {
    test('has the visitor’s session, and may change it', async () => {
        const app = await started(GreetingHandler, { session: { driver } });
        const browser = app.browser();
        await browser.visit('/login', { method: 'POST' });
        const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ');
        for (const [status, body] of [
            [400, '{"a":'],
            [413, JSON.stringify('x'.repeat(2_000))],
        ] as const) {
            const answer = await fetch(`${app.url}/login`, broken(body, { cookie }));
            expect([answer.status, await answer.json()]).toMatchObject([status, { user: '7' }]);
        }
        expect(await browser.json('/errors')).toBe(2);
    });

    test.each<[string, number]>([
        ['/hangs', 503],
        ['/broken', 500],
        ['/live', 500],
    ])('has it also past the stages: %s', async (path, status) => {
        const app = await started(GreetingHandler, {
            session: { driver },
            http: { answerTimeoutMs: 400 }, // the login has to be answered by then, on a busy machine too
            boot: ({ container }) => {
                container.make(HttpPipeline).before('requestId', (request, response, next) => {
                    if (request.path === '/broken') {
                        createReadStream('/nowhere').pipe(response);
                    } else if (request.path !== '/hangs') {
                        next();
                    }
                });
                container.make(HttpServer).onUpgrade('/live', () => {
                    throw new Error('no socket today');
                });
            },
        });
        const browser = app.browser();
        await browser.visit('/login', { method: 'POST' });
        const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ');
        const upgrade = path === '/live' ? { connection: 'upgrade', upgrade: 'websocket' } : {};
        const answer = await new Promise<IncomingMessage>((resolve, reject) => {
            get(app.url + path, { headers: { cookie, ...upgrade } }, resolve).once('error', reject);
        });
        expect([answer.statusCode, await json(answer)]).toMatchObject([status, { user: '7', errors: 1 }]);
        expect(await browser.json('/errors')).toBe(1);
    });

    test('gives a visitor without one a new one', async () => {
        const app = await started(GreetingHandler, { session: { driver } });
        const answer = await fetch(`${app.url}/login`, broken('{"a":'));
        expect([answer.status, await answer.json()]).toEqual([400, { user: null, errors: 1 }]);
        expect(answer.headers.getSetCookie()).toHaveLength(1);
    });
});

test('who hears of a stream that broke before the session stage, once its answer had begun, has the visitor’s session', async () => {
    const heard: unknown[] = [];
    class Reporter extends ExceptionHandler {
        public override report(error: Error, request: Request): void {
            heard.push([error.message, authenticatedUser(request)]);
        }
    }
    const app = await started(Reporter, {
        boot: ({ container }) => {
            container.make(HttpPipeline).before('requestId', (request, response, next) => {
                if (request.path !== '/broken') {
                    next();
                    return;
                }
                const stream = new PassThrough();
                stream.pipe(response);
                response.write('begun', () => stream.destroy(new Error('broken')));
            });
        },
    });
    const browser = app.browser();
    await browser.visit('/login', { method: 'POST' });
    const cut = browser.visit('/broken').then((answer) => answer.text());
    await expect(cut).rejects.toThrow();
    await expect.poll(() => heard).toEqual([['broken', '7']]);
});

test.each([['one cookie'], ['two cookies']])(
    'a response timeout does not wait for a store that hangs, nor ask it again: %s',
    async (cookies) => {
        const trouble: Interference = {};
        const app = await started(GreetingHandler, {
            session: { driver: 'watched', storeTimeoutMs: 60_000 },
            http: { answerTimeoutMs: 400 }, // the login has to be answered by then, on a busy machine too
            boot: ({ container }) =>
                void container.make(SessionManager).extend('watched', () => interferedDriver(trouble)),
        });
        const browser = app.browser();
        const other = app.browser();
        for (const visitor of [browser, other]) {
            await visitor.visit('/login', { method: 'POST' });
        }
        const sent = cookies === 'one cookie' ? [browser] : [browser, other];
        const cookie = sent.map(({ cookies: [...pairs] }) => pairs.flat().join('=')).join('; ');
        const hanging = haltFirst();
        let reads = 0;
        trouble.read = (id) => {
            reads += 1;
            return hanging.pass(id);
        };
        const answer = await fetch(`${app.url}/errors`, { headers: { cookie } });
        expect([answer.status, reads, answer.headers.getSetCookie()]).toEqual([503, 1, []]);
        hanging.release();
        expect(await browser.json('/errors')).toBe(0);
    },
);

test.each<[string, (pipeline: HttpPipeline, handler: ErrorRequestHandler) => unknown]>([
    ['after the session stage', (pipeline, handler) => pipeline.after('session', handler)],
    ['among the middlewares', (pipeline, handler) => pipeline.use('middlewares', handler)],
    ['behind the routes', (pipeline, handler) => pipeline.use('routes', handler)],
    ['before the last stage', (pipeline, handler) => pipeline.before('errors', handler)],
])('a middleware for errors %s has the visitor’s session', async (_where, add) => {
    const handler: ErrorRequestHandler = (_error, request, response, _next) => {
        flash(request, 'status', 'that was no JSON');
        response.status(400).json(Object.keys(request.session).length);
    };
    const app = await sessionApp({ boot: (kernel) => add(kernel.container.make(HttpPipeline), handler) });
    const answer = await fetch(app.url, broken('{"a":'));
    expect([answer.status, await answer.json()]).toEqual([400, 2]);
    expect(answer.headers.getSetCookie()).toHaveLength(1);
});

describe('where there is no session for who answers an error, it is said why', () => {
    test.each<[string, SessionAppOptions, string, Record<string, string>, string]>([
        ['sessions are off', { session: { enabled: false } }, '/login', {}, 'set enabled to true'],
        [
            'outside of the path',
            { session: { cookie: { path: '/shop' } } },
            '/login',
            {},
            'outside of cookie.path (/shop)',
        ],
    ])('%s', async (_why, options, path, headers, reason) => {
        const app = await started(FlashingHandler, options);
        const answer = await fetch(`${app.url}${path}`, broken('{"a":', headers));
        expect([answer.status, await answer.json()]).toEqual([400, expect.stringContaining(reason)]);
    });

    test('another site has caused the request', async () => {
        const app = await started(FlashingHandler);
        const browser = app.browser();
        await browser.visit('/login', { method: 'POST' });
        const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ');
        const evil = { cookie, 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' };
        for (const body of ['{"a":', '{}']) {
            const answer = await fetch(`${app.url}/login`, broken(body, evil));
            expect([answer.status, await answer.json()]).toEqual([400, expect.stringContaining('another site')]);
        }
    });
});

test('the status that an answer has counts for an error that has none: lusca refuses with a 403', async () => {
    const app = await sessionApp({
        routes: (router) => {
            router.use('/lusca', lusca.csrf());
            router.post('/lusca', (_request, response) => response.json('passed'));
            router.get('/text', (_request, response) => {
                response.status(404);
                throw 'gone';
            });
            router.get('/fault', () => {
                throw new TypeError('a fault');
            });
        },
    });
    const refused = await app.browser().visit('/lusca', { method: 'POST' });
    expect([refused.status, await refused.json()]).toMatchObject([403, { code: 403, message: 'Forbidden' }]);
    expect((await app.browser().visit('/text')).status).toBe(404);
    expect((await app.browser().visit('/fault')).status).toBe(500);
});
