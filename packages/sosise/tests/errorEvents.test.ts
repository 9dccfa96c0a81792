import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGunzip, createGzip } from 'node:zlib';
import type { Request, Response } from 'express';
import session from 'express-session';
import { ExceptionHandler, HttpPipeline, HttpServer, SessionManager } from 'sosise';
import { expect, test } from 'vitest';
import { type LogLine, type SessionApp, sessionApp } from './helpers/sessionApp.js';

type Work = (request: Request, response: Response) => unknown;

const work: Record<string, Work> = {
    'write after end': (_request, response) => {
        response.end('one');
        response.write('two');
    },
    'end after end': (_request, response) => {
        response.end('one');
        response.end('two');
    },
    'a file that is not there': (_request, response) => createReadStream('/nowhere').pipe(response),
    'a file that is not there, compressed': (_request, response) =>
        createReadStream('/nowhere').pipe(createGzip()).pipe(response),
    'a file that is not there, through two streams': (_request, response) =>
        createReadStream('/nowhere').pipe(new PassThrough()).pipe(createGzip()).pipe(response),
    'a file that is not there, piped last': (_request, response) => {
        const gzip = createGzip();
        gzip.pipe(response);
        createReadStream('/nowhere').pipe(gzip);
    },
    'a file that is not compressed': (_request, response) =>
        createReadStream(import.meta.filename)
            .pipe(createGunzip())
            .pipe(new PassThrough())
            .pipe(response),
    'a file that failed before it was piped': (_request, response) => {
        const stream = new PassThrough();
        stream.destroy(new Error('early')).pipe(new PassThrough()).pipe(response);
    },
    'an error emitted on the request, once it is answered': (request, response) => {
        response.once('close', () => request.emit('error', new Error('by hand'))).end();
    },
};

const errors = ({ log }: SessionApp) =>
    log.filter(({ level }) => level === 'error').map(({ context }) => [context['route'], context['error']]);

/** Vitest fails where an error event is heard by nobody. */
test.each(Object.keys(work))('%s is logged with its route, wherever it is, and no more', async (name) => {
    const run = work[name] as Work;
    const app = await sessionApp({
        boot: (kernel) => {
            kernel.container.make(HttpPipeline).before('requestId', (request, response, next) => {
                if (request.path !== '/first') {
                    next();
                    return;
                }
                run(request, response);
            });
        },
        routes: (router) => {
            router.get('/plain', (request, response) => void run(request, response));
            router.get('/session', (request, response) => {
                request.session['key'] = 1;
                run(request, response);
            });
        },
    });
    const paths = ['/first', '/plain', '/session'];
    const status = name.startsWith('a file') ? 500 : 200;
    for (const path of paths) {
        expect((await fetch(app.url + path)).status).toBe(status);
    }
    await expect.poll(() => errors(app)).toEqual(paths.map((path) => [path, expect.any(Error)]));
});

test('what is written behind an answer that refuses is an error of the route, and not a refusal', async () => {
    class Handler extends ExceptionHandler {
        public override async report(error: Error, request: Request): Promise<void> {
            await new Promise((resolve) => request.res?.once('close', resolve));
            await super.report(error, request);
        }
    }
    const app = await sessionApp({
        boot: (kernel) => kernel.container.singleton(ExceptionHandler, () => new Handler(kernel)),
        routes: (router) => {
            router.get('/late', (_request, response) => {
                response.status(404).end('one');
                response.write('two');
            });
            router.get('/lusca', (_request, response, next) => {
                response.statusCode = 403;
                next(new Error('refused'));
            });
        },
    });
    for (const [path, status] of [
        ['/late', 404],
        ['/lusca', 403],
    ] as const) {
        expect((await fetch(app.url + path)).status).toBe(status);
    }
    const refused = ({ level, message }: LogLine) => level === 'debug' && message === 'refused';
    await expect.poll(() => app.log.filter(refused)).toHaveLength(1);
    await expect.poll(() => errors(app)).toEqual([['/late', expect.any(Error)]]);
});

