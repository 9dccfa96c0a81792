import express, { type NextFunction, type Request, type Response } from 'express';
import { ConfigError, HttpPipeline, HttpServer, ServiceProvider } from 'sosise';
import { afterEach, expect, test } from 'vitest';
import { type HttpApp, type HttpAppOptions, httpApp, httpKernel } from './httpApp.js';

let running: HttpApp[] = [];

afterEach(async () => {
    await Promise.all(running.map(({ close }) => close()));
    running = [];
});

async function start(options: HttpAppOptions): Promise<HttpApp> {
    const app = await httpApp(options);
    running.push(app);
    return app;
}

function pass(_request: Request, _response: Response, next: NextFunction): void {
    next();
}

function problem(action: () => unknown): unknown {
    try {
        action();
    } catch (error) {
        expect(error).toBeInstanceOf(ConfigError);
        return (error as Error).message;
    }
    return undefined;
}

const ORDER = [
    'requestId',
    'accessLog',
    'securityHeaders',
    'cors',
    'health',
    'static',
    'parsers',
    'session',
    'middlewares',
    'routes',
    'notFound',
    'errors',
];

test('the stages stand in one order', () => {
    expect(new HttpPipeline().names()).toEqual(ORDER);
});

test('handlers run in the order of their stages, whatever the order of the calls', async () => {
    const seen: string[] = [];
    const note = (name: string) => (_request: Request, _response: Response, next: NextFunction) => {
        seen.push(name);
        next();
    };
    const { url } = await start({
        routes: (router) => router.get('/', (_request, response) => void response.send('ok')),
        pipeline: (pipeline) => {
            pipeline.after('session', note('after session 1'), 'tenant');
            pipeline.after('session', note('after session 2'));
            pipeline.before('tenant', note('before tenant'));
            pipeline.use('session', note('session'));
            pipeline.before('session', note('before session 1')).before('session', note('before session 2'));
            pipeline.use('middlewares', note('middlewares'));
            pipeline.before('requestId', note('first'));
        },
    });
    await fetch(url);

    expect(seen).toEqual([
        'first',
        'before session 1',
        'before session 2',
        'session',
        'before tenant',
        'after session 1',
        'after session 2',
        'middlewares',
    ]);
});

test('a named handler becomes a stage', () => {
    const pipeline = new HttpPipeline().before('session', pass, 'webhook').after('webhook', pass, 'audit');

    expect(pipeline.names()).toEqual([...ORDER.slice(0, 7), 'webhook', 'audit', ...ORDER.slice(7)]);
});

test('an unknown stage is refused with the nearest name', () => {
    expect(problem(() => new HttpPipeline().before('sesion', pass))).toBe(
        `The HTTP pipeline has no stage [sesion]. Did you mean [session]? Known: ${ORDER.join(', ')}.`,
    );
    expect(problem(() => new HttpPipeline().after('kitchen', pass))).toBe(
        `The HTTP pipeline has no stage [kitchen]. Known: ${ORDER.join(', ')}.`,
    );
});

test('a stage name is given once', () => {
    expect(problem(() => new HttpPipeline().before('session', pass, 'routes'))).toBe(
        'The HTTP pipeline has a stage [routes] already: choose another name.',
    );
    const pipeline = new HttpPipeline().before('session', pass, 'webhook');
    expect(problem(() => pipeline.after('routes', pass, 'webhook'))).toBe(
        'The HTTP pipeline has a stage [webhook] already: choose another name.',
    );
});

test('nothing can be put behind the error handler', () => {
    expect(problem(() => new HttpPipeline().after('errors', pass))).toBe(
        "Nothing is reached after the pipeline's stage [errors]: use before('errors', …).",
    );
});

test('a pipeline in use can not be changed', async () => {
    const { app } = await start({});

    expect(problem(() => app.container.make(HttpPipeline).use('session', pass))).toBe(
        "The HTTP pipeline is in use already: change [session] in a provider's boot().",
    );
});

test('the pipeline is composed once', async () => {
    const { app } = httpKernel();
    await app.boot();
    const server = app.container.make(HttpServer);
    expect(server.handler).toBe(server.handler);
    await app.shutdown();
});

test.each(['boot', 'ready'] as const)(
    'a provider that composes it in %s() is told, and not one that adds to it later',
    async (when) => {
        class EarlyServiceProvider extends ServiceProvider {
            public override boot(): void {
                this.compose('boot');
            }
            public override ready(): void {
                this.compose('ready');
            }
            private compose(now: string): void {
                if (now === when) {
                    this.app.container.make(HttpPipeline).compose();
                }
            }
        }
        const { app } = httpKernel({ providers: [EarlyServiceProvider] });

        await expect(app.boot()).rejects.toThrow('The HTTP pipeline is not complete yet: await app.boot() first.');
    },
);

