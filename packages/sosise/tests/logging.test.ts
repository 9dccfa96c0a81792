import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
    existsSync,
    mkdirSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    rmSync,
    statSync,
    writeFileSync,
} from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import express, { type RequestHandler } from 'express';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import winston from 'winston';
import { loadEnvironment } from './helpers/inside/Config.js';
import { HttpPipeline, HttpServiceProvider } from './helpers/inside/Http.js';
import { ApplicationKernel } from './helpers/inside/Kernel.js';
import {
    Access,
    accessLog,
    ContextReader,
    jsonFormat,
    Logger,
    type LoggerOptions,
    LoggingServiceProvider,
    lineOf,
    loggerOptions,
    RotatingFile,
    readableFormat,
} from './helpers/inside/Logging.js';

interface Line {
    timestamp: string;
    level: string;
    channel?: string;
    message: string;
    context?: Record<string, unknown>;
}

let root: string;
let logs: string;
const undo: (() => unknown)[] = [];

beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'logging-'));
    logs = join(root, 'logs');
});

afterEach(async () => {
    for (const step of undo.splice(0).reverse()) {
        await step();
    }
    rmSync(root, { recursive: true, force: true });
});

function logger(options: Partial<LoggerOptions> = {}): Logger {
    const files = { folder: logs, maxSizeBytes: 1_000_000, maxFiles: 3 };
    const made = new Logger({ level: 'debug', console: false, files, ...options });
    undo.push(() => made.close());
    return made;
}

function text(file = 'app.log'): string {
    return readFileSync(join(logs, file), 'utf8');
}

function lines(file = 'app.log'): Line[] {
    return text(file)
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Line);
}

function finished(info: unknown): string {
    return (info as { [lineOf]: string })[lineOf];
}

function formatted(entry: Omit<Line, 'timestamp'>, options: { colours?: boolean } = {}): string {
    const info = { timestamp: new Date().toISOString(), ...entry };
    const result = readableFormat(options).transform(info as never, options) as unknown as { [lineOf]: string };
    return result[lineOf];
}

function rotating(maxSizeBytes: number, maxFiles: number, path = join(logs, 'app.log')) {
    const told: string[] = [];
    const file = new RotatingFile(path, { maxSizeBytes, maxFiles, tell: (sentence) => told.push(sentence) });
    undo.push(() => file.close());
    return { file, told };
}

describe('levels and channels', () => {
    test('every level is written with its name, and those below the level are not', async () => {
        const log = logger({ level: 'info' });
        log.debug('d');
        log.info('i');
        log.warning('w');
        log.error('e');
        log.critical('c');
        await log.close();
        expect(lines().map(({ level, message }) => [level, message])).toEqual([
            ['info', 'i'],
            ['warning', 'w'],
            ['error', 'e'],
            ['critical', 'c'],
        ]);
        expect(Date.parse(lines()[0]?.timestamp ?? '')).toBeGreaterThan(Date.now() - 60_000);
    });

    test('a channel has its own level and file, and an unknown one keeps its name in the default file', async () => {
        const log = logger({
            level: 'warning',
            channels: { payments: { level: 'debug', file: 'payments.log' }, quiet: { level: 'critical' } },
        });
        log.debug('paid', { amount: 3 }, 'payments');
        log.error('not written', {}, 'quiet');
        log.critical('written', {}, 'quiet');
        log.info('not written', {}, 'mail');
        log.warning('sent', {}, 'mail');
        await log.close();
        expect(lines('payments.log')).toMatchObject([{ channel: 'payments', message: 'paid', context: { amount: 3 } }]);
        expect(lines().map(({ channel, message }) => [channel, message])).toEqual([
            ['quiet', 'written'],
            ['mail', 'sent'],
        ]);
    });

    test('isEnabled says what would be written', () => {
        const log = logger({ level: 'warning', channels: { chatty: { level: 'debug' } } });
        expect(log.isEnabled('info')).toBe(false);
        expect(log.isEnabled('warning')).toBe(true);
        expect(log.isEnabled('debug', 'chatty')).toBe(true);
        expect(log.isEnabled('debug', 'other')).toBe(false);
        expect(logger({ files: undefined }).isEnabled('critical')).toBe(false);
    });
});

