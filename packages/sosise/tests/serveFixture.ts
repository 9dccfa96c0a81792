import { spawn } from 'node:child_process';
import { get } from 'node:http';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import type Stream from 'node:stream';
import { createGzip } from 'node:zlib';
import { serve } from 'sosise';
import { httpKernel, type MemoryLogger } from './httpApp.js';

// A process of its own for server.full.test.ts: `argv` says how it behaves.
const [, , mode = 'slow'] = process.argv;
/** Many streams from npm are made with this package. */
const { PassThrough } = createRequire(import.meta.url)('readable-stream') as typeof Stream;

function print(log: MemoryLogger): void {
    for (const level of ['info', 'warning', 'error', 'critical'] as const) {
        log[level] = (message, context) => {
            const { error } = context ?? {};
            process.stdout.write(`${level}: ${message}${error instanceof Error ? ` [${error.message}]` : ''}\n`);
        };
    }
}

async function createApplication() {
    if (mode === 'unexpected') {
        throw new TypeError('a mistake');
    }
    const { app, log } = httpKernel({
        environment: 'staging',
        http: {
            port: mode === 'wrong-config' ? -1 : 0,
            host: '127.0.0.1',
            answerTimeoutMs: 1_500,
            shutdownTimeoutMs: mode === 'stuck' ? 60_000 : 5_000,
        },
        routes: (router) => {
            router.get('/slow', (_request, response) => {
                process.stdout.write('slow began\n');
                setTimeout(() => response.json('done'), 150);
            });
            router.get('/stuck', (_request, response) => void response.write('begun'));
            router.get('/dropped', () => {
                void Promise.reject(new Error('dropped'));
            });
            router.get('/unheard/process', (_request, response) => void spawn('/nowhere').stdout.pipe(response));
            router.get('/unheard/package', (_request, response) => {
                const stream = new PassThrough();
                stream.pipe(createGzip()).pipe(response);
                setImmediate(() => stream.destroy(new Error('of a package')));
            });
            router.get('/unheard/upstream', (_request, response) => {
                const upstream = createServer((socket) => socket.end()).listen(0, () => {
                    get({ port: (upstream.address() as AddressInfo).port }, (answer) => answer.pipe(response));
                });
                upstream.unref();
            });
            router.get('/uncaught', (_request, response) => {
                setTimeout(() => {
                    response.json('answered');
                    throw new Error('uncaught');
                });
            });
        },
    });
    print(log);
    return app;
}

await serve(createApplication);
