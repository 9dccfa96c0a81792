import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { Agent, get, type IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { applicationOf, ConfigError, HttpServer } from 'sosise';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { env } from './helpers/inside/Config.js';
import { banner, ListenError } from './helpers/inside/Http.js';
import { temporaryFolder } from './helpers/sessionApp.js';
import { type HttpApp, type HttpAppOptions, httpApp, httpKernel, RawClient } from './httpApp.js';
import { copyStock, PROJECT } from './stock.js';

const cleanup: (() => unknown)[] = [];

afterEach(async () => {
    await Promise.all(cleanup.splice(0).map((undo) => undo()));
});

async function start(options: HttpAppOptions = {}): Promise<HttpApp> {
    const app = await httpApp(options);
    cleanup.push(app.close);
    return app;
}

function client(port: number): RawClient {
    const raw = new RawClient(port);
    cleanup.push(() => raw.destroy());
    return raw;
}

/** A port that something listens on. */
async function takenPort(): Promise<number> {
    const other = createServer().listen(0, '127.0.0.1');
    cleanup.push(() => other.close());
    await once(other, 'listening');
    return (other.address() as { port: number }).port;
}

describe('listening', () => {
    test('a port in use is one sentence, and another one can be tried', async () => {
        const port = await takenPort();
        const { app } = httpKernel();
        await app.boot();
        const server = app.container.make(HttpServer);
        cleanup.push(() => app.shutdown());

        const failure = await server.listen({ port, host: '127.0.0.1' }).catch((error: Error) => error);
        expect(failure).toBeInstanceOf(ConfigError);
        expect((failure as Error).message).toBe(
            `Port ${port} is in use: stop the other program or set LISTEN_PORT in .env (PORT, where that is set outside).`,
        );
        expect((await server.listen({ port: 0 })).port).toBeGreaterThan(0);
    });

    test('an address of another machine is refused with a sentence', async () => {
        const { app } = httpKernel({ http: { host: '203.0.113.1', port: 0 } });
        await app.boot();
        cleanup.push(() => app.shutdown());

        await expect(app.container.make(HttpServer).listen()).rejects.toThrow(
            '203.0.113.1 is not an address of this machine: correct host in src/config/http.ts (LISTEN_HOST).',
        );
    });

    test('a port for which rights are missing is named with the fix', () => {
        const cause = Object.assign(new Error('listen EACCES'), { code: 'EACCES' });

        expect(new ListenError(cause, 80, undefined)).toMatchObject({
            message:
                'Port 80 may not be opened by this user: set LISTEN_PORT in .env to one above 1023 (PORT, where that is set outside).',
            cause,
        });
    });

    test('a second listen gives the same address; after close there is none', async () => {
        const { server, port } = await start();
        expect(await server.listen()).toMatchObject({ port });

        await server.close();
        const { app } = httpKernel();
        await app.boot();
        await app.shutdown();
        await expect(app.container.make(HttpServer).listen({ port: 0 })).rejects.toThrow(/was closed/);
    });
});

describe('listening on a socket', () => {
    /** A request to a socket, as a proxy sends it. */
    function ask(socketPath: string): Promise<unknown> {
        return new Promise((resolve, reject) => {
            const headers = {
                'x-forwarded-proto': 'https',
                'x-forwarded-for': '203.0.113.9',
                host: 'shop.example.com',
            };
            get({ socketPath, path: '/', headers }, async (response) => {
                resolve(JSON.parse((await response.toArray()).join('')));
            }).once('error', reject);
        });
    }

    async function startOn(path: string) {
        const { app } = httpKernel({
            http: { port: path, trustProxy: 1 },
            routes: (router) => router.get('/', ({ secure, ip }, response) => response.json({ secure, ip })),
        });
        await app.boot();
        cleanup.push(() => app.shutdown());
        return { app, server: app.container.make(HttpServer) };
    }

    const folder = () => {
        const made = mkdtempSync(join(tmpdir(), 'socket-'));
        cleanup.push(() => rmSync(made, { recursive: true, force: true }));
        return made;
    };

    test('serves, believes the proxy in front, and takes the socket away at the end', async () => {
        const path = join(folder(), 'shop.sock');
        const { app, server } = await startOn(path);
        expect(await server.listen()).toEqual({ address: path, family: 'path', port: 0 });
        expect(await ask(path)).toEqual({ secure: true, ip: '203.0.113.9' });
        expect(banner(app, await server.listen())).toContain(`  Address      ${path}\n`);
        await server.close();
        expect(existsSync(path)).toBe(false);
    });

    test('takes the place of one that a killed process has left', async () => {
        const path = join(folder(), 'shop.sock');
        const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
        spawnSync(process.execPath, ['-e', script]);
        expect(existsSync(path)).toBe(true);
        const { server } = await startOn(path);
        await server.listen();
        expect(await ask(path)).toMatchObject({ secure: true });
    });

    test('what is in use, and what can not be made, are one sentence', async () => {
        const path = join(folder(), 'shop.sock');
        await (await startOn(path)).server.listen();
        const { server } = await startOn(path);
        await expect(server.listen()).rejects.toThrow(
            `${path} is in use: stop the other program, or set another path in LISTEN_PORT (PORT, where that is set outside).`,
        );
        await expect(server.listen({ port: '/nowhere/shop.sock' })).rejects.toThrow(
            "/nowhere/shop.sock can't be made (EACCES): its folder has to be there",
        );
        const file = join(folder(), 'file');
        writeFileSync(file, 'mine');
        await expect(server.listen({ port: file })).rejects.toThrow(`${file} is in use`);
        expect(readFileSync(file, 'utf8')).toBe('mine');
    });

    test.each<[string, number | string]>([
        ['8080', 8080],
        ['/run/shop.sock', '/run/shop.sock'],
        ['\\\\.\\pipe\\5f3a', '\\\\.\\pipe\\5f3a'],
    ])('PORT=%s is read', (text, port) => {
        vi.stubEnv('PORT', text);
        vi.stubEnv('LISTEN_PORT', undefined);
        expect(env.port(['LISTEN_PORT', 'PORT'], 10000)).toBe(port);
        vi.unstubAllEnvs();
    });

    test.each(['shop.sock', '80a', '-1'])('PORT=%s is refused with a sentence', (text) => {
        vi.stubEnv('PORT', text);
        expect(() => env.port('PORT', 10000)).toThrow(
            `PORT="${text}" is no port: use a whole number such as 10000, or the path of a socket such as /run/shop.sock (from .env or the environment).`,
        );
        vi.unstubAllEnvs();
        expect(() => httpKernel({ http: { port: 'shop.sock' } })).toThrow(
            'src/config/http.ts: port is "shop.sock": allowed are integers from 0 to 65535, paths of sockets such as "/run/shop.sock".',
        );
    });
});

describe('closing', () => {
    /** A route that answers when the test says so. */
    function held() {
        let begin = () => {};
        let answer = () => {};
        const begun = new Promise<void>((resolve) => {
            begin = resolve;
        });
        const routes: HttpAppOptions['routes'] = (router) => {
            router.get('/', (_request, response) => void response.send('quick'));
            router.get('/held', (_request, response) => {
                answer = () => void response.send('held answer');
                begin();
            });
        };
        return { routes, begun, answer: () => answer() };
    }

    test('idle connections are dropped at once, and new ones refused', async () => {
        const { routes } = held();
        const { server, port, url } = await start({ routes });
        const idle = client(port).get('/');
        await idle.received(/quick$/);
        const fresh = client(port);
        await server.close();

        expect(await idle.closed).toMatch(/quick$/);
        expect(await fresh.closed).toBe('');
        await expect(fetch(url)).rejects.toThrow();
    });

    test('an answer in flight is finished, and says that the connection closes', async () => {
        const { routes, begun, answer } = held();
        const { server, port } = await start({ routes });
        const busy = client(port).get('/held');
        await begun;
        const closing = server.close();
        expect(server.close()).toBe(closing);
        answer();
        await closing;

        expect(await busy.closed).toMatch(/Connection: close[\s\S]*held answer$/);
    });

    test('a request that reaches a kept connection meanwhile is answered', async () => {
        const { routes, begun, answer } = held();
        const { server, port } = await start({ routes });
        const slow = client(port).get('/held');
        await begun;
        const kept = client(port).get('/');
        await kept.received(/quick$/);
        const half = client(port).send('GET / HTTP/1.1\r\nHost:');
        await (await start()).server.close(); // time for the half request to arrive
        kept.get('/');
        const closing = server.close();
        half.send(' x\r\n\r\n');

        expect(await kept.closed).toMatch(/quick[\s\S]*Connection: close[\s\S]*quick$/);
        expect(await half.closed).toMatch(/Connection: close[\s\S]*quick$/);
        answer();
        await closing;
        expect(await slow.closed).toMatch(/held answer$/);
    });

    test('a large answer that is complete, but not sent in full, arrives in full', async () => {
        const size = 30_000_000;
        const { server, url } = await start({
            routes: (router) => router.get('/', (_request, response) => void response.end(Buffer.alloc(size, 'x'))),
        });
        const response = await new Promise<IncomingMessage>((resolve) => get(url, { agent: new Agent() }, resolve));
        const closing = server.close(); // nothing was read of the body yet
        let received = 0;
        for await (const chunk of response) {
            received += (chunk as Buffer).length;
        }
        await closing;

        expect(received).toBe(size);
    });

    test('a connection that was promised to be kept is closed after its stream', async () => {
        let end = () => {};
        const { server, port } = await start({
            routes: (router) =>
                router.get('/', (_request, response) => {
                    response.write('begun ');
                    end = () => void response.end('and done');
                }),
        });
        const stream = client(port).get('/');
        await stream.received(/begun/);
        const closing = server.close();
        end();
        await closing;

        expect(await stream.closed).toMatch(/keep-alive[\s\S]*begun[\s\S]*and done/);
    });

    test('what does not end is cut after shutdownTimeoutMs, with a warning', async () => {
        const { routes, begun } = held();
        const { server, port, log } = await start({ routes, http: { shutdownTimeoutMs: 60 } });
        const stuck = client(port).get('/held');
        await begun;
        await server.close();

        expect(await stuck.closed).toBe('');
        expect(log.lines).toMatchObject([
            {
                level: 'warning',
                message:
                    '1 connection was cut, whose requests did not finish within shutdownTimeoutMs (src/config/http.ts).',
            },
        ]);
    });

    test.each([
        ['development', 'are cut at once', false],
        ['production', 'are finished, as any other answer', true],
    ])('in %s streams of events %s', async (environment, _what, isFinished) => {
        let end = () => {};
        const { server, port } = await start({
            environment,
            routes: (router) =>
                router.get('/', (_request, response) => {
                    response.type('text/event-stream').write('data: begun\n\n');
                    end = () => void response.end('data: done\n\n');
                }),
        });
        const stream = client(port).get('/');
        await stream.received(/begun/);
        const closing = server.close();
        if (isFinished) {
            end();
        }
        await closing;

        expect((await stream.closed).includes('data: done')).toBe(isFinished);
    });

    test('answers that wait behind another one of a dead connection hold nothing up', async () => {
        const { routes, begun } = held();
        const { server, port } = await start({ routes });
        const pipelining = client(port).get('/held').get('/').get('/');
        await begun;
        pipelining.destroy();
        await pipelining.closed;

        await server.close();
    });

    test('a stream without an end hears that the server stops, and so holds nothing up', async () => {
        const { server, port } = await start({
            http: { shutdownTimeoutMs: 60_000 },
            routes: (router) => {
                router.get('/stream', (request, response) => {
                    const { stopping } = applicationOf(request).container.make(HttpServer);
                    response.type('text/event-stream').write('data: begun\n\n');
                    stopping.addEventListener('abort', () => response.end('data: bye\n\n'));
                });
            },
        });
        const listener = client(port).get('/stream');
        await listener.received(/begun/);
        expect(server.stopping.aborted).toBe(false);

        await server.close();

        expect(await listener.closed).toMatch(/data: bye/);
        expect(server.stopping.aborted).toBe(true);
    });

    test('shutting the application down closes its server; one that never listened is closed already', async () => {
        const { app, url } = await start();
        await app.shutdown();
        await expect(fetch(url)).rejects.toThrow();

        const { app: idle } = httpKernel();
        await idle.boot();
        await idle.shutdown();
        expect(idle.state).toBe('terminated');
    });
});

describe('what is no proper request', () => {
    const envelope = (code: number, message: string) => `${JSON.stringify({ code, message, data: null })}`;

    test.each([
        ['no HTTP at all', 'hello\r\n\r\n', 400, 'The request is malformed.'],
        [
            'two lengths',
            'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
            400,
            'The request is malformed.',
        ],
        [
            'headers too large',
            `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
            431,
            'The headers of the request are too large.',
        ],
    ])('%s is answered and the connection closed', async (_title, text, status, message) => {
        const { port } = await start();
        const answer = await client(port).send(text).closed;

        expect(answer).toContain(`HTTP/1.1 ${status} `);
        expect(answer).toContain('Connection: close');
        expect(answer.endsWith(envelope(status, message))).toBe(true);
    });

    test('headers that come too slowly get a 408', async () => {
        const { port } = await start({
            http: { keepAliveTimeoutMs: 50, headersTimeoutMs: 100, requestTimeoutMs: 100 },
        });
        const answer = await client(port).send('GET / HTTP/1.1\r\nHost').closed;

        expect(answer).toContain('HTTP/1.1 408 Request Timeout');
        expect(answer.endsWith(envelope(408, 'The request did not arrive in time.'))).toBe(true);
    });

    test('rubbish behind a request whose answer has begun closes the connection without corrupting it', async () => {
        const { port } = await start({
            routes: (router) => router.get('/', (_request, response) => void response.write('begun')),
        });
        const raw = client(port).get('/');
        await raw.received(/begun/);
        raw.send('rubbish\r\n\r\n');

        expect(await raw.closed).not.toContain(' 400 '); // the id of the request may hold the figure
    });
});

describe('the process', () => {
    const freshServer = () => {
        const folder = temporaryFolder();
        copyStock(folder);
        symlinkSync(join(PROJECT, 'node_modules'), join(folder, 'node_modules'), 'dir');
        return join(folder, 'src/server.ts');
    };
    const fixture = fileURLToPath(new URL('./serveFixture.ts', import.meta.url));
    const tsx = import.meta.resolve('tsx');

    class Running {
        public out = '';
        public err = '';
        public readonly ended: Promise<number | string | null>;
        private readonly child: ChildProcess;

        public constructor(args: string[], env: Record<string, string> = {}) {
            this.child = spawn(process.execPath, ['--import', tsx, ...args], {
                cwd: '/',
                env: { ...process.env, NODE_ENV: 'development', LISTEN_PORT: '0', ...env },
                stdio: ['ignore', 'pipe', 'pipe'],
            });
            this.child.stdout?.on('data', (chunk) => {
                this.out += chunk;
            });
            this.child.stderr?.on('data', (chunk) => {
                this.err += chunk;
            });
            this.ended = once(this.child, 'close').then(([code, signal]) => code ?? signal);
            cleanup.push(() => this.child.kill('SIGKILL'));
        }

        /** Resolves with the match as soon as the output has it. */
        public async printed(pattern: RegExp): Promise<RegExpMatchArray> {
            for (;;) {
                const match = this.out.match(pattern);
                if (match) {
                    return match;
                }
                await Promise.race([once(this.child.stdout as NodeJS.ReadableStream, 'data'), this.failed()]);
            }
        }

        public async url(): Promise<string> {
            return (await this.printed(/http:\/\/\S+/))[0];
        }

        public signal(name: NodeJS.Signals): void {
            this.child.kill(name);
        }

        private async failed(): Promise<never> {
            throw new Error(`Ended with ${await this.ended}: ${this.out}${this.err}`);
        }
    }

    test('the real server starts from any folder, prints its banner, answers, and stops on SIGTERM', async () => {
        const running = new Running([freshServer()]);
        const url = await running.url();
        const response = await fetch(url);

        expect(await response.json()).toMatchObject({ code: 1000, data: null });
        expect(running.out).toMatch(
            /^\S.* is running\n {2}Address {6}http:\/\/localhost:\d+\n {2}Environment {2}development\n {2}Sessions {5}.+\n {2}Logs {9}this terminal and storage\/logs\n/m,
        );
        running.signal('SIGTERM');
        expect(await running.ended).toBe(0);
        expect(running.err).toBe('');
    });

    test('whoever forked the process is told when it listens, as pm2 is with wait_ready', async () => {
        const child = fork(fixture, ['quick'], { execArgv: ['--import', tsx], silent: true });
        cleanup.push(() => child.kill('SIGKILL'));

        expect(await once(child, 'message')).toEqual(['ready', undefined]);
        child.kill('SIGTERM');
        expect(await once(child, 'exit')).toEqual([0, null]);
    });

    test('packages that the configuration does not ask for are not loaded', async () => {
        const tell = `data:text/javascript,import{Module}from'node:module';process.on('exit',()=>console.log('loaded:',Object.keys(Module._cache).join()))`;
        const running = new Running(['--import', tell, fixture, 'slow']);
        await running.url();
        running.signal('SIGTERM');
        await running.ended;

        const packages = running.out
            .split('loaded:')[1]
            ?.split(',')
            .map((file) => /node_modules\/([^/]+)/.exec(file)?.[1]);
        expect(packages).toContain('express');
        for (const name of ['express-session', 'session-file-store', 'memorystore', 'cors']) {
            expect(packages).not.toContain(name);
        }
    });

    test('a port in use: one sentence, exit code 1', async () => {
        const port = await takenPort();
        const running = new Running([freshServer()], { LISTEN_PORT: String(port), LISTEN_HOST: '127.0.0.1' });

        expect(await running.ended).toBe(1);
        expect(running.err).toBe(
            `[E_PORT_IN_USE] Port ${port} is in use: stop the other program or set LISTEN_PORT in .env (PORT, where that is set outside).\n`,
        );
    });

    test('an old Node.js: one sentence, exit code 1', async () => {
        const old = `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.18.3'}})`;
        const running = new Running(['--import', old, freshServer()]);

        expect(await running.ended).toBe(1);
        expect(running.err).toBe('This application needs Node.js 20.19 or newer, and this is 20.18.3.\n');
    });

    test('wrong configuration: the sentence alone; an unexpected error: with its stack', async () => {
        const [wrong, unexpected] = [new Running([fixture, 'wrong-config']), new Running([fixture, 'unexpected'])];

        expect(await wrong.ended).toBe(1);
        expect(wrong.err).toBe(
            '[E_CONFIG_INVALID] src/config/http.ts: port is -1: allowed are integers from 0 to 65535.\n',
        );
        expect(await unexpected.ended).toBe(1);
        expect(unexpected.err).toMatch(/^TypeError: a mistake\n {4}at .*createApplication/);
    });

    test('a request in flight is finished on SIGINT, also where npm passes the signal on once more', async () => {
        const running = new Running([fixture]);
        const answer = fetch(`${await running.url()}/slow`).then((response) => response.json());
        await running.printed(/slow began/);
        running.signal('SIGINT');
        running.signal('SIGINT');

        expect(await answer).toBe('done');
        expect(await running.ended).toBe(0);
    });

    test('a second signal ends it at once', async () => {
        const running = new Running([fixture, 'stuck']);
        const url = await running.url();
        const response = await fetch(`${url}/stuck`);
        running.signal('SIGTERM');
        await vi.waitFor(() => expect(fetch(`${url}/stuck`)).rejects.toThrow()); // it has heard the first
        running.signal('SIGINT');

        expect(await running.ended).toBe(130);
        await expect(response.text()).rejects.toThrow();
    });

    test('a dropped promise is logged, its request answered in the end, and the process lives', async () => {
        const running = new Running([fixture]);
        const url = await running.url();

        expect((await fetch(`${url}/dropped`)).status).toBe(503);
        expect(running.out).toContain(
            'error: A promise was rejected, and nobody had waited for it: return the promise from the route, as action() does, or call next(error). [dropped]\n',
        );
        expect(await (await fetch(`${url}/slow`)).json()).toBe('done');
        running.signal('SIGTERM');
        expect(await running.ended).toBe(0);
    });

    test('an error event that nobody hears, behind what serves an answer, is logged, and the process goes on', async () => {
        const running = new Running([fixture]);
        const url = await running.url();
        for (const [kind, message] of Object.entries({
            package: 'of a package',
            process: 'spawn .+ ENOENT',
            upstream: 'socket hang up',
        })) {
            const answer = fetch(`${url}/unheard/${kind}`).catch(() => undefined);
            await running.printed(new RegExp(`^error: A stream failed, and nobody heard .+ \\[${message}\\]$`, 'm'));
            await answer;
        }
        expect(await (await fetch(`${url}/slow`)).json()).toBe('done');
    });

    test('an uncaught exception is logged, and ends the process in order', async () => {
        const running = new Running([fixture]);
        const response = await fetch(`${await running.url()}/uncaught`);

        expect(await response.json()).toBe('answered');
        expect(await running.ended).toBe(1);
        expect(running.out).toContain('critical: An uncaught exception ends the process. [uncaught]\n');
    });
});
