import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
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
