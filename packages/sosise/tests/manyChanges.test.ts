import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keyOf } from './helpers/inside/Session/Record.js';
import { FileStore } from './helpers/inside/Session/Stores/File.js';
import { FileLock } from './helpers/inside/Support/Files.js';

const record = (n: number) => JSON.stringify({ cookie: {}, n });
let folder: string;
let driver: FileStore;

beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'many-changes-'));
    driver = new FileStore({ path: folder });
});

afterEach(() => {
    driver.close();
    rmSync(folder, { recursive: true, force: true });
});

async function create(count: number): Promise<unknown[]> {
    return Promise.all(Array.from({ length: count }, (_, n) => driver.write(keyOf(`id${n}`), record(0), undefined)));
}

const change = (n: number, version: unknown) => driver.write(keyOf(`id${n}`), record(1), version);

test('of 300 changes at once all are stored, and only some of them are worked on at a time', async () => {
    const versions = await create(300);
    let mostLocks = 0;
    let isOver = false;
    const look = (): void => {
        mostLocks = Math.max(mostLocks, readdirSync(folder).filter((file) => file.endsWith('.lock')).length);
        if (!isOver) {
            setImmediate(look);
        }
    };
    look();
    const written = await Promise.all(versions.map((version, n) => change(n, version)));
    isOver = true;
    expect(written.filter((version) => version === undefined)).toEqual([]);
    expect((await driver.read(keyOf('id299')))?.record).toBe(record(1));
    expect(mostLocks).toBeGreaterThan(0);
    expect(mostLocks).toBeLessThanOrEqual(32);
});

test('many sessions that others hold locked do not keep the change of another one waiting', async () => {
    const versions = await create(41);
    const locks = await Promise.all(
        versions
            .slice(1)
            .map((_, n) => FileLock.acquire(join(folder, `.${keyOf(`id${n + 1}`)}.lock`), { isOver: true })),
    );
    let stored = 0;
    const held = versions.slice(1).map(async (version, n) => {
        const written = await change(n + 1, version);
        stored += written === undefined ? 0 : 1;
    });
    expect(await change(0, versions[0])).toBeDefined();
    expect(stored).toBe(0);
    await Promise.all(locks.map((lock) => lock?.release()));
    await Promise.all(held);
    expect(stored).toBe(40);
});
