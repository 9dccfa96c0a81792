import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { recordWith } from './helpers/inside/Contract.js';
import { openDatabaseStore } from './helpers/inside/Session/Stores/Database.js';
import { testSessionStore } from './helpers/inside/Testing.js';
import { hasSqlite } from './helpers/ownTable.js';
import { createKernel, sessionApp, temporaryFolder } from './helpers/sessionApp.js';

const LIMIT_MS = 200;
const later = () => Date.now() + 60_000;
const CONFIG = 'drivers.database in src/config/session.ts';

function appOn(url: string) {
    return sessionApp({
        session: { driver: 'database', drivers: { database: { url, commandTimeoutMs: LIMIT_MS } } },
        routes: (router) => {
            router.get('/read', (request, response) => void response.json(request.session['n'] ?? 0));
            router.post('/add', (request, response) => {
                request.session['n'] = Number(request.session['n'] ?? 0) + 1;
                request.session['text'] = 'x'.repeat(20_000);
                response.json(request.session['n']);
            });
        },
    });
}

async function refusal(url: string): Promise<string> {
    const { app } = createKernel({ session: { driver: 'database', drivers: { database: { url } } } });
    return app.boot().then(
        () => 'started',
        (error: Error) => error.message,
    );
}

if (hasSqlite) {
    testSessionStore(
        'database driver on SQLite',
        async () => {
            const folder = mkdtempSync(join(tmpdir(), 'sosise-sqlite-'));
            const reopen = () => openDatabaseStore({ url: join(folder, 'deep', 'sessions.sqlite') });
            return { store: await reopen(), reopen, close: () => rmSync(folder, { recursive: true, force: true }) };
        },
        { lacks: [] },
    );
} else {
    test('on a Node.js without SQLite, one sentence says from which version on there is one', async () => {
        expect(await refusal(join(temporaryFolder(), 'x.sqlite'))).toBe(
            `Session driver [database]: SQLite needs Node.js 22.13 or newer (22.5 with --experimental-sqlite), and this is ${process.versions.node}: use a newer one, or set url of ${CONFIG} to a PostgreSQL server.`,
        );
    });
}

describe.skipIf(!hasSqlite)('the file of SQLite', () => {
    test('is for nobody else to read, nor is what lies beside it', async () => {
        const folder = temporaryFolder();
        const store = await openDatabaseStore({ url: join(folder, 'sessions.sqlite') });
        onTestFinished(() => store.close());
        await store.write('one', recordWith({}), undefined, later());
        for (const ending of ['', '-wal', '-shm']) {
            expect(statSync(join(folder, `sessions.sqlite${ending}`)).mode & 0o077, ending).toBe(0);
        }
    });

    test('loses what has expired, and gives answers at once', async () => {
        const store = await openDatabaseStore({ url: join(temporaryFolder(), 'sessions.sqlite'), fsync: true });
        onTestFinished(() => store.close());
        await store.write('old', recordWith({}), undefined, Date.now() - 1);
        const version = store.write('new', recordWith({}), undefined, later());
        expect(version).toBeTypeOf('number');
        expect(store.read('new')).toMatchObject({ version });
        await store.tidy(0);
        expect(store.read('old')).toBeUndefined();
        expect(store.read('new')).toBeDefined();
    });

    test('that another process writes to for long is read meanwhile, and a change is a 503 in time', async () => {
        const url = join(temporaryFolder(), 'sessions.sqlite');
        const browser = (await appOn(url)).browser();
        await browser.visit('/add', { method: 'POST' });
        const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as {
            DatabaseSync: new (path: string) => { exec(sql: string): void; close(): void };
        };
        const other = new DatabaseSync(url);
        onTestFinished(() => other.close());
        other.exec('BEGIN IMMEDIATE');
        const started = performance.now();
        expect((await browser.visit('/add', { method: 'POST' })).status).toBe(503);
        expect(performance.now() - started).toBeLessThan(LIMIT_MS + 4_000);
        expect(await browser.json('/read')).toBe(1);
        const waiting = browser.visit('/add', { method: 'POST' });
        setTimeout(() => other.exec('COMMIT'), LIMIT_MS / 4);
        expect((await waiting).status).toBe(200);
        expect(await browser.json('/read')).toBe(2);
    });

    test.skipIf(process.platform !== 'linux' || process.getuid?.() !== 0)(
        'on a disk that is full, what is stored is read, and changes are a 503 until there is room',
        async () => {
            const folder = temporaryFolder();
            execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'sosise', folder]);
            onTestFinished(() => void execFileSync('umount', ['-l', folder]));
            const browser = (await appOn(join(folder, 'sessions.sqlite'))).browser();
            await browser.visit('/add', { method: 'POST' });
            const filler = join(folder, 'filler');
            for (let size = 65_536; size > 0; size = Math.floor(size / 2)) {
                try {
                    for (;;) {
                        writeFileSync(filler, Buffer.alloc(size), { flag: 'a' });
                    }
                } catch {
                    // this much does not fit any more
                }
            }
            expect((await browser.visit('/add', { method: 'POST' })).status).toBe(503);
            expect(await browser.json('/read')).toBe(1);
            rmSync(filler);
            expect((await browser.visit('/add', { method: 'POST' })).status).toBe(200);
            expect(await browser.json('/read')).toBe(2);
        },
    );

    test('that is something else stops the start with one sentence', async () => {
        const folder = temporaryFolder();
        const url = join(folder, 'sessions.sqlite');
        writeFileSync(
            url,
            'no database, but a text that is long enough to be looked at, and then some more of it '.repeat(20),
        );
        expect(await refusal(url)).toBe(
            `Session driver [database]: ${url} can't be used: SQLite refused (SQLITE_NOTADB). Correct url of ${CONFIG}, or the rights of the file and its folder.`,
        );
        mkdirSync(join(folder, 'a folder'));
        expect(await refusal(join(folder, 'a folder'))).toBe(
            `Session driver [database]: ${join(folder, 'a folder')} can't be written (EISDIR): correct url of ${CONFIG}, or the rights of the file and its folder.`,
        );
    });
});
