import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { RotatingFile } from './helpers/inside/Logging.js';

let root: string;
let logs: string;
const undo: (() => void)[] = [];

beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'logging-'));
    logs = join(root, 'logs');
    mkdirSync(logs);
});

afterEach(() => {
    for (const step of undo.splice(0).reverse()) {
        step();
    }
    rmSync(root, { recursive: true, force: true });
});

function canMount(): boolean {
    const folder = mkdtempSync(join(tmpdir(), 'mount-'));
    try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder], { stdio: 'ignore' });
        execFileSync('umount', [folder]);
        return true;
    } catch {
        return false;
    } finally {
        rmSync(folder, { recursive: true });
    }
}

test.skipIf(!canMount())('a full disk is said once, and all lines arrive whole when there is room again', async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', logs]);
    undo.push(() => execFileSync('umount', [logs]));
    const told: string[] = [];
    const path = join(logs, 'app.log');
    const file = new RotatingFile(path, { maxSizeBytes: 1e6, maxFiles: 2, tell: (sentence) => told.push(sentence) });
    writeFileSync(join(logs, 'ballast'), Buffer.alloc(50_000));
    for (let index = 0; index < 100; index += 1) {
        file.append(`${index} ${'x'.repeat(300)}`);
    }
    await vi.waitFor(() => expect(told).toHaveLength(1));
    expect(told[0]).toContain("can't be written (ENOSPC)");
    rmSync(join(logs, 'ballast'));
    await vi.waitFor(() => expect(readFileSync(path, 'utf8').trimEnd().split('\n')).toHaveLength(100), {
        timeout: 5_000,
    });
    await file.close();
    const numbers = readFileSync(path, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => Number.parseInt(line, 10));
    expect(numbers).toEqual(Array.from({ length: 100 }, (_, index) => index));
    expect(told).toHaveLength(1);
});

test('close() gives up after two seconds where the disk does not answer', async () => {
    // Every thread that serves files waits for the writer of a pipe.
    const pipes = [0, 1, 2, 3].map((index) => join(root, `pipe-${index}`));
    execFileSync('mkfifo', pipes);
    const source = new URL('../src/Logging/Logger.ts', import.meta.url);
    const script = `
        import { readFile, writeFileSync } from 'node:fs';
        import { Logger } from ${JSON.stringify(source.href)};
        const pipes = ${JSON.stringify(pipes)};
        const files = { folder: ${JSON.stringify(logs)}, maxSizeBytes: 1e6, maxFiles: 3 };
        const log = new Logger({ level: 'info', console: false, files });
        for (const pipe of pipes) readFile(pipe, () => {});
        log.info('x');
        const start = Date.now();
        await log.close();
        console.log(Date.now() - start);
        for (const pipe of pipes) writeFileSync(pipe, '');
    `;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
        env: { ...process.env, UV_THREADPOOL_SIZE: '4' },
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => {
        out += chunk;
    });
    child.stderr.on('data', (chunk) => {
        err += chunk;
    });
    const [code] = await once(child, 'close');
    expect(code).toBe(0);
    expect(Number(out)).toBeGreaterThan(1_900);
    expect(err).toContain('took longer than 2000 ms');
    // Once the disk answers again, even that line is there.
    expect(readFileSync(join(logs, 'app.log'), 'utf8')).toContain('"message":"x"');
});

interface Line {
    timestamp: string;
    level: string;
    message: string;
    context?: Record<string, unknown>;
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

/** Runs a script as a process of its own, with the framework's Logger at hand. */
async function run(script: string, options: { reader?: 'gone' } = {}) {
    const source = new URL('../src/Logging/', import.meta.url);
    const prelude = `import { Access } from ${JSON.stringify(new URL('Access.ts', source).href)};
        import { Logger } from ${JSON.stringify(new URL('Logger.ts', source).href)};
        import * as sosise from ${JSON.stringify(new URL('../index.ts', source).href)};
        const files = { folder: ${JSON.stringify(logs)}, maxSizeBytes: 1e6, maxFiles: 3 };`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', prelude + script], {
        stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (options.reader === 'gone') {
        child.stdout.destroy();
    }
    const output = { out: '', err: '', code: null as number | null };
    child.stdout.on('data', (chunk) => {
        output.out += chunk;
    });
    child.stderr.on('data', (chunk) => {
        output.err += chunk;
    });
    [output.code] = (await once(child, 'close')) as [number | null];
    return output;
}

describe('a process of its own', () => {
    test('production writes JSON to standard output, and an exit in the middle loses no line of the file', async () => {
        const { out, err, code } = await run(`
            const log = new Logger({ level: 'info', console: 'json', files });
            setImmediate(() => {
                log.info('up', { port: 1 });
                log.critical('down', { error: new Error('boom') });
                process.exit(3);
            });
        `);
        expect([code, err]).toEqual([3, '']);
        const printed = out
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line) as Line);
        expect(printed.map(({ message }) => message)).toEqual(['up', 'down']);
        expect(lines()).toEqual(printed);
    });

