import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import session from 'express-session';
import sessionFileStore from 'session-file-store';
import { expect, test } from 'vitest';
import type { SessionDriver } from './helpers/inside/Session/Drivers.js';
import { openEncrypted } from './helpers/inside/Session/Sealing.js';
import { FileStore } from './helpers/inside/Session/Stores/File.js';
import { MemoryStore } from './helpers/inside/Session/Stores/Memory.js';
import { PlainStoreAdapter } from './helpers/inside/Session/Stores/Plain.js';
import { testSessionStore } from './helpers/inside/Testing.js';
import { temporaryFolder } from './helpers/sessionApp.js';

const SECRET = 'Test7kQ2vX9mZ4rT8wN3pL6sB1dF5hJ0';
const OTHER = 'Other4hV7eU2iR9aY6oC3bT8lS5kN1wG';
const StockFileStore = sessionFileStore(session);

const sealed = (driver: SessionDriver) =>
    openEncrypted(driver, { name: 'any', secrets: [SECRET], encrypts: true, timeoutMs: 10_000, warn: console.warn });

async function inFolder(make: (path: string) => SessionDriver) {
    const root = await mkdtemp(join(tmpdir(), 'sosise-store-'));
    const folder = join(root, 'sessions');
    return {
        store: await sealed(make(folder)),
        reopen: () => sealed(make(folder)),
        close: () => rmSync(root, { recursive: true, force: true }),
    };
}

/** What encryption can't add to the store below it. */
const lacks = ['lists what was written before a time'];

testSessionStore('file driver, encrypted', () => inFolder((path) => new FileStore({ path })));
testSessionStore('memory driver, encrypted', () => sealed(new MemoryStore()));
testSessionStore('plain store, encrypted', () => sealed(new PlainStoreAdapter(new session.MemoryStore())), { lacks });
testSessionStore(
    'stock session-file-store, encrypted',
    () =>
        inFolder(
            (path) =>
                new PlainStoreAdapter(
                    new StockFileStore({ path, reapInterval: -1, logFn: () => undefined, retries: 0 }),
                ),
        ),
    {
        lacks: [
            ...lacks,
            'lists its records',
            'keeps odd keys apart',
            'keeps keys with control characters apart',
            'keeps keys of 5,000 characters apart',
            'loses nothing between two handles on the same storage',
            'locks between two handles on the same storage',
        ],
    },
);

/** A process that opens the folder when it is told to, and says what it found under a name. */
function startProcess(folder: string, secrets: string[]) {
    const source = (name: string) => JSON.stringify(new URL(`helpers/inside/Session/${name}`, import.meta.url).href);
    const code = `
        const { openEncrypted } = await import(${source('Sealing.ts')});
        const { FileStore } = await import(${source('Stores/File.ts')});
        process.stdout.write('ready\\n');
        process.stdin.once('data', async () => {
            const options = { name: 'file', secrets: ${JSON.stringify(secrets)}, encrypts: true, timeoutMs: 5000 };
            try {
                const driver = await openEncrypted(new FileStore({ path: ${JSON.stringify(folder)} }), { ...options, warn: console.log });
                await driver.write(String(process.pid), '{"n":1}', undefined, Date.now() + 60_000);
                const found = [];
                for await (const { record } of driver.records()) found.push(record);
                process.stdout.write(found.every((record) => record === '{"n":1}') ? 'fine' : 'damaged');
                await driver.close();
            } catch (error) {
                process.stdout.write(error.name);
            }
            process.stdin.destroy();
        });`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
        stdio: ['pipe', 'pipe', 'inherit'],
    });
    const go = () => {
        child.stdin.write('go\n');
        return text(child.stdout);
    };
    return { ready: once(child.stdout, 'data'), go };
}

test('processes that start together agree on one mark; with different secrets all but one are refused', async () => {
    for (const [secrets, expected] of [
        [Array(6).fill([SECRET]), Array(6).fill('fine')],
        [
            [[SECRET], [OTHER]],
            ['ConfigError', 'fine'],
        ],
        [
            [
                [SECRET, OTHER],
                [OTHER, SECRET],
            ],
            ['fine', 'fine'],
        ],
    ] as [string[][], string[]][]) {
        const folder = join(temporaryFolder(), 'sessions');
        const processes = secrets.map((each) => startProcess(folder, each));
        await Promise.all(processes.map(({ ready }) => ready));
        const outputs = await Promise.all(processes.map(({ go }) => go()));
        expect(outputs.sort()).toEqual(expected);
    }
});
