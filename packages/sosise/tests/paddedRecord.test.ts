import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
    FileStore,
    type FileStoreOptions,
    isPadded,
    padded,
    paddedTo,
    textOfPadded,
} from './helpers/inside/Session/Stores/File.js';
import { FileLock, newOwnerText } from './helpers/inside/Support/Files.js';
import { Deadlines } from './helpers/inside/Support.js';
import { lineFrom, startWorker } from './workers/startWorker.js';

const LATER = Date.now() + 86_400_000;

let folder: string;
const stores: FileStore[] = [];

beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sosise-room-'));
});

afterEach(() => {
    for (const store of stores.splice(0)) {
        store.close();
    }
    fs.rmSync(folder, { recursive: true, force: true });
});

function open(options: FileStoreOptions = {}): FileStore {
    const store = new FileStore({ path: folder, ...options });
    stores.push(store);
    return store;
}

/** A record that names one number at both ends and in between: one that is made of two shows. */
function record(number: number, bytes = 1_000): string {
    const filler = Array.from({ length: Math.ceil(bytes / 9) }, () => String(number).padStart(8, '0'));
    return JSON.stringify({ __lastAccess: number, cookie: {}, filler, end: number });
}

const file = () => path.join(folder, 'abc.json');
const inode = () => fs.statSync(file()).ino;

async function write(store: FileStore, text: string, version?: unknown): Promise<unknown> {
    const written = await store.write('abc', text, version, LATER);
    expect(written).toBeDefined();
    return written;
}

describe('the room behind a record', () => {
    test('gives the text back, whatever it is, and notices what was changed', () => {
        for (const text of ['{}', record(1), '{"a":"Zoë 🎈"}', `{"a":"${'x'.repeat(4_000)}"}`]) {
            const bytes = padded(text) as Buffer;
            expect(isPadded(bytes)).toBe(true);
            expect(textOfPadded(bytes)?.toString()).toBe(text);
            expect(JSON.parse(bytes.toString())).toEqual(JSON.parse(text)); // other readers skip it
            for (let at = 0; at < bytes.length; at += 7) {
                const changed = Buffer.from(bytes);
                changed[at] = (changed[at] as number) ^ 1;
                expect(isPadded(changed) && textOfPadded(changed) !== undefined).toBe(false);
            }
        }
    });

    test('is a page at the most, and plain JSON has none', () => {
        expect(padded('x'.repeat(4_064))).toHaveLength(4_096);
        expect(padded('x'.repeat(4_065))).toBeUndefined();
        expect(paddedTo(512, 'x'.repeat(481))).toBeUndefined();
        expect(paddedTo(512, 'x'.repeat(480))).toHaveLength(512);
        expect(isPadded(Buffer.from(record(1)))).toBe(false);
        expect(isPadded(Buffer.alloc(0))).toBe(false);
    });
});

describe('a change', () => {
    test('is written over the record in its own file, and every handle reads it at once', async () => {
        const [one, other] = [open(), open()];
        let version = await write(one, record(0));
        const first = inode();
        for (let number = 1; number <= 50; number += 1) {
            version = await write(number % 2 === 0 ? one : other, record(number), version);
            expect(await one.read('abc')).toEqual({ record: record(number), version });
            expect(await other.read('abc')).toEqual({ record: record(number), version });
        }
        expect(inode()).toBe(first);
        expect(await one.write('abc', record(99), record(49), LATER)).toBeUndefined();
    });

    test('that needs more room moves to a new file, up to any size and back', async () => {
        const [store, other] = [open(), open()];
        let version: unknown;
        for (const bytes of [100, 130, 900, 3_900, 4_200, 60_000, 200_000, 4_000, 50, 9_000, 100]) {
            version = await write(store, record(bytes, bytes), version);
            expect((await other.read('abc'))?.record).toBe(record(bytes, bytes));
        }
        expect(fs.readdirSync(folder).sort()).toEqual(['.locks', 'abc.json']);
    });

    test('that another process is in the midst of is waited for, and never read in part', async () => {
        const [old, next] = [1, 2].map((number) => padded(record(number)) as Buffer);
        const put = (bytes: Buffer | undefined, length?: number) => {
            const fd = fs.openSync(file(), 'r+');
            fs.writeSync(fd, bytes as Buffer, 0, length);
            fs.closeSync(fd);
        };
        const [reader, other] = [open(), open()];
        const version = await write(reader, record(1));
        expect(await other.read('abc')).toBeDefined();
        for (let length = 20; length < 1_200; length += 90) {
            put(old);
            expect((await other.read('abc'))?.record).toBe(record(1));
            put(next, length);
            const reading = [reader.read('abc'), other.read('abc'), open().read('abc')];
            for (let trips = 0; trips < 8; trips += 1) {
                await fs.promises.stat(file()); // behind the first look of each reader, who has met the halves by then
            }
            put(next);
            for (const found of await Promise.all(reading)) {
                expect(found?.record).toBe(record(2));
            }
        }
        expect(await reader.write('abc', record(3), version, LATER)).toBeUndefined();
    });

    test('leaves a backup that shares the file as it was', async () => {
        const store = open();
        const version = await write(store, record(1));
        fs.linkSync(file(), path.join(folder, 'backup'));
        await write(store, record(2), version);
        expect(fs.readFileSync(path.join(folder, 'backup'), 'utf8').trimEnd()).toBe(record(1));
    });

    test('goes to a new file where it has to outlast a power cut', async () => {
        const store = open({ fsync: true });
        const version = await write(store, record(1));
        const first = inode();
        expect(fs.readFileSync(file(), 'utf8')).toBe(record(1));
        await write(store, record(2), version);
        expect(inode()).not.toBe(first);
    });

    test('by hand, of the same length, is read as it stands', async () => {
        const store = open();
        const version = await write(store, record(11_111_111));
        const edited = record(22_222_222);
        fs.writeFileSync(file(), fs.readFileSync(file(), 'utf8').replaceAll('11111111', '22222222'));
        expect(await store.read('abc')).toEqual({ record: edited, version: edited });
        expect(await store.write('abc', record(3), version, LATER)).toBeUndefined();
        await write(store, record(3), edited);
        expect((await open().read('abc'))?.record).toBe(record(3));
    });
});