test("an error handler in the stage 'errors' is asked before the application's", async () => {
    const seen: unknown[] = [];
    const { url } = await start({
        routes: (router) =>
            router.get('/', () => {
                throw Object.assign(new Error('teapot'), { status: 418 });
            }),
        pipeline: (pipeline) =>
            pipeline.use('errors', (error: Error, _request: Request, _response: Response, next: NextFunction) => {
                seen.push(error.message);
                next(error);
            }),
    });
    const response = await fetch(url);

    expect(response.status).toBe(418);
    expect(seen).toEqual(['teapot']);
});

test('a webhook reads its raw body before the parsers, and they leave it alone; other routes get theirs parsed', async () => {
    const webhook = express.Router().use('/webhook', express.raw({ type: '*/*' }));
    const { url } = await start({
        routes: (router) =>
            router.post('/{*path}', (request, response) => {
                const raw = Buffer.isBuffer(request.body);
                response.json({ raw, body: raw ? request.body.toString() : request.body });
            }),
        pipeline: (pipeline) => pipeline.before('parsers', webhook, 'webhook'),
    });
    const post = async (path: string) => {
        const headers = { 'Content-Type': 'application/json' };
        return (await fetch(url + path, { method: 'POST', headers, body: '{ "a":  1 }' })).json();
    };

    expect(await post('/webhook')).toEqual({ raw: true, body: '{ "a":  1 }' });
    expect(await post('/other')).toEqual({ raw: false, body: { a: 1 } });
});

test("before('session') sees the parsed body", async () => {
    let body: unknown;
    const { url } = await start({
        routes: (router) => router.post('/', (_request, response) => void response.send('ok')),
        pipeline: (pipeline) =>
            pipeline.before('session', (request, _response, next) => {
                body = request.body;
                next();
            }),
    });
    await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"a":1}' });

    expect(body).toEqual({ a: 1 });
});

test('what a handler throws, rejects with or passes on reaches the error handlers, as in a router', async () => {
    const paths = ['/throw', '/reject', '/next', '/send-file', '/next-router', '/twice'];
    const { url, log } = await start({
        routes: (router) => {
            router.get('/throw', () => {
                throw new Error('thrown');
            });
            router.get('/reject', () => Promise.reject(new Error('rejected')));
            router.get('/next', (_request, _response, next) => next(new Error('passed on')));
            router.get('/send-file', (_request, response) => response.sendFile('/no/such/file'));
            router.get('/next-router', (_request, _response, next) => next('router'));
        },
        pipeline: (pipeline) => {
            pipeline.before('routes', async (request, _response, next) => {
                if (request.path === '/twice') {
                    throw new Error('in the pipeline itself');
                }
                next();
            });
        },
    });
    const statuses = await Promise.all(paths.map(async (path) => (await fetch(url + path)).status));
    expect(statuses).toEqual([500, 500, 500, 404, 404, 500]);
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(4);
});

test("a handler leaves a composed application by next('router'), as it leaves a router", async () => {
    const pipeline = new HttpPipeline().use('middlewares', (_request, _response, next) => next('router'));
    const server = pipeline.compose().listen(0);
    const { status } = await fetch(`http://127.0.0.1:${(server.address() as { port: number }).port}`);
    server.close();
    expect(status).toBe(404);
});

test('an Express application can be a stage, and is mounted', async () => {
    const inner = express();
    inner.get('/inner', (request, response) => void response.json([request.app === inner, request.baseUrl]));
    let mounted = 0;
    inner.on('mount', () => {
        mounted += 1;
    });
    const { url } = await start({ pipeline: (pipeline) => void pipeline.before('routes', inner) });
    expect(await (await fetch(`${url}/inner`)).json()).toEqual([true, '']);
    expect((await fetch(`${url}/elsewhere`)).status).toBe(404);
    expect(mounted).toBe(1);
});

test('answers have the ETag that Express gives them, and leave whole whatever they are', async () => {
    const bodies = ['', 'ok', 'ü€😀', 'x'.repeat(20_000), JSON.stringify({ a: ['ü', 1] })];
    const stock = express();
    const send = (request: Request, response: Response) => {
        const body = bodies[Number(request.query['n'])] as string;
        response.send(request.query['as'] === 'buffer' ? Buffer.from(body) : body);
    };
    stock.get('/', send);
    const server = stock.listen(0);
    const { url } = await start({ routes: (router) => router.get('/', send) });
    const theirs = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    for (const n of bodies.keys()) {
        for (const as of ['text', 'buffer']) {
            const [our, their] = await Promise.all([url, theirs].map((base) => fetch(`${base}/?n=${n}&as=${as}`)));
            expect(our?.headers.get('etag')).toBe(their?.headers.get('etag'));
            expect(our?.headers.get('content-length')).toBe(their?.headers.get('content-length'));
            expect(await our?.text()).toBe(bodies[n]);
        }
    }
    server.close();
});
