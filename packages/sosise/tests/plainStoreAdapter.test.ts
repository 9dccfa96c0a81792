import session, { type SessionData, Store } from 'express-session';
import memorystore from 'memorystore';
import { describe, expect, test, vi } from 'vitest';
import type { ListedRecord } from './helpers/inside/Session/Drivers.js';
import { DamagedRecordError, endedRecord, parseRecord, userRecord } from './helpers/inside/Session/Record.js';
import { PlainStoreAdapter } from './helpers/inside/Session/Stores/Plain.js';

const later = () => Date.now() + 60_000;
const record = (data: object = {}) =>
    JSON.stringify({ cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' }, ...data });

/** A store such as people write it: it keeps what JSON makes of a session, and shows what it was given. */
class OwnStore extends Store {
    public readonly texts = new Map<string, string>();
    public given: SessionData | undefined;

    public override get(sid: string, callback: (error: unknown, data?: SessionData | null) => void): void {
        const text = this.texts.get(sid);
        setImmediate(callback, null, text === undefined ? null : (JSON.parse(text) as SessionData));
    }

    public override set(sid: string, data: SessionData, callback?: (error?: unknown) => void): void {
        this.given = data;
        this.texts.set(sid, JSON.stringify(data));
        if (callback) {
            setImmediate(callback);
        }
    }

    public override destroy(sid: string, callback?: (error?: unknown) => void): void {
        this.texts.delete(sid);
        if (callback) {
            setImmediate(callback);
        }
    }
}

async function listed(adapter: PlainStoreAdapter): Promise<ListedRecord[]> {
    const found: ListedRecord[] = [];
    for await (const one of adapter.records()) {
        found.push(one);
    }
    return found;
}

const stores: [string, () => Store][] = [
    ['a store of one’s own', () => new OwnStore()],
    ['express-session’s MemoryStore', () => new session.MemoryStore()],
    ['memorystore', () => new (memorystore(session))({}) as unknown as Store],
];

describe.each(stores)('%s', (_, make) => {
    test('reads, writes and removals happen only over the version that was read', async () => {
        const adapter = new PlainStoreAdapter(make());
        expect(await adapter.read('abc')).toBeUndefined();
        const first = await adapter.write('abc', record({ n: 1 }), undefined, later());
        expect(first).toBeDefined();
        const stored = await adapter.read('abc');
        expect(JSON.parse(stored?.record ?? '')).toEqual(JSON.parse(record({ n: 1 })));
        expect(stored?.version).toBe(first);
        expect(await adapter.write('abc', record({ n: 9 }), undefined, later())).toBeUndefined();
        const second = await adapter.write('abc', record({ n: 2 }), first, later());
        expect(second).toBeDefined();
        expect(await adapter.write('abc', record({ n: 3 }), first, later())).toBeUndefined();
        expect(await adapter.remove('abc', first)).toBe(false);
        expect(await adapter.remove('abc', second)).toBe(true);
        expect(await adapter.remove('abc', second)).toBe(false);
    });

    test('parallel writers of one session lose nothing', async () => {
        const adapter = new PlainStoreAdapter(make());
        await Promise.all(
            Array.from({ length: 20 }, async () => {
                for (;;) {
                    const stored = await adapter.read('abc');
                    const n = stored ? (JSON.parse(stored.record) as { n: number }).n : 0;
                    if ((await adapter.write('abc', record({ n: n + 1 }), stored?.version, later())) !== undefined) {
                        return;
                    }
                }
            }),
        );
        expect(JSON.parse((await adapter.read('abc'))?.record ?? '')).toMatchObject({ n: 20 });
    });
});

test('reads of one session that wait for a store share its answer, which is no older than they are', async () => {
    const store = new OwnStore();
    const adapter = new PlainStoreAdapter(store);
    const version = await adapter.write('abc', record({ n: 1 }), undefined, later());
    const get = vi.spyOn(store, 'get');
    const first = adapter.read('abc');
    const written = adapter.write('abc', record({ n: 2 }), version, later());
    const reads = Array.from({ length: 20 }, () => adapter.read('abc'));
    expect((await first)?.version).toBe(version);
    const second = await written;
    expect((await Promise.all(reads)).map((stored) => stored?.version)).toEqual(Array(20).fill(second));
    expect(get).toHaveBeenCalledTimes(3); // one of them is the write's
});

describe('what a store gets to see', () => {
    test('a session whose cookie lives as long as the record, by all its fields, as JSON and in a copy', async () => {
        const store = new OwnStore();
        const adapter = new PlainStoreAdapter(store);
        const expiresAt = Date.now() + 90_000;
        await adapter.write('abc', record({ user: 'Sharon' }), undefined, expiresAt);
        const cookie = store.given?.cookie as session.Cookie;
        expect(cookie).toBeInstanceOf(session.Cookie);
        const texts = JSON.parse(store.texts.get('abc') ?? '') as { cookie: session.Cookie };
        for (const seen of [cookie, structuredClone(cookie), { ...cookie }, texts.cookie]) {
            expect(new Date(seen.expires ?? 0)).toEqual(new Date(expiresAt));
            expect(seen.originalMaxAge).toBeGreaterThan(89_000);
            expect(seen.originalMaxAge).toBeLessThanOrEqual(90_000);
            expect(seen.httpOnly).toBe(true);
        }
        for (const seen of [cookie, structuredClone(cookie), { ...cookie }]) {
            expect(seen.maxAge).toBeGreaterThan(89_000);
            expect(seen.maxAge).toBeLessThanOrEqual(90_000);
        }
        expect(JSON.parse((await adapter.read('abc'))?.record ?? '')).toEqual(JSON.parse(record({ user: 'Sharon' })));
    });

    test.each([
        ['a session', record({ n: 1 })],
        ['the end of one', endedRecord(Date.now(), 'destroyed')],
        ['a list', userRecord(Date.now(), new Map([['sha256-a', 1]]))],
    ])('and gives back what it was, in a store that copies fields: %s', async (_, text) => {
        class CopyingStore extends OwnStore {
            private readonly copies = new Map<string, SessionData>();
            public override get(sid: string, callback: (error: unknown, data?: SessionData | null) => void): void {
                setImmediate(callback, null, this.copies.get(sid));
            }
            public override set(sid: string, data: SessionData, callback: () => void): void {
                this.copies.set(sid, structuredClone(data));
                setImmediate(callback);
            }
        }
        const adapter = new PlainStoreAdapter(new CopyingStore());
        const version = await adapter.write('abc', text, undefined, later());
        const stored = await adapter.read('abc');
        expect(JSON.parse(stored?.record ?? '')).toEqual(JSON.parse(text));
        expect(await adapter.write('abc', stored?.record ?? '', version, later())).toBe(version);
        expect(JSON.parse((await adapter.read('abc'))?.record ?? '')).toEqual(JSON.parse(text));
    });

    test('what it wrote is read by other drivers as it was, where they come upon it', async () => {
        const store = new OwnStore();
        await new PlainStoreAdapter(store).write('abc', record({ n: 1 }), undefined, later() + 86_400_000);
        expect(parseRecord(store.texts.get('abc') ?? '', Date.now())).toMatchObject({ kind: 'live', maxAge: null });
    });

    test('the order that a store gives keys back in does not matter, nor what it adds', async () => {
        class SortingStore extends OwnStore {
            public override get(sid: string, callback: (error: unknown, data?: SessionData | null) => void): void {
                super.get(sid, (error, data) =>
                    callback(error, data && (Object.fromEntries(Object.entries(data).sort().reverse()) as never)),
                );
            }
        }
        const adapter = new PlainStoreAdapter(new SortingStore());
        const version = await adapter.write('abc', record({ z: { b: 1, a: [2] }, a: 1 }), undefined, later());
        expect(await adapter.write('abc', record({ n: 2 }), version, later())).toBeDefined();
    });
});

describe('listing', () => {
    class ListingStore extends OwnStore {
        public form: (id: string, data: SessionData) => unknown = (_, data) => data;
        public override all(callback: (error: unknown, all?: SessionData[]) => void) {
            const entries = [...this.texts].map(([id, text]) => [id, JSON.parse(text) as SessionData] as const);
            setImmediate(callback, null, entries.map(([id, data]) => this.form(id, data)) as SessionData[]);
        }
    }

    test.each<[string, ListingStore['form']]>([
        ['sessions that hold their id', (id, data) => ({ ...data, id })],
        ['sessions without', (_, data) => data],
        ['rows', (sid, data) => ({ sid, sess: JSON.stringify(data), expire: '2026-01-01' })],
        ['rows of a database that knows JSON', (sid, data) => ({ sid, sess: data })],
    ])('works with an array of %s', async (_, form) => {
        const store = new ListingStore();
        store.form = form;
        const adapter = new PlainStoreAdapter(store);
        const version = await adapter.write('abc', record({ n: 1 }), undefined, later());
        const [found, ...more] = await listed(adapter);
        expect(more).toEqual([]);
        expect(found).toMatchObject({ key: 'abc', version });
        expect(await adapter.remove('abc', version)).toBe(true);
    });

    test('works with an object by id', async () => {
        const adapter = new PlainStoreAdapter(new session.MemoryStore());
        expect(adapter.abilities).toMatchObject({ atomicBetweenProcesses: false, lists: true });
        const version = await adapter.write('abc', record({ n: 1 }), undefined, later());
        expect(await listed(adapter)).toMatchObject([{ key: 'abc', version }]);
    });

    test('says how many it could not name, which somebody else wrote', async () => {
        const store = new ListingStore();
        store.texts.set('theirs', record({ n: 2 }));
        const adapter = new PlainStoreAdapter(store);
        await adapter.write('abc', record({ n: 1 }), undefined, later());
        await expect(listed(adapter)).rejects.toThrow('gave 1 sessions without their ids');
    });

    test('is empty where the store can not list, and the adapter says so', async () => {
        const adapter = new PlainStoreAdapter(new OwnStore());
        expect(adapter.abilities.lists).toBe(false);
        expect(adapter.abilities.limits).toContain('expired sessions are left to the store itself');
        expect(await listed(adapter)).toEqual([]);
        await adapter.tidy();
        await adapter.close();
    });
});

describe('a store that misbehaves', () => {
    const broken = (methods: object) =>
        new PlainStoreAdapter(Object.assign(new OwnStore(), methods), { timeoutMs: 30 });
    type Done = (error?: unknown, value?: unknown) => void;

    test('and never answers is an error in time, and does not hold up the next', async () => {
        const adapter = broken({ get: () => undefined });
        await expect(adapter.read('abc')).rejects.toThrow('did not answer get() within 30 ms');
        await expect(Promise.all([adapter.read('abc'), adapter.read('abc')])).rejects.toThrow(/30 ms/);
    });

    test('and throws, rejects, fails with a string or answers twice is coped with', async () => {
        const boom = () => {
            throw new Error('boom');
        };
        await expect(broken({ get: boom }).read('abc')).rejects.toThrow('boom');
        await expect(broken({ get: async () => boom() }).read('abc')).rejects.toThrow('boom');
        await expect(broken({ get: (_: string, done: Done) => done('no') }).read('abc')).rejects.toThrow('failed: no');
        const twice = broken({
            get: (_: string, done: Done) => {
                done(null, undefined);
                done(new Error('again'));
            },
        });
        expect(await twice.read('abc')).toBeUndefined();
        expect(await twice.write('abc', record(), undefined, later())).toBeDefined();
        await expect(broken({ close: boom }).close()).rejects.toThrow('boom');
    });

    test('and has no file, by its code, has no session', async () => {
        const missing = Object.assign(new Error('missing'), { code: 'ENOENT' });
        expect(await broken({ get: (_: string, done: Done) => done(missing) }).read('abc')).toBeUndefined();
    });

    test('and gives what is no session has a bad record, which is removed when set aside', async () => {
        const circular: Record<string, unknown> = {};
        circular.self = circular;
        for (const value of ['text', 5, circular, true, () => undefined]) {
            const adapter = broken({ get: (_: string, done: Done) => done(null, value) });
            await expect(adapter.read('abc')).rejects.toBeInstanceOf(DamagedRecordError);
        }
        const store = new OwnStore();
        store.texts.set('abc', '{"cookie":');
        const adapter = new PlainStoreAdapter(store);
        store.get = (sid, callback) => {
            try {
                OwnStore.prototype.get.call(store, sid, callback);
            } catch (error) {
                callback(error);
            }
        };
        await expect(adapter.read('abc')).rejects.toBeInstanceOf(DamagedRecordError);
        await adapter.setAside('abc');
        expect(await adapter.read('abc')).toBeUndefined();
    });
});

test('the lease is for one at a time, in the order of arrival', async () => {
    const adapter = new PlainStoreAdapter(new OwnStore());
    const first = await adapter.lock('abc', 100);
    expect(await adapter.lock('abc', 5)).toBeUndefined();
    const second = adapter.lock('abc', 1_000);
    await first?.release();
    await (await second)?.release();
    expect(await adapter.lock('abc', 5)).toBeDefined();
});