test.each<[string, Work]>([
    ['its answer', (_request, response) => response.destroy(new Error('enough'))],
    [
        'its answer, once it has begun',
        (_request, response) => response.write('a', () => response.destroy(new Error('enough'))),
    ],
    ['its connection', (request) => request.socket.destroy(new Error('enough'))],
    ['its request', (request) => request.destroy(new Error('enough'))],
    [
        'its answer, and throws the same',
        (_request, response) => {
            const error = new Error('enough');
            response.destroy(error);
            throw error;
        },
    ],
])('a route that destroys %s with an error is told of in the log, once', async (_what, run) => {
    const app = await sessionApp({
        routes: (router) => router.get('/destroy', (request, response) => void run(request, response)),
    });
    const gone = fetch(`${app.url}/destroy`).then((answer) => answer.text());
    await expect(gone).rejects.toThrow();
    await expect.poll(() => errors(app)).toEqual([['/destroy', new Error('enough')]]);
    await (await fetch(`${app.url}/nowhere`)).text();
    expect(errors(app)).toHaveLength(1);
});

test('a handler of upgrades that destroys its connection with an error is told of in the log; a client that goes away is not', async () => {
    const app = await sessionApp({
        boot: ({ container }) =>
            container.make(HttpServer).onUpgrade('/live', (_request, socket) => {
                socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n', () => socket.once('data', fail));
                const fail = () => socket.destroy(new Error('enough'));
            }),
    });
    const open = async () => {
        const client = connect(Number(new URL(app.url).port), '127.0.0.1').on('error', () => undefined);
        client.write('GET /live HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
        await once(client, 'data');
        return client;
    };
    (await open()).resetAndDestroy();
    const client = await open();
    client.write('x');
    await once(client, 'close');
    await expect.poll(() => errors(app)).toEqual([['/live', new Error('enough')]]);
});

test('the route that awaits a pipeline() hears of its errors itself', async () => {
    const app = await sessionApp({
        routes: (router) =>
            router.get('/pipeline', async (_request, response) => {
                await pipeline(createReadStream('/nowhere'), createGzip(), response);
            }),
    });
    await expect(fetch(`${app.url}/pipeline`)).rejects.toThrow();
    await expect.poll(() => errors(app)).toEqual([['/pipeline', expect.any(Error)]]);
});

test.each(['/echo', '/through'])(
    'a client that goes away while its request is piped back to it is no error of the route: %s',
    async (path) => {
        const app = await sessionApp({
            routes: (router) => {
                router.post('/echo', (request, response) => void request.pipe(response));
                router.post('/through', (request, response) => void request.pipe(new PassThrough()).pipe(response));
            },
        });
        const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
        socket.on('error', () => undefined);
        socket.write(`POST ${path} HTTP/1.1\r\nHost: test\r\nContent-Type: a/b\r\nContent-Length: 9\r\n\r\nabc`);
        socket.once('data', () => socket.resetAndDestroy());
        await new Promise((resolve) => socket.once('close', resolve));
        await sleep(50);
        expect(errors(app)).toEqual([]);
    },
);

test('what a store says as an error later is logged', async () => {
    const store = new session.MemoryStore();
    const app = await sessionApp({
        session: { driver: 'plain' },
        boot: (kernel) => kernel.container.make(SessionManager).extend('plain', () => store),
    });
    store.emit('error', new Error('the connection is lost'));
    expect(app.log.find(({ level }) => level === 'warning')).toMatchObject({
        message: 'Session driver [plain]: an error.',
        context: { error: { message: 'the connection is lost' } },
    });
});

test('a store that is opened again and again has one listener more while it is open, and never none', async () => {
    const store = new session.MemoryStore();
    const start = () =>
        sessionApp({
            session: { driver: 'plain' },
            boot: (kernel) => kernel.container.make(SessionManager).extend('plain', () => store),
        });
    const first = await start();
    await first.close();
    const second = await start();
    expect(store.listenerCount('error')).toBe(2);
    store.emit('error', new Error('lost'));
    const told = ({ log }: SessionApp) => log.filter(({ message }) => message.endsWith('an error.')).length;
    expect([told(first), told(second)]).toEqual([0, 1]);
    await second.close();
    expect(store.listenerCount('error')).toBe(1);
    store.emit('error', new Error('late'));
});
