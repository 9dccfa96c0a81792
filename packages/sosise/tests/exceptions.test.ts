import { request as httpRequest } from 'node:http';
import { type Request, type Response, Router } from 'express';
import {
    type ApplicationKernel,
    BadRequestException,
    type Envelope,
    Exception,
    ExceptionHandler,
    ForbiddenException,
    NotFoundException,
    PayloadTooLargeException,
    ServiceUnavailableException,
    UnauthorizedException,
    UnsupportedMediaTypeException,
    ValidationException,
} from 'sosise';
import { afterEach, describe, expect, test } from 'vitest';
import { type HttpApp, type HttpAppOptions, httpApp } from './httpApp.js';

let running: HttpApp[] = [];

afterEach(async () => {
    await Promise.all(running.map(({ close }) => close()));
    running = [];
});

const GENERIC = 'Something went wrong on our side. Please try again later.';

/** An application whose only route throws (or rejects with) a value. */
async function throwing(thrown: unknown, options: HttpAppOptions = {}): Promise<HttpApp> {
    const app = await httpApp({
        routes: (router) => {
            router.get('/', async () => {
                throw thrown;
            });
            router.get('/sync', () => {
                throw thrown;
            });
        },
        ...options,
    });
    running.push(app);
    return app;
}

async function answerTo(thrown: unknown, options: HttpAppOptions = {}) {
    const { url, log } = await throwing(thrown, options);
    const response = await fetch(url);
    return { status: response.status, headers: response.headers, body: (await response.json()) as Envelope, log };
}

test('an exception is answered with its status, code, message and data', async () => {
    const { status, body } = await answerTo(
        new Exception('The card was declined.', { status: 402, code: 4711, data: { retry: false } }),
    );

    expect(status).toBe(402);
    expect(body).toEqual({ code: 4711, message: 'The card was declined.', data: { retry: false } });
});

test('the code of an exception is its status unless given, and its name that of its class', () => {
    class CardDeclined extends Exception {}

    expect(new CardDeclined('declined', { status: 402 })).toMatchObject({
        name: 'CardDeclined',
        code: 402,
        data: null,
    });
    expect(new CardDeclined('declined')).toMatchObject({ status: 500, code: 500, expose: false });
    expect(new Exception('x', { cause: 'y' }).cause).toBe('y');
    expect('cause' in new Exception('x')).toBe(false);
});

test.each([
    [new BadRequestException(), 400],
    [new UnauthorizedException(), 401],
    [new ForbiddenException(), 403],
    [new NotFoundException(), 404],
    [new PayloadTooLargeException(), 413],
    [new UnsupportedMediaTypeException(), 415],
    [new ServiceUnavailableException(), 503],
])('%s is answered with %i and its message', async (exception, expected) => {
    const { status, body } = await answerTo(exception, { environment: 'production' });

    expect(status).toBe(expected);
    expect(body).toEqual({ code: expected, message: exception.message, data: null });
});

test('ServiceUnavailableException says when to come again', async () => {
    const { headers } = await answerTo(new ServiceUnavailableException('Back soon.', { retryAfterSeconds: 29.5 }));

    expect(headers.get('Retry-After')).toBe('30');
});

test.each([
    ['status', { status: 409 }, 409, 'Conflict'],
    ['statusCode', { statusCode: 410 }, 410, 'Gone'],
    ["formidable's httpCode", { httpCode: 413 }, 413, 'Payload Too Large'],
    ["Boom's output", { isBoom: true, output: { statusCode: 404 } }, 404, 'Not Found'],
    ['expose: false', { status: 409, expose: false }, 409, 'Conflict'],
    ['expose: true', { status: 409, expose: true }, 409, 'boom'],
    ['expose: true from 500 on', { status: 507, expose: true }, 507, 'boom'],
    ['expose that is no boolean', { status: 409, expose: 'yes' }, 409, 'Conflict'],
    ['a status that is no error', { status: 200 }, 500, GENERIC],
    ['a status that is no number', { status: '404' }, 500, GENERIC],
    ['a status that is no integer', { status: 404.5 }, 500, GENERIC],
    ['a status out of range', { status: 999 }, 500, GENERIC],
    ['no status', {}, 500, GENERIC],
])('foreign errors: %s', async (_title, properties, expected, message) => {
    const { status, body } = await answerTo(Object.assign(new Error('boom'), properties), {
        environment: 'production',
    });

    expect(status).toBe(expected);
    expect(body.code).toBe(expected);
    expect(body.message).toBe(message);
});

