import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { endedRecord, keyOf, liveRecord } from './helpers/inside/Session/Record.js';
import { SessionRepository } from './helpers/inside/Session/Repository.js';
import { FileStore } from './helpers/inside/Session/Stores/File.js';
import { ExpiringTexts } from './helpers/inside/Session/Stores/Memory.js';
import { PlainStoreAdapter } from './helpers/inside/Session/Stores/Plain.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
let folder: string;
let driver: FileStore;
let repository: SessionRepository;
/** The texts that were read from files. */
let reads: string[];

beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pruning-walks-'));
    reads = [];
    driver = new FileStore({
        path: folder,
        decoder: (text: string): unknown => {
            reads.push(text);
            return JSON.parse(text);
        },
    });
    repository = new SessionRepository(driver, {
        idleMs: 2 * HOUR,
        maxAgeMs: undefined,
        timeoutMs: 2000,
        keepDamagedMs: HOUR,
        warn: () => undefined,
    });
});

afterEach(() => {
    driver.close();
    rmSync(folder, { recursive: true, force: true });
});

/** @param fileAge How long ago the file was written, in ms. */
function put(id: string, text: string, fileAge: number): void {
    const file = join(folder, `${keyOf(id)}.json`);
    const time = new Date(Date.now() - fileAge);
    writeFileSync(file, text);
    utimesSync(file, time, time);
}

function live(seenMsAgo: number, maxAge: number | null = null): string {
    const seen = Date.now() - seenMsAgo;
    return liveRecord({ seen, created: seen, login: undefined }, { originalMaxAge: maxAge, path: '/' }, ',"a":1');
}

async function readsOfWalk(): Promise<number> {
    reads = [];
    await repository.prune();
    return reads.length;
}

describe('what a walk has found to rest is not read by the next', () => {
    test('that is: sessions whose own cookies let them live longer, and notes of ended ones', async () => {
        for (let n = 0; n < 10; n += 1) {
            put(`remembered${n}`, live(3 * HOUR, 30 * DAY), 3 * HOUR);
            put(`ended${n}`, endedRecord(Date.now() - 3 * HOUR, 'destroyed'), 3 * HOUR);
        }
        expect(await readsOfWalk()).toBe(20);
        expect(await readsOfWalk()).toBe(0);
        expect(await readsOfWalk()).toBe(0);
        expect((await repository.find('remembered0')).kind).toBe('live');
    });

    test('but what was written since is read again, and removed when it is dead', async () => {
        put('remembered', live(30 * HOUR, 30 * DAY), 30 * HOUR);
        expect(await readsOfWalk()).toBe(1);
        put('remembered', endedRecord(Date.now() - 26 * HOUR, 'destroyed'), 0); // the same inode
        const realNow = Date.now;
        try {
            Date.now = () => realNow() + 3 * HOUR;
            expect(await repository.prune()).toBe(1);
        } finally {
            Date.now = realNow;
        }
        expect((await repository.find('remembered')).kind).toBe('none');
    });

    test('and its time comes', async () => {
        put('remembered', live(3 * HOUR, 5 * HOUR), 3 * HOUR);
        expect(await readsOfWalk()).toBe(1);
        const realNow = Date.now;
        try {
            Date.now = () => realNow() + 4 * HOUR;
            expect(await repository.prune()).toBe(1);
        } finally {
            Date.now = realNow;
        }
    });
});

test('a file whose time is still to come tells nothing by it: it is read, and removed when its session is dead', async () => {
    put('written by a clock that was ahead', live(3 * HOUR), -DAY);
    expect(await repository.prune()).toBe(1);
});

test('a walk that is told to stop does so among files that need no look, and tidies nothing', async () => {
    for (let n = 0; n < 100; n += 1) {
        put(`fresh${n}`, live(0), 0);
    }
    const stopping = new AbortController();
    let tidied = 0;
    driver.tidy = async () => {
        tidied += 1;
    };
    const walk = repository.prune(stopping.signal);
    stopping.abort();
    expect(await walk).toBe(0);
    expect(tidied).toBe(0);
    expect(reads).toEqual([]);
});

/** How often the event loop went round while something was done. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
    let turns = 0;
    let isOver = false;
    const turn = (): void => {
        turns += 1;
        if (!isOver) {
            setImmediate(turn);
        }
    };
    setImmediate(turn);
    await work();
    isOver = true;
    return turns;
}

test('other work gets its turns while many notes run out, and while a plain store with many sessions is walked', async () => {
    const notes = new ExpiringTexts();
    for (let n = 0; n < 200_000; n += 1) {
        notes.set(`id${n}`, 'note', 1);
    }
    expect(await turnsDuring(() => notes.prune())).toBeGreaterThan(3);
    expect([...notes.entries()]).toEqual([]);

    const data = { cookie: { originalMaxAge: null }, list: Array.from({ length: 50 }, (_, index) => ({ index })) };
    const all = Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`id${n}`, data]));
    const store = { all: (done: (error: unknown, found: object) => void) => done(null, all) };
    const adapter = new PlainStoreAdapter(store as never);
    let seen = 0;
    const walk = async () => {
        for await (const _ of adapter.records()) {
            seen += 1;
        }
    };
    expect(await turnsDuring(walk)).toBeGreaterThan(3);
    expect(seen).toBe(2_000);
});
