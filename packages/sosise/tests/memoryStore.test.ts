import { promisify } from 'node:util';
import type { SessionData } from 'express-session';
import { afterEach, describe, expect, test } from 'vitest';
import { DamagedRecordError } from './helpers/inside/Session/Record.js';
import { MemoryStore, type MemoryStoreOptions } from './helpers/inside/Session/Stores/Memory.js';
import { keysOf } from './helpers/keysOf.js';

const opened: MemoryStore[] = [];
const later = () => Date.now() + 60_000;
const record = (data: object = {}) => JSON.stringify({ cookie: {}, ...data });

afterEach(() => {
    for (const store of opened.splice(0)) {
        store.close();
    }
});

function open(options?: MemoryStoreOptions): MemoryStore {
    const store = new MemoryStore(options);
    opened.push(store);
    return store;
}

function waitUntilAfter(time: number): Promise<void> {
    return new Promise((resolve) => {
        const look = () => (Date.now() > time ? resolve() : setTimeout(look, 1));
        look();
    });
}

describe('as a driver', () => {
    test('reads, writes and removals are answered at once, and only over the version that was read', () => {
        const store = open();
        const first = store.write('abc', record({ n: 1 }), undefined, later());
        expect(store.read('abc')).toEqual({ record: record({ n: 1 }), version: first });
        expect(store.write('abc', record({ n: 9 }), undefined, later())).toBeUndefined();
        const second = store.write('abc', record({ n: 2 }), first, later());
        expect(store.write('abc', record({ n: 3 }), first, later())).toBeUndefined();
        expect(store.remove('abc', first)).toBe(false);
        expect(store.remove('abc', second)).toBe(true);
        expect(store.remove('abc', second)).toBe(false);
        expect(store.remove('abc', undefined)).toBe(false);
        expect(store.read('abc')).toBeUndefined();
    });

    test('a record is gone when it expires, and not for ever there when it is expired at once', async () => {
        const store = open();
        const until = Date.now() + 20;
        store.write('abc', record(), undefined, until);
        store.write('past', record(), undefined, Date.now() - 1_000);
        expect(store.read('abc')).toBeDefined();
        await waitUntilAfter(until + 1);
        expect(store.read('abc')).toBeUndefined();
        expect(store.read('past')).toBeUndefined();
        expect(store.write('abc', record({ n: 1 }), undefined, later())).toBeDefined();
    });

    test('at the cap the least recently used goes, with one warning', async () => {
        const warnings: string[] = [];
        const store = open({ max: 3, warn: (message) => warnings.push(message) });
        for (const id of ['a', 'b', 'c']) {
            store.write(id, record(), undefined, later());
        }
        store.read('a');
        await keysOf(store); // a walk is no use
        store.write('a', record({ n: 1 }), store.read('a')?.version, later());
        expect(warnings).toEqual([]);
        store.write('d', record(), undefined, later());
        store.write('e', record(), undefined, later());
        expect(await keysOf(store)).toEqual(['a', 'd', 'e']);
        expect(warnings).toEqual([expect.stringMatching(/holds its most, 3 sessions.*drivers\.memory\.max/)]);
    });

    test('by default it has a cap, and prunes by itself', () => {
        const store = open();
        expect(store.store.max).toBe(100_000);
        expect(store.options.checkPeriod).toBe(600_000);
        expect(store._checkInterval?.hasRef()).toBe(false);
        store.close();
        expect(store._checkInterval).toBeUndefined();
        expect(open({ checkPeriod: 0 })._checkInterval).toBeUndefined();
        const rare = open({ checkPeriod: 2 ** 40 })._checkInterval as unknown as { _idleTimeout: number };
        expect(rare._idleTimeout, 'longer than a timer can be, it would fire at once').toBe(2 ** 31 - 1);
    });

    test('the interval removes what is expired without being asked for it', async () => {
        const gone: string[] = [];
        const removed = new Promise<void>((resolve) => {
            const store = open({
                checkPeriod: 5,
                dispose: (id) => {
                    gone.push(id);
                    resolve();
                },
            });
            store.write('short', record(), undefined, Date.now() + 5);
            store.write('long', record(), undefined, later());
        });
        await removed;
        expect(gone).toEqual(['short']);
    });

    test('pruning and walking 100,000 records let others in between, and keep the order of use', async () => {
        const store = open();
        for (let n = 0; n < 100_000; n += 1) {
            store.write(`id${n}`, record({ n }), undefined, n % 2 ? Date.now() + 1 : later());
        }
        await waitUntilAfter(Date.now() + 3);
        let turns = 0;
        let isOver = false;
        const tick = () => {
            turns += 1;
            if (!isOver) {
                setImmediate(tick);
            }
        };
        setImmediate(tick);
        await new Promise(setImmediate);
        let seen = 0;
        for await (const _ of store.records()) {
            seen += 1;
        }
        expect(seen).toBe(50_000);
        await store.prune();
        isOver = true;
        expect(store.store.itemCount).toBe(50_000);
        expect((store.store as unknown as { keys(): string[] }).keys()[0]).toBe('id99998');
        expect(turns).toBeGreaterThan(10); // how long each took is a matter for a benchmark
    });

    test('records written lately are left out when older ones are asked for', async () => {
        const store = open();
        store.write('old', record(), undefined, later());
        await waitUntilAfter(Date.now() + 2);
        const between = Date.now();
        store.write('new', record(), undefined, later());
        expect(await keysOf(store, between)).toEqual(['old']);
        expect(await keysOf(store)).toEqual(['new', 'old']);
    });

    test('a walk copes with records that come, change and go meanwhile', async () => {
        const store = open();
        for (const id of ['a', 'b', 'c']) {
            store.write(id, record(), undefined, later());
        }
        const seen: string[] = [];
        for await (const { key: id, version } of store.records()) {
            seen.push(id);
            expect(store.remove(id, version)).toBe(true);
            store.remove('c', store.read('c')?.version);
            store.write('d', record(), store.read('d')?.version, later());
        }
        expect(seen.slice(0, 2)).toEqual(['a', 'b']);
        expect(seen).not.toContain('c');
        expect(seen.length).toBeLessThan(4); // it ends, though there is always a new one
        expect(await keysOf(store)).toEqual(['d']);
    });

    test('the lease is for one at a time, and waiting is bounded', async () => {
        const store = open();
        const lease = await store.lock('abc', 100);
        expect(await store.lock('abc', 5)).toBeUndefined();
        const next = store.lock('abc', 1_000);
        await lease?.release();
        expect(await next).toBeDefined();
    });

    test('a serializer of one’s own is used, and a text it does not understand is a bad record', () => {
        const serializer = {
            stringify: (value: object) => `v1:${JSON.stringify(value)}`,
            parse: (text: string) => JSON.parse(text.slice(3)) as object,
        };
        const store = open({ serializer });
        const version = store.write('abc', record({ n: 1 }), undefined, later());
        expect(store.store.peek('abc')).toBe(`v1:${record({ n: 1 })}`);
        expect(store.read('abc')?.record).toBe(record({ n: 1 }));
        expect(store.write('abc', record({ n: 2 }), version, later())).toBeDefined();
        store.store.set('bad', 'x', 1_000);
        expect(() => store.read('bad')).toThrow(DamagedRecordError);
        store.setAside('bad');
        expect(store.read('bad')).toBeUndefined();
    });
});

describe('as an express-session store of its own', () => {
    test('the package’s methods keep working, and answer later', async () => {
        const store = open();
        const data = { cookie: { maxAge: 60_000 }, user: 'Sharon' } as unknown as SessionData;
        await promisify(store.set.bind(store))('abc', data);
        expect(await promisify(store.get.bind(store))('abc')).toEqual(data);
        expect(JSON.parse(store.read('abc')?.record ?? '')).toEqual(data);
        let isLater = false;
        const answered = new Promise<void>((resolve) =>
            store.get('abc', () => {
                expect(isLater).toBe(true);
                resolve();
            }),
        );
        isLater = true;
        await answered;
        await new Promise<void>((resolve) => store.destroy('abc', () => resolve()));
        expect(store.read('abc')).toBeUndefined();
    });
});