test('headers of foreign errors are sent where these expose themselves', async () => {
    const error = () =>
        Object.assign(new Error('no'), { status: 401, headers: { 'WWW-Authenticate': 'Basic', bad: 1 } });
    const exposed = Object.assign(error(), { expose: true });

    expect((await answerTo(exposed)).headers.get('WWW-Authenticate')).toBe('Basic');
    expect((await answerTo(error())).headers.get('WWW-Authenticate')).toBeNull();
});

test('in development the message of every error is shown', async () => {
    const error = Object.assign(new Error('boom'), { status: 409 });
    const { status, body } = await answerTo(error, { environment: 'development' });

    expect([status, body.code, body.message]).toEqual([409, 409, 'boom']);
    expect(body.data).toMatchObject({ error: { message: 'boom' } });
});

describe.each(['production', 'staging', 'test'])('in %s', (environment) => {
    test('an unexpected error shows nothing of itself but the id to ask for', async () => {
        const { status, body, headers, log } = await answerTo(new Error('secret: 4711'), { environment });

        expect(status).toBe(500);
        expect(body).toEqual({ code: 500, message: GENERIC, data: { requestId: headers.get('X-Request-Id') } });
        const line = log.lines.find(({ level }) => level === 'error');
        expect(line).toMatchObject({ message: 'secret: 4711', context: { method: 'GET', route: '/' } });
        expect(line?.context['requestId']).toBe(headers.get('X-Request-Id'));
        expect(line?.context['error']).toBeInstanceOf(Error);
    });
});

test('the log names the route of a group with its prefix, as the code writes it', async () => {
    const fail = () => {
        throw new Error('boom');
    };
    const user = Router({ mergeParams: true }).get('/', fail).get('/orders', fail);
    const routes: HttpAppOptions['routes'] = (router) => {
        router.use('/users/:secret', user);
    };
    const { url, log } = await throwing(undefined, { routes });

    await fetch(`${url}/users/4711`);
    await fetch(`${url}/users/4711/orders`);

    const logged = log.lines.map(({ context }) => context['route']);
    expect(logged).toEqual(['/users/:secret', '/users/:secret/orders']);
});

test('in development an unexpected error shows message, stack and causes', async () => {
    const error = new Error('outer', { cause: new TypeError('inner', { cause: 'a string' }) });
    const { body } = await answerTo(error, { environment: 'development' });

    expect(body).toMatchObject({
        code: 500,
        message: 'outer',
        data: {
            requestId: expect.any(String),
            error: {
                name: 'Error',
                message: 'outer',
                stack: expect.arrayContaining([expect.stringContaining('exceptions.test.ts')]),
                cause: {
                    name: 'TypeError',
                    message: 'inner',
                    cause: expect.stringContaining('a string'),
                },
            },
        },
    });
});

test('server errors are logged as errors, mistakes of clients at debug level', async () => {
    const { log } = await answerTo(new NotFoundException('gone'));
    expect(log.lines).toMatchObject([{ level: 'debug', message: 'gone' }]);

    const { log: other } = await answerTo(new ServiceUnavailableException('down', { cause: new Error('disk') }));
    expect(other.lines).toMatchObject([{ level: 'error', message: 'down' }]);

    const { log: refused } = await answerTo(new ValidationException({ email: ['No.'] }));
    expect(refused.lines, 'the access log tells of a refused form').toEqual([]);
});

const hostile = new Proxy(
    {},
    {
        get() {
            throw new Error('no');
        },
        ownKeys() {
            throw new Error('no');
        },
    },
);

test.each([
    ['a string', 'just text', 500],
    ['null', null, 500],
    ['undefined', undefined, 500],
    ['an empty string', '', 500],
    ['zero', 0, 500],
    ['a symbol', Symbol('x'), 500],
    ['a bigint', 10n, 500],
    ['a function', () => 'x', 500],
    ['an object', { password: 'hunter2' }, 500],
    ['an object with a status', { status: 404, message: 'not here' }, 404],
    ['an object with a status and no message', { status: 404, password: 'hunter2' }, 404],
    ['a frozen error', Object.freeze(new Error('frozen')), 500],
    ['a frozen object', Object.freeze({ status: 409, message: 'x' }), 409],
    ['an object without prototype', Object.create(null), 500],
    ['a proxy that throws', hostile, 500],
])('%s can be thrown', async (_title, thrown, expected) => {
    const { status, body, log } = await answerTo(thrown, { environment: 'production' });

    expect(status).toBe(expected);
    expect(body.code).toBe(expected);
    expect(JSON.stringify([body, log.lines.map(({ message }) => message)])).not.toContain('hunter2');
});

