import { createReadStream } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Request, Response } from 'express';
import session from 'express-session';
import { expect, test } from 'vitest';
import { ExceptionHandler, HttpPipeline, SessionManager } from '../../src/framework/index.js';
import { type LogLine, type SessionApp, sessionApp } from '../helpers/sessionApp.js';

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
    const status = name === 'a file that is not there' ? 500 : 200;
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

test('a client that goes away while its request is piped back to it is no error of the route', async () => {
    const app = await sessionApp({
        routes: (router) => router.post('/echo', (request, response) => void request.pipe(response)),
    });
    const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('POST /echo HTTP/1.1\r\nHost: test\r\nContent-Type: a/b\r\nContent-Length: 9\r\n\r\nabc');
    socket.once('data', () => socket.resetAndDestroy());
    await new Promise((resolve) => socket.once('close', resolve));
    await sleep(50);
    expect(errors(app)).toEqual([]);
});

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