describe('a new record is written in its place', () => {
    /** What a process has made that is about to write a record, or was killed before it did. */
    const begin = () => fs.openSync(file(), 'wx', 0o400);

    test('and nothing else is made for it', async () => {
        const store = open();
        await write(store, record(1));
        expect(fs.readdirSync(folder)).toEqual(['abc.json']);
        expect(isPadded(fs.readFileSync(file()))).toBe(true);
    });

    test('who reads it meanwhile waits until it is whole', async () => {
        const store = open();
        const fd = begin();
        const reading = Promise.resolve(store.read('abc'));
        await new Promise(setImmediate);
        fs.writeSync(fd, padded(record(1)) as Buffer);
        fs.closeSync(fd);
        expect((await reading)?.record).toBe(record(1));
    });

    test('it is not there where its process was killed, and gives place to another', async () => {
        const store = open();
        fs.closeSync(begin());
        expect(await store.read('abc')).toBeUndefined();
        await write(store, record(2));
        expect((await store.read('abc'))?.record).toBe(record(2));
        expect(fs.readdirSync(folder).sort()).toEqual(['.locks', 'abc.json']);
    });

    test('of several that take its place one succeeds', async () => {
        fs.closeSync(begin());
        const writes = [1, 2, 3].map((number) => open().write('abc', record(number), undefined, LATER));
        const written = (await Promise.all(writes)).filter((version) => version !== undefined);
        expect(written).toHaveLength(1);
        expect((await open().read('abc'))?.record).toBe(written[0]);
    });

    /** Begins to write, and stops this process right after the file was made, until something is so. */
    async function stoppedWhileWriting(store: FileStore, until: () => boolean): Promise<{ writing: Promise<unknown> }> {
        const writing = Promise.resolve(store.write('abc', record(1), undefined, LATER));
        for (let turn = 0; turn < 100; turn += 1) {
            await undefined;
        }
        while (!fs.existsSync(file()) || !until()) {
            Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
        }
        return { writing };
    }

    test('of two processes, one of which stops for long before it writes, one succeeds', async () => {
        const other = startWorker(folder, 'take', 'abc', record(2));
        const said = lineFrom(other);
        const { writing } = await stoppedWhileWriting(open(), () => fs.statSync(file()).size > 0);
        expect(await writing).toBeUndefined();
        expect(await said).toBe('taken');
        expect((await open().read('abc'))?.record).toBe(record(2));
    });

    test('whoever took long to write it hears what became of it, from one that is about to take its place', async () => {
        const lockFile = path.join(folder, '.abc.lock');
        const lock = await FileLock.acquire(lockFile, Deadlines.of(1_000).start());
        let madeAt = 0;
        const { writing } = await stoppedWhileWriting(open(), () => {
            madeAt ||= performance.now();
            return performance.now() > madeAt + 60;
        });
        await vi.waitUntil(() => fs.statSync(file()).size > 0);
        fs.writeFileSync(path.join(folder, 'other'), padded(record(2)) as Buffer, { mode: 0o600 });
        await Promise.race([writing, new Promise((resolve) => setTimeout(resolve, 50))]);
        fs.renameSync(path.join(folder, 'other'), file());
        await lock?.release();
        expect(await writing).toBeUndefined();
    });

    test('a large record takes the place too that a killed process left', async () => {
        fs.closeSync(begin());
        await write(open(), record(3, 10_000));
        expect((await open().read('abc'))?.record).toBe(record(3, 10_000));
    });

    test('whoever was stopped for so long that another took its place hears of it', async () => {
        const store = open();
        const looked = vi.spyOn(fs, 'lstatSync');
        const now = vi.spyOn(performance, 'now');
        let asked = 0;
        now.mockImplementation(() => 1_000 * ++asked); // a second passes between any two looks at the clock
        looked.mockImplementationOnce((() => ({ ino: 0, dev: 0 })) as never);
        try {
            expect(await store.write('abc', record(1), undefined, LATER)).toBeUndefined();
        } finally {
            now.mockRestore();
            looked.mockRestore();
        }
    });

    test('what a killed process left is removed after ten minutes, and a file that was emptied is not', async () => {
        const store = open();
        fs.closeSync(begin());
        fs.writeFileSync(path.join(folder, 'emptied.json'), record(1), { mode: 0o600 });
        fs.truncateSync(path.join(folder, 'emptied.json'));
        const walk = async () => {
            for await (const _ of store.records(Number.POSITIVE_INFINITY)) {
                // only to have looked at each
            }
            return fs.readdirSync(folder).filter((name) => name.endsWith('.json'));
        };
        expect(await walk()).toEqual(['abc.json', 'emptied.json']);
        vi.useFakeTimers({ now: Date.now() + 601_000, toFake: ['Date'] });
        try {
            expect(await walk()).toEqual(['emptied.json']);
        } finally {
            vi.useRealTimers();
        }
    });
});