test('what a route had set for its answer does not stay on the error', async () => {
    const app = await throwing(null, {
        routes: (router) =>
            router.get('/', (_request, response) => {
                response.status(201).set({
                    'Cache-Control': 'public, max-age=600',
                    'Content-Type': 'text/csv',
                    'Content-Length': '3',
                    'Content-Encoding': 'gzip',
                    'X-Mine': 'kept',
                });
                response.statusMessage = 'Fine';
                throw new Error('late');
            }),
    });
    const response = await fetch(app.url);

    expect([response.status, response.statusText]).toEqual([500, 'Internal Server Error']);
    expect(response.headers.get('Cache-Control')).toBeNull();
    expect(response.headers.get('Content-Type')).toBe('application/json; charset=utf-8');
    expect(response.headers.get('X-Mine')).toBe('kept');
    expect(((await response.json()) as Envelope).message).toBe(GENERIC);
});

test('an error after the headers cuts the answer off, so that it does not look complete', async () => {
    const app = await throwing(null, {
        routes: (router) =>
            router.get('/', (_request, response) => {
                response.write('half an ans');
                throw new Error('late');
            }),
    });
    const failure = await fetch(app.url).then(
        (response) => response.text().catch((error: Error) => error),
        (error: Error) => error,
    );

    expect(failure).toBeInstanceOf(Error);
    expect(app.log.lines).toMatchObject([{ level: 'error', message: 'late' }]);
});

test('an error after a complete answer leaves the connection alone', async () => {
    const app = await throwing(null, {
        routes: (router) =>
            router.get('/', async (_request, response) => {
                response.json({ ok: true });
                throw new Error('late');
            }),
    });

    expect(await (await fetch(app.url)).json()).toEqual({ ok: true });
    expect(await app.log.line(/late/)).toMatchObject({ level: 'error' });
});

test('HEAD gets the status without a body', async () => {
    const { port } = await throwing(new NotFoundException());
    const [status, body] = await new Promise<[number | undefined, string]>((resolve, reject) => {
        httpRequest({ port, method: 'HEAD' }, (response) => {
            let text = '';
            response.on('data', (chunk) => {
                text += chunk;
            });
            response.on('end', () => resolve([response.statusCode, text]));
        })
            .on('error', reject)
            .end();
    });

    expect([status, body]).toEqual([404, '']);
});

test('report and render can be replaced, one without the other', async () => {
    const reported: string[] = [];
    class Handler extends ExceptionHandler {
        public override report(error: Error, request: Request): void {
            reported.push(`${request.method} ${error.message}`);
        }

        public override async render(error: Error, request: Request, response: Response): Promise<void> {
            if (request.accepts('html')) {
                response.status(500).send('<h1>Oh no</h1>');
                return;
            }
            await super.render(error, request, response);
        }
    }
    const { url } = await throwing(new Error('boom'), { Handler });

    expect(await (await fetch(url, { headers: { Accept: 'text/html' } })).text()).toBe('<h1>Oh no</h1>');
    expect(((await (await fetch(url, { headers: { Accept: 'application/json' } })).json()) as Envelope).message).toBe(
        GENERIC,
    );
    expect(reported).toEqual(['GET boom', 'GET boom']);
});

test.each(['sync', 'async'])('a report that fails itself (%s) does not break the answer', async (kind) => {
    class Handler extends ExceptionHandler {
        public override report(): void | Promise<void> {
            const failure = new Error('tracker down');
            if (kind === 'sync') {
                throw failure;
            }
            return Promise.reject(failure);
        }
    }
    const { status, log } = await answerTo(new ForbiddenException(), { Handler });

    expect(status).toBe(403);
    expect(log.lines).toMatchObject([{ level: 'error', message: "The exception handler's report() failed itself." }]);
});

test.each(['sync', 'async'])('a render that fails itself (%s) falls back to the plain envelope', async (kind) => {
    class Handler extends ExceptionHandler {
        public override render(_error: Error, _request: Request, response: Response): void | Promise<void> {
            response.status(200).set('Content-Length', '1');
            const failure = new Error('template missing');
            if (kind === 'sync') {
                throw failure;
            }
            return Promise.reject(failure);
        }
    }
    const { status, headers, body } = await answerTo(new ForbiddenException(), { Handler });

    expect(status).toBe(500);
    expect(body).toEqual({ code: 500, message: GENERIC, data: { requestId: headers.get('X-Request-Id') } });
});

test('data that JSON can not hold falls back to the plain envelope', async () => {
    const { status, body } = await answerTo(new Exception('big', { status: 400, data: { n: 1n } }));

    expect(status).toBe(500);
    expect(body.message).toBe(GENERIC);
});

test('a handler that can not be made at all stops start-up, not a request', async () => {
    class Handler extends ExceptionHandler {
        public constructor(app: ApplicationKernel) {
            super(app);
            throw new Error('no tracker key');
        }
    }

    await expect(httpApp({ Handler })).rejects.toThrow('no tracker key');
});