    test.each([
        ['process.exit()', 'process.exit(1)'],
        ['an uncaught exception', "throw new Error('on purpose')"],
    ])('%s in the middle of a turn loses no line of a request, and all lines keep their order', async (_name, end) => {
        const { out, code } = await run(`
            const log = new Logger({ level: 'info', console: 'json', files });
            const asked = (path) => {
                const access = new Access('GET', path);
                access.end({ req: { requestId: 'r-1' }, writableFinished: true, statusCode: 200 });
                log.access(access);
            };
            setImmediate(() => {
                for (let index = 0; index < 100; index += 4) {
                    asked('/' + index);
                    log.info('GET /' + (index + 1) + ' 200');
                    asked('/' + (index + 2));
                    asked('/' + (index + 3));
                }
                ${end};
            });
        `);
        expect(code).toBe(1);
        const messages = Array.from({ length: 100 }, (_, index) => `GET /${index} 200`);
        expect(lines().map(({ message }) => message.replace(/ [\d.]+ ms$/, ''))).toEqual(messages);
        expect(out).toBe(text());
    });

    test('SIGTERM right behind the last answer loses no line of a request', async () => {
        writeFileSync(join(root, 'sosise.json'), '{ "manifest": 1, "name": "test" }');
        const { out, code } = await run(`
            const app = new sosise.ApplicationKernel({
                environment: sosise.loadEnvironment(${JSON.stringify(pathToFileURL(join(root, 'app.js')).href)}, { NODE_ENV: 'production' }),
                providers: [sosise.LoggingServiceProvider, sosise.HttpServiceProvider],
                config: { app: {}, http: {}, logging: { files: { folder: files.folder } } },
            });
            await sosise.serve(async () => app);
            const { port } = await app.container.make(sosise.HttpServer).listen();
            await Promise.all(Array.from({ length: 50 }, () => fetch('http://127.0.0.1:' + port + '/up')));
            process.kill(process.pid, 'SIGTERM');
        `);
        expect(code).toBe(0);
        expect(lines().filter(({ context }) => context?.['path'] === '/up')).toHaveLength(50);
        expect(out).toContain(text());
    });

    test('what is not a terminal gets readable lines without colours', async () => {
        const { out } = await run(`
            const log = new Logger({ level: 'info', console: 'readable' });
            log.warning('careful\\nnow', { a: 1 }, 'mail');
            await log.close();
        `);
        expect(out).toMatch(/^\d\d:\d\d:\d\d\.\d{3} warning {2}\[mail\] careful\\nnow a=1\n$/);
    });

    test('trouble with the file is said on standard error, while the console goes on', async () => {
        rmSync(logs, { recursive: true });
        writeFileSync(logs, 'in the way');
        const { out, err, code } = await run(`
            const log = new Logger({ level: 'info', console: 'json', files });
            for (let i = 0; i < 500; i += 1) log.info('line ' + i);
            await new Promise((resolve) => setTimeout(resolve, 100));
            log.info('last');
            await log.close();
        `);
        expect(code).toBe(0);
        expect(out.trimEnd().split('\n')).toHaveLength(501);
        expect(err.match(/can't be written/g)).toHaveLength(1);
    });

    test('a reader of our output that goes away does not end the process', async () => {
        const { code, out } = await run(
            `
            const log = new Logger({ level: 'info', console: 'json', files });
            for (let i = 0; i < 50; i += 1) {
                log.info('line ' + i);
                await new Promise((resolve) => setImmediate(resolve));
            }
            await log.close();
            `,
            { reader: 'gone' },
        );
        expect([code, out]).toEqual([0, '']);
        expect(lines()).toHaveLength(50);
    });
});
