import express, { type NextFunction, type Request, type Response } from 'express';
import { afterEach, expect, test } from 'vitest';
import { ConfigError, HttpPipeline, HttpServer } from '../../src/framework/index.js';
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

test('the pipeline is composed once, and not before the application has booted', async () => {
    const { app } = httpKernel();
    expect(problem(() => new HttpServer(app).handler)).toBe(
        'The HTTP pipeline is not complete yet: await app.boot() first.',
    );

    await app.boot();
    const server = app.container.make(HttpServer);
    expect(server.handler).toBe(server.handler);
    await app.shutdown();
});

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
