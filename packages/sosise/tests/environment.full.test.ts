import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse } from 'dotenv';
import { afterEach, beforeEach, expect, test } from 'vitest';

const source = pathToFileURL(resolve(import.meta.dirname, '../src/Config/loadEnvironment.ts')).href;
const tsx = import.meta.resolve('tsx');
let root: string;

beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'environment-'));
    writeFileSync(join(root, 'sosise.json'), '{ "manifest": 1, "name": "shop" }');
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Starts a development process in `/`, that loads the environment when it is told to. */
function start(): { ready: Promise<unknown>; go: () => Promise<string> } {
    const entry = pathToFileURL(join(root, 'src/bootstrap/app.ts')).href;
    const code = `
        const { loadEnvironment } = await import(${JSON.stringify(source)});
        process.stdout.write('ready\\n');
        process.stdin.once('data', () => {
            const { notices } = loadEnvironment(${JSON.stringify(entry)});
            process.stdout.write(JSON.stringify([process.env.SESSION_SECRET, process.env.NODE_ENV, notices.length]));
            process.exitCode = 0;
            process.stdin.destroy();
        });`;
    const child = spawn(process.execPath, ['--import', tsx, '--input-type=module', '-e', code], {
        cwd: '/',
        env: { PATH: process.env['PATH'] },
        stdio: ['pipe', 'pipe', 'inherit'],
    });
    const ready = once(child.stdout, 'data');
    return {
        ready,
        go: async () => {
            let output = '';
            child.stdout.on('data', (part) => {
                output += part;
            });
            child.stdin.write('go\n');
            await once(child, 'close');
            return output;
        },
    };
}

test.each([
    ['make', undefined],
    ['fill', '# mine\nSESSION_SECRET=\nLISTEN_PORT=10000\n'],
])('processes that start together %s one .env, and agree on its secret', async (_, existing) => {
    writeFileSync(join(root, '.env.example'), '# mine\nSESSION_SECRET=\nLISTEN_PORT=10000\n');
    if (existing) {
        writeFileSync(join(root, '.env'), existing);
    }
    const processes = Array.from({ length: 6 }, start);
    await Promise.all(processes.map(({ ready }) => ready));
    const outputs = (await Promise.all(processes.map(({ go }) => go()))).map(
        (output) => JSON.parse(output) as [secret: string, name: string, notices: number],
    );
    const text = readFileSync(join(root, '.env'), 'utf8');
    const secret = parse(text)['SESSION_SECRET'];
    expect(text).toBe(`# mine\nSESSION_SECRET=${secret}\nLISTEN_PORT=10000\n`);
    expect(outputs.map(([theirs, name]) => [theirs, name])).toEqual(outputs.map(() => [secret, 'development']));
    expect(outputs.reduce((sum, [, , notices]) => sum + notices, 0)).toBe(1);
    expect(readdirSync(root).sort()).toEqual(['.env', '.env.example', 'sosise.json']);
});
