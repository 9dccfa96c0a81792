import { mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ListedRecord } from './helpers/inside/Session/Drivers.js';
import { keyOf, liveRecord } from './helpers/inside/Session/Record.js';
import { SessionRepository } from './helpers/inside/Session/Repository.js';
import { FileStore } from './helpers/inside/Session/Stores/File.js';
import { MemoryStore } from './helpers/inside/Session/Stores/Memory.js';

const HOUR = 3_600_000;
let folder: string;

beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pruning-'));
});

afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
});

function repositoryOf(driver: FileStore | MemoryStore): SessionRepository {
    return new SessionRepository(driver, {
        idleMs: 2 * HOUR,
        maxAgeMs: undefined,
        timeoutMs: 2000,
        keepDamagedMs: HOUR,
        warn: () => undefined,
    });
}

function recordOf(seenMsAgo: number): string {
    const seen = Date.now() - seenMsAgo;
    return liveRecord({ seen, created: seen, login: undefined }, { originalMaxAge: null, path: '/' }, ',"a":1');
}

test('of files that were written lately none is read, of older ones each once', async () => {
    let reads = 0;
    const decoder = (text: string): unknown => {
        reads += 1;
        return JSON.parse(text);
    };
    const driver = new FileStore({ path: folder, decoder });
    for (let n = 0; n < 40; n += 1) {
        await driver.write(keyOf(`fresh${n}`), recordOf(1000), undefined);
    }
    for (const id of ['old', 'older']) {
        await driver.write(keyOf(id), recordOf(HOUR), undefined);
        utimesSync(join(folder, `${keyOf(id)}.json`), new Date(Date.now() - 3 * HOUR), new Date(Date.now() - 3 * HOUR));
    }
    reads = 0;
    expect(await repositoryOf(driver).prune()).toBe(0);
    expect(reads).toBe(2);
    driver.close();
});

/** Each record that a walk meets is written again by its visitor before the walk looks at it. */
function withVisitors<Driver extends FileStore | MemoryStore>(driver: Driver): Driver {
    const records = driver.records.bind(driver);
    driver.records = async function* (): AsyncGenerator<ListedRecord> {
        for await (const listed of records()) {
            await driver.write(listed.key, recordOf(0), listed.version, Date.now() + HOUR);
            yield listed;
        }
    };
    return driver;
}

test.each([
    ['file', () => new FileStore({ path: folder })],
    ['memory', () => new MemoryStore()],
] as const)('%s: a session that is used again while it is being pruned lives on', async (_name, make) => {
    const driver = make();
    for (let n = 0; n < 20; n += 1) {
        await driver.write(keyOf(`id${n}`), recordOf(3 * HOUR), undefined, Date.now() + HOUR);
    }
    const repository = repositoryOf(withVisitors(driver));
    expect(await repository.prune()).toBe(0);
    for (let n = 0; n < 20; n += 1) {
        expect((await repository.find(`id${n}`)).kind).toBe('live');
    }
    driver.close();
});