describe('the files that locks are links to', () => {
    const tokens = () => fs.readdirSync(path.join(folder, '.locks'));

    test('are used again and again, and gone once the store is closed', async () => {
        const store = open();
        let version = await write(store, record(0));
        for (let number = 1; number <= 20; number += 1) {
            version = await write(store, record(number), version);
        }
        expect(tokens()).toHaveLength(1);
        store.close();
        expect(fs.readdirSync(folder)).toEqual(['abc.json']);
    });

    test('are made anew where somebody has removed them', async () => {
        const store = open();
        let version = await write(store, record(0));
        for (let number = 1; number <= 3; number += 1) {
            version = await write(store, record(number), version);
            fs.rmSync(path.join(folder, '.locks'), { recursive: true });
        }
        expect((await store.read('abc'))?.record).toBe(record(3));
    });

    test('are made anew all at once, and done without where they can not be made', async () => {
        const store = open();
        const ids = Array.from({ length: 20 }, (_, index) => `id${index}`);
        const put = (id: string, number: number, version?: unknown) =>
            store.write(id, record(number), version, LATER) as Promise<unknown>;
        const versions = await Promise.all(ids.map((id) => put(id, 0)));
        const next = await Promise.all(ids.map((id, index) => put(id, 1, versions[index])));
        expect(tokens().length).toBeGreaterThan(10);
        fs.rmSync(path.join(folder, '.locks'), { recursive: true });
        expect(await put('id0', 2, next[0])).toBeDefined();
        fs.rmSync(path.join(folder, '.locks'), { recursive: true });
        fs.writeFileSync(path.join(folder, '.locks'), 'in the way');
        for (const [index, id] of ids.slice(1).entries()) {
            expect(await put(id, 2, next[index + 1])).toBeDefined();
        }
    });

    test('of dead processes are tidied away, and no others', async () => {
        const store = open();
        await write(store, record(1), await write(store, record(0)));
        const [own] = tokens();
        const dead = newOwnerText().replace(/^\d+\.\d+/, '4194304.1');
        const foreign = newOwnerText().replace(/^(\d+\.\d+)\.[\w-]+/, '$1.1234-abcdef01');
        for (const name of [dead, foreign]) {
            fs.writeFileSync(path.join(folder, '.locks', name), name);
        }
        await store.tidy(Date.now());
        expect(tokens().sort()).toEqual([own, foreign].sort());
        const old = new Date(Date.now() - 700_000);
        fs.utimesSync(path.join(folder, '.locks', foreign), old, old);
        await store.tidy(Date.now());
        expect(tokens()).toEqual([own]);
    });
});