describe('files', () => {
    test('nothing is created before the first line', async () => {
        const log = logger();
        await log.close();
        expect(existsSync(logs)).toBe(false);
    });

    test('close() resolves when all lines are on disk, in their order, and later lines are dropped', async () => {
        const log = logger({ files: { folder: logs, maxSizeBytes: 10_000_000, maxFiles: 2 } });
        for (let index = 0; index < 1_000; index += 1) {
            log.info(`line ${index}`, { filler: 'x'.repeat(500) });
        }
        await log.close();
        expect(lines().map(({ message }) => message)).toEqual(
            Array.from({ length: 1_000 }, (_, index) => `line ${index}`),
        );
        log.info('late');
        await log.close();
        expect(lines()).toHaveLength(1_000);
    });

    test('lines arrive without close()', async () => {
        logger().info('soon');
        await vi.waitFor(() => expect(lines()).toHaveLength(1));
    });

    test('files can be read by their owner and group only', async () => {
        const log = logger();
        log.info('x');
        await log.close();
        expect(statSync(join(logs, 'app.log')).mode & 0o137).toBe(0);
        expect(statSync(logs).mode & 0o027).toBe(0);
    });

    test('rotation keeps every file under its limit and as many files as asked for', async () => {
        const { file } = rotating(2_000, 3);
        for (let index = 0; index < 200; index += 1) {
            file.append(`${index} ${'é'.repeat(20)}`);
        }
        await file.close();
        expect(readdirSync(logs).sort()).toEqual(['app.1.log', 'app.2.log', 'app.log']);
        for (const name of readdirSync(logs)) {
            expect(statSync(join(logs, name)).size).toBeLessThanOrEqual(2_000);
        }
        const all = ['app.2.log', 'app.1.log', 'app.log'].flatMap((name) => text(name).trimEnd().split('\n'));
        const numbers = all.map((line) => Number.parseInt(line, 10));
        expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => 200 - numbers.length + index));
    });

    test('a line larger than the limit is still written, and one file alone can be kept', async () => {
        const { file } = rotating(100, 1);
        file.append('a'.repeat(500));
        file.append('b');
        await file.close();
        expect(readdirSync(logs)).toEqual(['app.log']);
        expect(text()).toBe('b\n');
    });

    test('a start finds the file of the last run and goes on behind it', async () => {
        mkdirSync(logs);
        writeFileSync(join(logs, 'app.log'), 'old\n');
        const { file } = rotating(1_000, 2);
        file.append('new');
        await file.close();
        expect(text()).toBe('old\nnew\n');
    });

    test('a folder or file that is removed while running is made again', async () => {
        const { file, told } = rotating(1_000, 2);
        file.append('1');
        await vi.waitFor(() => expect(text()).toBe('1\n'));
        rmSync(logs, { recursive: true });
        file.append('2');
        await vi.waitFor(() => expect(text()).toBe('2\n'));
        rmSync(join(logs, 'app.log'));
        file.append('3');
        await file.close();
        expect(text()).toBe('3\n');
        expect(told).toEqual([]);
    });

    test('where a file stands in place of the folder it is said once, and all lines arrive when it is gone', async () => {
        writeFileSync(logs, 'in the way');
        const { file, told } = rotating(100_000, 2);
        file.append('first');
        await vi.waitFor(() => expect(told).toHaveLength(1));
        expect(told[0]).toMatch(
            /^Log file .*app\.log can't be written \((EEXIST|ENOTDIR)\): logging goes on without it/,
        );
        file.append('second');
        rmSync(logs);
        await vi.waitFor(() => expect(text()).toBe('first\nsecond\n'), { timeout: 5_000 });
        expect(told).toHaveLength(1);
    });

    test('a file that cannot be rotated goes on growing, which is said once', async () => {
        mkdirSync(join(logs, 'app.1.log', 'in the way'), { recursive: true });
        const { file, told } = rotating(100, 2);
        for (let index = 0; index < 20; index += 1) {
            file.append('x'.repeat(50));
        }
        await file.close();
        expect(told).toEqual([expect.stringMatching(/can't be rotated \(\w+\): it grows past its limit until it can/)]);
        expect(text()).toHaveLength(20 * 51);
    });

    test('a pipe that nobody reads is trouble, and holds nothing up', async () => {
        mkdirSync(logs);
        execFileSync('mkfifo', [join(logs, 'app.log')]);
        const { file, told } = rotating(1_000, 2);
        file.append('x');
        await file.close();
        expect(told).toEqual([expect.stringContaining("can't be written (ENXIO)")]);
    });

    test('a file that stays in trouble neither blocks nor fails close(), and memory stays bounded', async () => {
        writeFileSync(logs, 'in the way');
        const { file, told } = rotating(100_000, 2);
        const megabyte = 'x'.repeat(1024 * 1024);
        for (let index = 0; index < 20; index += 1) {
            file.append(megabyte);
        }
        await vi.waitFor(() => expect(told).toHaveLength(1));
        rmSync(logs);
        await file.close();
        expect(told[1]).toMatch(/is written again; 13 lines were dropped meanwhile/);
    });

    test('two loggers on one folder rotate it without losing lines', async () => {
        const first = rotating(2_000, 50).file;
        const second = rotating(2_000, 50).file;
        for (let index = 0; index < 100; index += 1) {
            first.append(`first ${index} ${'x'.repeat(40)}`);
            second.append(`second ${index} ${'x'.repeat(40)}`);
            if (index % 25 === 0) {
                await new Promise((resolve) => setImmediate(resolve));
            }
        }
        await Promise.all([first.close(), second.close()]);
        const all = readdirSync(logs).flatMap((name) => text(name).trimEnd().split('\n'));
        expect(new Set(all).size).toBe(200);
    });
});

describe('what a line may hold', () => {
    test('control characters are escaped in the readable format, so that no line can be forged', () => {
        const line = formatted({
            level: 'info',
            channel: 'a\nb',
            message: 'hello\n12:00:00.000 error   forged\x1b[2J\x9b31m\u2028\u202e\r\t',
            context: { 'k\ney': 'v\nalue', plain: 'x' },
        });
        expect(line).not.toMatch(/[\p{Cc}\p{Zl}\p{Bidi_Control}]/u);
        expect(line).toContain('hello\\n12:00:00.000 error   forged\\u001b[2J\\u009b31m\\u2028\\u202e\\r\\t');
        expect(line).toContain('k\\ney="v\\nalue" plain=x');
    });

    test('JSON lines hold no raw control characters either, and read back as they were', () => {
        const message = 'a\nb\x1b\x7f\x9b\u2028\u202e';
        const info = { timestamp: 't', level: 'info', message };
        const line = (jsonFormat().transform(info as never, {}) as unknown as { [lineOf]: string })[lineOf];
        expect(line).not.toMatch(/[\p{Cc}\p{Zl}\p{Bidi_Control}]/u);
        expect((JSON.parse(line) as Line).message).toBe(message);
    });

    test('colours are for the level, and only where asked for', () => {
        const entry = { level: 'error', message: 'x' };
        expect(formatted(entry)).not.toContain('\x1b');
        expect(formatted(entry, { colours: true })).toContain('\x1b[31merror\x1b[0m');
    });

    test('an error shows its name, message, code, stack and causes; the stack at error and above only', async () => {
        const cause = new Error('disk', { cause: new Error('cable') });
        const error = Object.assign(new TypeError('no\nsave', { cause }), { code: 'EIO', headers: { a: 'canary' } });
        const log = logger();
        log.error('failed', { error });
        log.warning('failed', { error });
        await log.close();
        const [first, second] = lines();
        expect(first?.context?.['error']).toMatchObject({
            name: 'TypeError',
            message: 'no\nsave',
            code: 'EIO',
            stack: expect.stringContaining('logging.test.ts'),
            cause: { message: 'disk', cause: { message: 'cable' } },
        });
        expect(JSON.stringify(second)).not.toContain('logging.test.ts');
        expect(text()).not.toContain('canary');

        const context = new ContextReader(true).read({ error });
        const shown = formatted({ level: 'error', message: 'failed', context }).split('\n');
        expect(shown[1]).toBe('    TypeError [EIO]: no\\nsave');
        expect(shown[2]).toMatch(/^ {8}at /);
        expect(shown.filter((line) => line.startsWith('    caused by: '))).toEqual([
            '    caused by: Error: disk',
            '    caused by: Error: cable',
        ]);
    });

    test('causes that go round in a circle end', () => {
        const error = new Error('a');
        error.cause = new Error('b', { cause: error });
        expect(JSON.stringify(new ContextReader(true).read({ error }))).toContain('[circular]');
    });

    test.each([
        ['a circle', () => circle(), '[circular]'],
        ['a BigInt', () => ({ big: 10n ** 20n }), '100000000000000000000'],
        ['a getter that throws', () => Object.defineProperty({}, 'a', { enumerable: true, get: fail }), '[unreadable]'],
        ['a toJSON that throws', () => ({ a: { toJSON: fail } }), '[unreadable]'],
        ['a toJSON that never ends', () => endless(), '[too deep]'],
        ['a proxy that throws', () => ({ a: new Proxy({}, { getPrototypeOf: fail, ownKeys: fail }) }), '[unreadable]'],
        ['a revoked proxy', () => ({ a: revoked() }), '[unreadable]'],
        ['a proxy as the context itself', () => revoked(), '[unreadable]'],
        ['deep nesting', () => nested(10_000), '[too deep]'],
        ['a long text', () => ({ a: 'x'.repeat(1_000_000) }), '(1000000 characters)'],
        ['a long list', () => ({ a: new Array(1_000_000).fill(1) }), '[999900 more]'],
        ['a wide tree', () => wide(5), '[too much]'],
        ['many long texts', () => ({ a: new Array(100).fill('x'.repeat(10_000)) }), '[too much]'],
        ['an invalid date', () => ({ a: new Date(Number.NaN) }), 'Invalid Date'],
        ['bytes', () => ({ a: Buffer.alloc(10) }), '[Buffer of 10 bytes]'],
        ['a Map', () => ({ a: new Map([[1, 2]]) }), '[Map of 1]'],
        ['a function', () => ({ a: () => 1 }), '[function]'],
        ['a symbol', () => ({ a: Symbol('s') }), 'Symbol(s)'],
        ['not a number', () => ({ a: Number.NaN }), 'NaN'],
        [
            'a class whose name throws',
            () => ({
                a: Object.create({
                    get constructor() {
                        return fail();
                    },
                }),
            }),
            '[unreadable]',
        ],
    ])('%s in the context does no harm', async (_name, context, note) => {
        const log = logger();
        log.error('still here', context() as Record<string, unknown>);
        await log.close();
        expect(lines()).toMatchObject([{ message: 'still here' }]);
        expect(text()).toContain(note);
        expect(text().length).toBeLessThan(200_000);
        expect(() =>
            formatted({ level: 'error', message: 'x', context: new ContextReader(true).read(context()) }),
        ).not.toThrow();
    });

    test('messages that are no strings, or far too long, do no harm', async () => {
        const log = logger();
        for (const message of [
            undefined,
            null,
            5n,
            Symbol('s'),
            new Error('e'),
            { toString: fail },
            'x'.repeat(1_000_000),
        ]) {
            log.info(message as string, null as never);
        }
        await log.close();
        expect(lines().map(({ message }) => message.slice(0, 12))).toEqual([
            'undefined',
            'null',
            '5',
            'Symbol(s)',
            'Error: e',
            '[unreadable]',
            'xxxxxxxxxxxx',
        ]);
        expect(text().length).toBeLessThan(30_000);
    });

    test('keys that winston or the format use are only data in the context', async () => {
        const log = logger();
        const context = JSON.parse('{"level":"x","message":"y","timestamp":"z","splat":[1],"__proto__":{"a":1}}');
        log.info('real %s %d', context);
        await log.close();
        expect(lines()).toMatchObject([
            { level: 'info', message: 'real %s %d', context: { level: 'x', message: 'y' } },
        ]);
    });

    test.each([
        'cookie',
        'Cookies',
        'set-cookie',
        'Authorization',
        'proxy-authorization',
        'password',
        'newPassword',
        'clientSecret',
        'SESSION_SECRET',
        'accessToken',
        'x-csrf-token',
        'session',
        'userSession',
        'sid',
        'connect.sid',
        'sessionID',
        'session_id',
        'apiKey',
    ])('the value under %s is not shown', async (key) => {
        const log = logger();
        log.info('x', { [key]: 'canary', nested: [{ deep: { [key]: { value: 'canary' } } }] });
        await log.close();
        expect(text()).not.toContain('canary');
        expect(lines()[0]?.context?.[key]).toBe('[redacted]');
    });

    test('other names are shown, and a request or session under any name is not', async () => {
        class Session {
            public user = 'canary';
        }
        const log = logger();
        log.info('x', { side: 1, reason: 'shown', fingerprint: 'aB3-_x', data: new Session(), pipe: process.stdin });
        await log.close();
        expect(lines()[0]?.context).toMatchObject({ side: 1, fingerprint: 'aB3-_x', data: '[redacted]' });
        expect(text()).not.toContain('canary');
        expect(text().length).toBeLessThan(400);
    });
});

describe('the access log', () => {
    async function serve(log: Logger): Promise<number> {
        const app = express();
        app.use((request, _response, next) => {
            request.requestId = 'r-1';
            next();
        });
        app.use(accessLog(log));
        app.get('/slow', (request) => request.socket.emit('waiting'));
        app.get('/begun', (request, response) => {
            response.write('x');
            request.socket.emit('waiting');
        });
        app.use('/api', (_request, response) => response.status(201).send('made'));
        const server = app.listen(0);
        undo.push(() => server.close());
        await once(server, 'listening');
        server.on('connection', (socket) => socket.once('waiting', () => setImmediate(() => socket.destroy())));
        return (server.address() as AddressInfo).port;
    }

    test('a request is one line with id, method, path, status and duration, without its query', async () => {
        const log = logger();
        const port = await serve(log);
        await fetch(`http://127.0.0.1:${port}/api/users?token=canary`, {
            method: 'POST',
            headers: { cookie: 'sid=canary', authorization: 'canary' },
        });
        await fetch(`http://127.0.0.1:${port}/missing`);
        await vi.waitFor(() => expect(lines()).toHaveLength(2));
        const [made, missing] = lines();
        expect(made).toMatchObject({
            level: 'info',
            channel: 'access',
            message: expect.stringMatching(/^POST \/api\/users 201 [\d.]+ ms$/),
            context: {
                requestId: 'r-1',
                method: 'POST',
                path: '/api/users',
                status: 201,
                durationMs: expect.any(Number),
            },
        });
        expect(made?.context).not.toHaveProperty('aborted');
        expect(missing?.context).toMatchObject({ path: '/missing', status: 404 });
        expect(text()).not.toContain('canary');
    });

    test('a request whose client goes away is one line that says aborted', async () => {
        const log = logger();
        const port = await serve(log);
        await expect(fetch(`http://127.0.0.1:${port}/slow`)).rejects.toThrow();
        await fetch(`http://127.0.0.1:${port}/begun`)
            .then((answer) => answer.text())
            .catch(() => undefined);
        await vi.waitFor(() => expect(lines()).toHaveLength(2));
        const [slow, begun] = lines();
        expect(slow).toMatchObject({ context: { path: '/slow', aborted: true } });
        expect(slow?.message).toMatch(/^GET \/slow - aborted after [\d.]+ ms$/);
        expect(slow?.context).not.toHaveProperty('status');
        expect(begun).toMatchObject({ context: { path: '/begun', aborted: true, status: 200 } });
    });

    test('the line has the same bytes, whichever way it is written', () => {
        const of = (path: string, requestId?: string) => {
            const access = new Access('GET', path);
            access.end({ req: { requestId }, writableFinished: true, statusCode: 200 } as never);
            return access;
        };
        const timestamp = '2026-11-29T22:35:28.123Z';
        vi.useFakeTimers({ toFake: ['Date'], now: new Date(timestamp) });
        undo.push(() => vi.useRealTimers());
        let equal = 0;
        for (let code = 0; code < 0x3000; code += 1) {
            const character = String.fromCharCode(code);
            for (const access of [of(`/${character}`, 'r-1'), of('/x', `r-${character}`)]) {
                if (access.isPlain) {
                    const { message } = access;
                    const context = new ContextReader(false).read(access.context);
                    const info = { timestamp, level: 'info', channel: 'access', message, context } as never;
                    expect(access.json()).toBe(finished(jsonFormat().transform(info, {})));
                    for (const colours of [false, true]) {
                        const line = finished(readableFormat().transform(info, { colours }));
                        expect(access.readable(colours)).toBe(line);
                    }
                    equal += 1;
                }
            }
        }
        expect(equal).toBeGreaterThan(150);
        expect(of('/a-b_c.d~e/%C3%A9@1:2?x=%22', 'r-1').isPlain).toBe(true);
        expect(of('/é', 'r-1').isPlain).toBe(false);
        expect(of('/').isPlain).toBe(false);
    });

    test("a transport of winston's that was added gets every line, in its own format", async () => {
        const told: string[] = [];
        const stream = new Writable({ write: (chunk, _encoding, done) => void done(void told.push(String(chunk))) });
        const format = winston.format.printf(({ level, channel, message }) => `${level} ${channel}: ${message}`);
        const log = logger().add(new winston.transports.Stream({ stream, format }));
        const port = await serve(log);
        log.info('before', {}, 'mail');
        await fetch(`http://127.0.0.1:${port}/api/users`);
        await vi.waitFor(() => expect(told).toHaveLength(2));
        log.warning('after', {}, 'mail');
        await log.close();
        expect(told.map((line) => line.trimEnd())).toEqual([
            'info mail: before',
            expect.stringMatching(/^info access: GET \/api\/users 201 [\d.]+ ms$/),
            'warning mail: after',
        ]);
        expect(lines().map(({ message }) => message)).toEqual(told.map((line) => line.trimEnd().split(': ')[1]));
    });

    test('all lines tell when the answer left, however late they are written, and a transport gets none from before it was added', async () => {
        const told: string[] = [];
        const stream = new Writable({ write: (chunk, _encoding, done) => void done(void told.push(String(chunk))) });
        const log = logger();
        const answered = (path: string) => {
            const access = new Access('GET', path);
            access.end({ req: { requestId: 'r-1' }, writableFinished: true, statusCode: 200 } as never);
            log.access(access);
            return access.ms;
        };
        const times = [answered('/plain'), answered('/not"plain')];
        await new Promise((resolve) => setImmediate(resolve)); // the event loop turns, and what follows takes its time
        for (const since = Date.now(); Date.now() - since < 5; );
        log.add(new winston.transports.Stream({ stream }));
        times.push(answered('/later'));
        for (const since = Date.now(); Date.now() - since < 5; );
        await log.close();
        expect(lines().map(({ timestamp }) => Date.parse(timestamp as string))).toEqual(times);
        expect(told.map((line) => JSON.parse(line).context.path)).toEqual(['/later']);
    });

    test('of an address with credentials only the path is logged', async () => {
        const log = logger();
        const socket = connect(await serve(log), '127.0.0.1');
        socket.end('GET http://user:canary@host/api/x?canary#canary HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
        await once(socket.resume(), 'close');
        await vi.waitFor(() => expect(lines()).toMatchObject([{ context: { path: '/api/x' } }]));
        expect(text()).not.toContain('canary');
    });
});

describe('the provider', () => {
    function environment(name: string) {
        writeFileSync(join(root, 'sosise.json'), '{ "manifest": 1, "name": "test" }');
        return loadEnvironment(pathToFileURL(join(root, 'app.js')).href, { NODE_ENV: name, SESSION_SECRET: 's' });
    }

    function kernel(logging: object): ApplicationKernel {
        const app = new ApplicationKernel({
            environment: environment('test'),
            providers: [LoggingServiceProvider, HttpServiceProvider],
            config: { app: {}, http: {}, logging },
        });
        undo.push(() => app.shutdown());
        return app;
    }

    test('requests are logged to storage/logs, and a shutdown has them on disk', async () => {
        const app = await kernel({}).boot();
        expect(existsSync(join(root, 'storage'))).toBe(false);
        const pipeline = app.container.make(HttpPipeline).use('routes', hello);
        const server = pipeline.compose().listen(0);
        await once(server, 'listening');
        await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hello`);
        server.close();
        server.closeAllConnections();
        await app.shutdown();
        logs = join(root, 'storage/logs');
        expect(lines()).toMatchObject([{ channel: 'access', context: { path: '/hello', status: 200 } }]);
    });

    test('the access log can be switched off, and an app that logs nothing makes no logger', async () => {
        const app = await kernel({ access: false }).boot();
        const pipeline = app.container.make(HttpPipeline).use('routes', hello);
        const server = pipeline.compose().listen(0);
        await once(server, 'listening');
        await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hello`);
        server.close();
        server.closeAllConnections();
        await app.shutdown();
        expect(existsSync(join(root, 'storage'))).toBe(false);
    });

    test('wrong settings are refused by name', () => {
        expect(() => kernel({ level: 'warn', files: { maxSize: 1 }, channels: { a: { file: '../a.log' } } })).toThrow(
            /level[\s\S]*warning[\s\S]*maxSize[\s\S]*maxSizeBytes[\s\S]*channels\.a\.file[\s\S]*without a folder/,
        );
    });

    test.each([
        ['audti', 'audit'],
        ['Audit', 'audit'],
        ['audits', 'audit'],
        ['acess', 'access'],
    ])('a channel %s is %s misspelt: start-up stops, and names both', (name, meant) => {
        const message = `src/config/logging.ts: channels.${name} is not a channel of the framework: did you mean channels.${meant}?`;
        expect(() => kernel({ channels: { [name]: {} } })).toThrow(message);
        expect(() => kernel({ channels: { [name]: { file: `${meant}.log` } } })).toThrow(`file: '${name}.log'`);
    });

    test('a channel of your own may have any name: one that is no slip, one beside what it resembles, one with its own file', () => {
        const own = ['auth', 'unit', 'edit', 'success', 'accounts', 'assets', 'payments'];
        expect(() =>
            kernel({ channels: Object.fromEntries(own.map((name) => [name, { level: 'debug' }])) }),
        ).not.toThrow();
        expect(() => kernel({ channels: { audit: {}, audio: {} } })).not.toThrow();
        expect(() => kernel({ channels: { audio: { file: 'audio.log' } } })).not.toThrow();
    });

    test('level and console follow the environment', () => {
        const config = { access: true, files: { enabled: true, maxSizeBytes: 5_000, maxFiles: 2 }, channels: {} };
        expect(loggerOptions(config, environment('development'))).toMatchObject({
            level: 'debug',
            console: 'readable',
        });
        expect(loggerOptions(config, environment('production'))).toMatchObject({ level: 'info', console: 'json' });
        expect(loggerOptions(config, environment('staging'))).toMatchObject({ level: 'info', console: 'json' });
        expect(loggerOptions(config, environment('test'))).toMatchObject({ level: 'debug', console: false });
        expect(loggerOptions({ ...config, level: 'error' }, environment('test')).console).toBe('readable');
        expect(loggerOptions({ ...config, console: 'readable' }, environment('production')).console).toBe('readable');
        const files = { ...config.files, folder: 'elsewhere' };
        expect(loggerOptions({ ...config, files }, environment('test')).files?.folder).toBe(join(root, 'elsewhere'));
    });
});

const hello: RequestHandler = (_request, response) => void response.send('x');

function fail(): never {
    throw new Error('thrown on purpose');
}

function circle(): object {
    const object: Record<string, unknown> = {};
    object['self'] = { object };
    return object;
}

function endless(): object {
    return { a: { toJSON: endless } };
}

function revoked(): object {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
}

function nested(depth: number): object {
    let object: object = {};
    for (let index = 0; index < depth; index += 1) {
        object = { object };
    }
    return object;
}

function wide(depth: number): object {
    return depth === 0 ? {} : Object.fromEntries(Array.from({ length: 8 }, (_, key) => [`k${key}`, wide(depth - 1)]));
}
