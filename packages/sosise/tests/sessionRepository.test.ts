import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { SessionDriver } from './helpers/inside/Session/Drivers.js';
import { endedRecord, KEY_CHECK, keyOf, liveRecord, NO_CHANGE, userKeyOf } from './helpers/inside/Session/Record.js';
import type { SessionRepository } from './helpers/inside/Session/Repository.js';
import { MemoryStore } from './helpers/inside/Session/Stores/Memory.js';
import { A, B, begin, C, cookie, DAY, dataOf, HOUR, later, MINUTE, repositoryOn, set } from './helpers/repositoryOn.js';
import { haltFirst, type Interference, interferedDriver } from './helpers/wrapDriver.js';

let warnings: string[];

const on = (driver?: SessionDriver, options: object = {}) =>
    repositoryOn(driver, { warn: (message: string) => warnings.push(message), ...options });

/** Runs something in front of the next write, as another request or process may. */
function beforeNextWrite(interference: Interference, act: () => Promise<unknown>): void {
    interference.write = async () => {
        delete interference.write;
        await act();
    };
}

beforeEach(() => {
    warnings = [];
    vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => {
    vi.useRealTimers();
});

describe('a new session', () => {
    test('is there with what was put into it', async () => {
        const repository = on();
        const made = await begin(repository, A, { cart: [1] });
        expect(made.record).toMatchObject({ created: Date.now(), seen: Date.now(), data: { cart: [1] } });
        expect(await dataOf(repository, A)).toEqual({ cart: [1] });
    });

    test('takes no place that is taken', async () => {
        const repository = on();
        await begin(repository, A, { whose: 'the first' });
        await expect((async () => repository.create(A, cookie, set({})))()).rejects.toMatchObject({
            status: 503,
        });
        expect(await dataOf(repository, A)).toEqual({ whose: 'the first' });
    });

    test('is not begun where it was revoked before it was there', async () => {
        const repository = on();
        expect(await repository.revoke(A)).toBe(false);
        expect(await repository.create(A, cookie, set({ a: 1 }))).toBeUndefined();
        expect(await dataOf(repository, A)).toBe('ended');
    });
});

test('no id opens what is stored under the name of something else', async () => {
    const driver = new MemoryStore();
    const repository = on(driver);
    const text = liveRecord({ seen: Date.now(), created: Date.now(), login: undefined }, cookie, ',"a":1');
    for (const name of [A, userKeyOf('7'), KEY_CHECK, '~file-name']) {
        driver.write(name, text, undefined, Date.now() + DAY);
        expect((await repository.find(name)).kind, name).toBe('none');
    }
    for (const plain of ['of-another-package', 'ends-with~', `x${A}`]) {
        driver.write(plain, text, undefined, Date.now() + DAY);
        expect(await repository.find(plain), plain).toMatchObject({ kind: 'live', record: { data: { a: 1 } } });
        expect([driver.read(plain), driver.read(keyOf(plain))?.record]).toEqual([undefined, expect.any(String)]);
    }
});

describe('a change', () => {
    test('is applied to what another request has stored meanwhile', async () => {
        const repository = on();
        const loaded = await begin(repository, A, { kept: 1, changed: 1, removed: 1, count: 1, word: 'x' });
        const theirs = { ...set({ theirs: 2, changed: 2 }), added: new Map([['count', 10]]) };
        await repository.save(A, loaded, theirs);
        const ours = {
            ...set({ ours: 3, changed: 3 }),
            removed: new Set(['removed']),
            added: new Map(Object.entries({ count: 100, word: 5, new: 7 })),
        };
        const saved = await repository.save(A, loaded, ours);
        const all = { kept: 1, changed: 3, theirs: 2, ours: 3, count: 111, word: 5, new: 7 };
        expect(saved?.record.data).toEqual(all);
        expect(await dataOf(repository, A)).toEqual(all);
    });

    test('is not stored where the session has ended meanwhile', async () => {
        const repository = on();
        const loaded = await begin(repository, A, { a: 1 });
        await repository.end(A, 'destroyed');
        expect(await repository.save(A, loaded, set({ b: 2 }))).toBeUndefined();
        expect(await repository.touch(A, loaded)).toBeUndefined();
        expect(await dataOf(repository, A)).toBe('ended');
    });

    test('is trouble where the session is gone without a note of its end', async () => {
        const driver = new MemoryStore();
        const repository = on(driver);
        const loaded = await begin(repository, A, { a: 1 });
        driver.remove(A, driver.read(A)?.version);
        await expect(repository.save(A, loaded, set({ b: 2 }))).rejects.toMatchObject({ status: 503 });
        expect(await dataOf(repository, A)).toBe('none');
    });

    test('says that the session is in use', async () => {
        const repository = on();
        const loaded = await begin(repository, A);
        later(10 * MINUTE);
        await repository.save(A, loaded, set({ b: 2 }));
        expect(await repository.load(A)).toMatchObject({
            record: { seen: Date.now(), created: Date.now() - 10 * MINUTE },
        });
    });

    test('of the cookie is stored with its end counted from now, and no other change moves that end', async () => {
        const repository = on(new MemoryStore(), { maxAgeMs: HOUR });
        const made = await repository.create(A, { originalMaxAge: HOUR, path: '/' }, NO_CHANGE);
        const end = (at: number) => new Date(at + HOUR).toISOString();
        const began = Date.now();
        expect(made?.record.cookie.expires).toBe(end(began));
        later(MINUTE);
        const changed = made && (await repository.save(A, made, set({ a: 1 })));
        expect(changed?.record.cookie.expires).toBe(end(began));
        const renewed = changed && (await repository.save(A, changed, set({ a: 2 }), { renewsCookie: true }));
        expect(renewed?.record.cookie.expires).toBe(end(began + MINUTE));
        const touched = renewed && (await repository.touch(A, renewed));
        expect(touched?.record.cookie.expires).toBe(end(began + MINUTE));
        later(MINUTE);
        const sent = touched && (await repository.touch(A, touched, { renewsCookie: true }));
        expect(sent?.record.cookie.expires).toBe(end(began + 2 * MINUTE));
    });

    test('a touch that is overtaken has nothing more to say', async () => {
        const repository = on();
        const loaded = await begin(repository, A, { a: 1 });
        await repository.save(A, loaded, set({ a: 2 }));
        const touched = await repository.touch(A, loaded);
        expect(touched?.record.data).toEqual({ a: 2 });
    });
});

describe('changes that come while another one is written', () => {
    /** Writes wait at the halt; gives the first one that waits there, and counts all. */
    async function whileOneIsWritten(data: Record<string, unknown>) {
        const halt = haltFirst();
        const writes = vi.fn((key: string) => halt.pass(key));
        const interference: Interference = {};
        const driver = interferedDriver(interference);
        const repository = on(driver);
        const loaded = await begin(repository, A, data);
        interference.write = writes;
        const first = repository.save(A, loaded, set({ first: 1 }));
        await halt.reached;
        return { repository, driver, interference, loaded, first, halt, writes };
    }

    test('are applied in the order in which they came, in one write', async () => {
        const { repository, loaded, first, halt, writes } = await whileOneIsWritten({
            kept: 1,
            n: 5,
            text: 'x',
            gone: 1,
        });
        const changes = [
            set({ a: 1, late: 1, m: 3 }),
            { ...NO_CHANGE, added: new Map(Object.entries({ n: 2, m: 4, fresh: 1, text: 6 })) },
            { ...set({ late: 2 }), removed: new Set(['gone', 'a']), cookie: { ...cookie, path: '/first' } },
            {
                ...set({ a: 3 }),
                added: new Map(Object.entries({ n: 1, gone: 7 })),
                cookie: { ...cookie, path: '/shop' },
            },
            NO_CHANGE,
        ];
        const saved = changes.map((change) => repository.save(A, loaded, change));
        halt.release();
        const stored = await Promise.all([first, ...saved]);
        expect(stored[0]?.record.data).toMatchObject({ first: 1, n: 5 });
        const data = { kept: 1, first: 1, n: 8, m: 7, text: 6, gone: 7, late: 2, a: 3, fresh: 1 };
        for (const one of stored.slice(1)) {
            expect(one?.record.data).toEqual(data);
        }
        expect(await dataOf(repository, A)).toEqual(data);
        expect((await repository.load(A)) as object).toMatchObject({ record: { cookie: { path: '/shop' } } });
        expect(writes).toHaveBeenCalledTimes(2);
    });

    test('are merged again where another process was first', async () => {
        const { repository, driver, interference, loaded, first, halt, writes } = await whileOneIsWritten({});
        const saved = ['a', 'b'].map((key) => repository.save(A, loaded, set({ [key]: 1 })));
        halt.release();
        await first;
        interference.write = async (key) => {
            interference.write = writes;
            await on(driver).save(A, loaded, set({ other: 1 }));
            await writes(key);
        };
        const stored = await Promise.all(saved);
        expect(stored.map((one) => one?.record.data)).toEqual(Array(2).fill({ first: 1, other: 1, a: 1, b: 1 }));
    });

    test('fail alone where they have lost their lock', async () => {
        const { repository, loaded, first, halt } = await whileOneIsWritten({});
        const lost = { isHeld: () => false, storesUntil: () => undefined } as never;
        const saved = repository.save(A, loaded, set({ a: 1 }));
        const refused = repository.save(A, loaded, set({ b: 1 }), { lock: lost });
        halt.release();
        await first;
        await expect(refused).rejects.toMatchObject({ status: 503 });
        expect((await saved)?.record.data).toEqual({ first: 1, a: 1 });
        expect(await dataOf(repository, A)).toEqual({ first: 1, a: 1 });
    });

    test('are discarded where the session ends meanwhile', async () => {
        const { repository, driver, loaded, first, halt } = await whileOneIsWritten({});
        const late = repository.save(A, loaded, set({ a: 1 }));
        await on(driver).revoke(A);
        halt.release();
        expect([await first, await late]).toEqual([undefined, undefined]);
        expect(await dataOf(repository, A)).toBe('ended');
    });

    test('all fail where the store does, and the next one is stored', async () => {
        const { repository, interference, loaded, first, halt } = await whileOneIsWritten({});
        const saved = ['a', 'b'].map((key) => repository.save(A, loaded, set({ [key]: 1 })));
        halt.release();
        await first;
        interference.write = () => {
            throw new Error('The disk is full.');
        };
        for (const { status, reason } of (await Promise.allSettled(saved)) as PromiseRejectedResult[]) {
            expect([status, reason.status]).toEqual(['rejected', 503]);
        }
        delete interference.write;
        expect((await repository.save(A, loaded, set({ c: 1 })))?.record.data).toEqual({ first: 1, c: 1 });
    });
});

describe('the end of a session', () => {
    test('is told once, with its reason', async () => {
        const repository = on();
        await begin(repository, A);
        expect(await repository.end(A, 'destroyed')).toBe(true);
        expect(await repository.load(A)).toMatchObject({ kind: 'ended', reason: 'destroyed', at: Date.now() });
        expect(await repository.end(A, 'destroyed')).toBe(false);
        expect(await repository.end(B, 'destroyed')).toBe(false);
        expect(await dataOf(repository, B)).toBe('none');
    });

    test('comes also to where it has moved, when it is destroyed or revoked with all that follows, and to no other', async () => {
        const outcomes: Record<string, unknown> = {};
        const ways: Record<string, (repository: SessionRepository) => unknown> = {
            destroyed: (repository) => repository.end(A, 'destroyed'),
            regenerated: (repository) => repository.end(A, 'regenerated'),
            revoked: (repository) => repository.revoke(A),
            'revoked with what follows': (repository) => repository.revoke(A, { follows: true }),
        };
        for (const [way, end] of Object.entries(ways)) {
            const repository = on();
            const first = await begin(repository, A, { a: 1 });
            const second = await repository.migrate(A, B, first, NO_CHANGE);
            await (second && repository.migrate(B, C, second, NO_CHANGE));
            const wasAlive = await end(repository);
            outcomes[way] = [wasAlive, await dataOf(repository, C)];
        }
        expect(outcomes).toEqual({
            destroyed: [true, 'ended'],
            regenerated: [false, { a: 1 }],
            revoked: [false, { a: 1 }],
            'revoked with what follows': [true, 'ended'],
        });
    });

    test('does not follow to a session that only took its place after it had ended', async () => {
        const repository = on();
        await begin(repository, A);
        await begin(repository, B, { b: 1 });
        await repository.end(A, 'revoked');
        await repository.replace(A, B);
        expect(await repository.end(A, 'destroyed')).toBe(false);
        expect(await dataOf(repository, B)).toEqual({ b: 1 });
    });

    test('names what took its place, unless it names something already', async () => {
        const repository = on();
        await begin(repository, A);
        await repository.replace(A, B); // it lives
        expect(await dataOf(repository, A)).toEqual({});
        await repository.end(A, 'idle');
        const ended = Date.now();
        later(MINUTE);
        await repository.replace(A, B);
        const note = { kind: 'ended', reason: 'idle', at: ended, to: B };
        expect(await repository.load(A)).toMatchObject(note);
        await repository.replace(A, C);
        expect(await repository.load(A)).toMatchObject(note);
    });

    test('a successor is found over any number of steps, and only one that lives', async () => {
        const repository = on();
        const first = await begin(repository, A, { a: 1 });
        expect(await repository.successorOf(A)).toMatchObject({ key: A });
        const second = await repository.migrate(A, B, first, NO_CHANGE);
        await (second && repository.migrate(B, C, second, NO_CHANGE));
        expect(await repository.successorOf(A)).toMatchObject({ key: C, session: { record: { data: { a: 1 } } } });
        await repository.end(C, 'destroyed');
        expect(await repository.successorOf(A)).toBeUndefined();
        expect(await repository.successorOf(keyOf('nobody'))).toBeUndefined();
    });

    test('notes that name each other in a ring are not followed for ever', async () => {
        const driver = new MemoryStore();
        driver.write(A, endedRecord(Date.now(), 'migrated', { to: B }), undefined, Date.now() + DAY);
        driver.write(B, endedRecord(Date.now(), 'migrated', { to: A }), undefined, Date.now() + DAY);
        const repository = on(driver);
        expect(await repository.successorOf(A)).toBeUndefined();
        expect(await repository.end(A, 'destroyed')).toBe(false);
    });

    test('that never finds room for its note is trouble, and not an endless try', async () => {
        const driver = new MemoryStore();
        let tries = 0;
        driver.write = () => {
            tries += 1;
            return undefined; // another one is first, each time
        };
        await expect((async () => on(driver).revoke(A))()).rejects.toMatchObject({ status: 503 });
        expect(tries).toBeGreaterThan(1);
    });
});

describe('a session that moves', () => {
    test('leaves a note with its new key, and has its change with it', async () => {
        const repository = on();
        const loaded = await begin(repository, A, { kept: 1, removed: 1 });
        later(MINUTE);
        const change = { ...set({ added: 2 }), removed: new Set(['removed']) };
        const moved = await repository.migrate(A, B, loaded, change, { sealedId: 'sealed' });
        expect(moved?.record).toMatchObject({ data: { kept: 1, added: 2 }, created: Date.now() - MINUTE });
        expect(await dataOf(repository, B)).toEqual({ kept: 1, added: 2 });
        expect(await repository.load(A)).toMatchObject({
            kind: 'ended',
            reason: 'migrated',
            to: B,
            sealedId: 'sealed',
            at: Date.now(),
        });
    });

    test("begins its life anew with a login, and is in its user's list", async () => {
        const repository = on();
        const loaded = await begin(repository, A);
        later(MINUTE);
        const login = { user: '7', at: Date.now() };
        const moved = await repository.migrate(A, B, loaded, NO_CHANGE, { login });
        expect(moved?.record).toMatchObject({ created: Date.now(), login });
        expect(await repository.users.keysOf('7')).toEqual([B]);
        const again = moved && (await repository.migrate(B, C, moved, NO_CHANGE));
        expect(again?.record).toMatchObject({ login });
        expect(await repository.users.keysOf('7')).toContain(C);
    });

    test('takes along what another request stored while it moved, its own change once', async () => {
        const interference: Interference = {};
        const repository = on(interferedDriver(interference));
        const loaded = await begin(repository, A, { count: 1 });
        const change = { ...NO_CHANGE, added: new Map([['count', 10]]) };
        interference.write = async (key) => {
            if (key === A) {
                delete interference.write; // the copy is there, and the note is about to be
                await repository.save(A, loaded, set({ theirs: 1 }));
            }
        };
        const moved = await repository.migrate(A, B, loaded, change);
        expect(moved?.record.data).toEqual({ count: 11, theirs: 1 });
        expect(await dataOf(repository, B)).toEqual({ count: 11, theirs: 1 });
        expect(await dataOf(repository, A)).toBe('ended');
    });

    test('does not move where it ends meanwhile, and leaves no copy', async () => {
        const interference: Interference = {};
        const repository = on(interferedDriver(interference));
        const loaded = await begin(repository, A, { a: 1 });
        interference.write = async (key) => {
            if (key === A) {
                delete interference.write;
                await repository.end(A, 'destroyed');
            }
        };
        expect(await repository.migrate(A, B, loaded, NO_CHANGE)).toBeUndefined();
        expect(await dataOf(repository, A)).toBe('ended');
        expect(await dataOf(repository, B)).toBe('none');
    });

    test('does not move to a key that was revoked before it was there', async () => {
        const repository = on();
        const loaded = await begin(repository, A, { a: 1 });
        await repository.revoke(B);
        expect(await repository.migrate(A, B, loaded, NO_CHANGE)).toBeUndefined();
        expect(await dataOf(repository, B)).toBe('ended');
    });

    test('leaves no copy where the note of its end can not be written', async () => {
        const interference: Interference = {};
        const repository = on(interferedDriver(interference));
        const loaded = await begin(repository, A, { a: 1 });
        interference.write = (key) => {
            if (key === A) {
                throw new Error('disk full');
            }
        };
        await expect(repository.migrate(A, B, loaded, NO_CHANGE)).rejects.toMatchObject({ status: 503 });
        await vi.waitFor(async () => expect(await dataOf(repository, B)).toBe('none'));
        expect(await dataOf(repository, A)).toEqual({ a: 1 });
    });
});

describe('one that runs alone', () => {
    const lost = { isHeld: () => false, storesUntil: () => undefined } as never;

    test('stores, ends and moves nothing once its lock is lost', async () => {
        const repository = on();
        const loaded = await begin(repository, A, { a: 1 });
        const refused = { status: 503 };
        const attempts: (() => unknown)[] = [
            () => repository.save(A, loaded, set({ a: 2 }), { lock: lost }),
            () => repository.end(A, 'destroyed', { lock: lost }),
            () => repository.migrate(A, B, loaded, NO_CHANGE, { lock: lost }),
        ];
        for (const attempt of attempts) {
            await expect((async () => attempt())()).rejects.toMatchObject(refused);
        }
        expect(await dataOf(repository, A)).toEqual({ a: 1 });
        expect(await dataOf(repository, B)).toBe('none');
    });
});

describe("a user's list", () => {
    test('has the sessions in the order of their logins', async () => {
        const repository = on();
        await begin(repository, B, {}, '7');
        await begin(repository, A, {}, '7');
        await begin(repository, C, {}, '8');
        expect(await repository.users.keysOf('7')).toEqual([B, A]);
        await repository.users.remove('7', new Set([B, C]));
        expect(await repository.users.keysOf('7')).toEqual([A]);
        expect(await repository.users.keysOf('8')).toEqual([C]);
        await repository.users.remove('7', new Set([A]));
        expect(await repository.users.keysOf('7')).toEqual([]);
        expect(await repository.users.keysOf('nobody')).toEqual([]);
    });

    test('is written by many logins at a time, and loses none of them', async () => {
        const repository = on(interferedDriver({}));
        const keys = Array.from({ length: 10 }, (_, index) => keyOf(`${index}`));
        await Promise.all(keys.map((key) => repository.users.add('7', key)));
        expect((await repository.users.keysOf('7')).toSorted()).toEqual(keys.toSorted());
    });

    test('is written again where another process has written it meanwhile', async () => {
        const interference: Interference = {};
        const driver = interferedDriver(interference);
        const [one, other] = [on(driver), on(driver)];
        beforeNextWrite(interference, () => other.users.add('7', B));
        await one.users.add('7', A);
        expect(await one.users.keysOf('7')).toEqual([B, A]);
    });

    test('gets a session in use back, and again only ten minutes later', async () => {
        const driver = new MemoryStore();
        const repository = on(driver, { idleMs: 10 * HOUR });
        const list = userKeyOf('7');
        let session = await begin(repository, A, {}, '7');
        const drop = () => driver.remove(list, driver.read(list)?.version);
        const touchAfter = async (ms: number) => {
            later(ms);
            session = (await repository.touch(A, session)) ?? session;
            return repository.users.keysOf('7');
        };
        drop();
        expect(await touchAfter(10 * MINUTE)).toEqual([]);
        expect(await touchAfter(1)).toEqual([A]);
        drop();
        expect(await touchAfter(10 * MINUTE)).toEqual([]);
        expect(await touchAfter(1)).toEqual([A]);
    });

    test('is not written where nothing in it changes, unless ten minutes have passed', async () => {
        const interference: Interference = {};
        const repository = on(interferedDriver(interference), { idleMs: 10 * HOUR });
        let session = await begin(repository, A, {}, '7');
        later(5 * MINUTE);
        await begin(repository, B, {}, '7');
        let writes = 0;
        interference.write = (key) => {
            writes += key === userKeyOf('7') ? 1 : 0;
        };
        await repository.users.remove('7', new Set([C]));
        const touchAfter = async (ms: number) => {
            later(ms);
            session = (await repository.touch(A, session)) ?? session;
            return writes;
        };
        expect(await touchAfter(5 * MINUTE + 1), 'it is younger').toBe(0);
        expect(await touchAfter(10 * MINUTE + 1)).toBe(1);
        expect(await touchAfter(5 * MINUTE)).toBe(1);
        await repository.users.remove('7', new Set([B]));
        expect(writes).toBe(2);
        expect(await repository.users.keysOf('7')).toEqual([A]);
    });

    test('keeps what is in flight for five minutes, and drops then what never came', async () => {
        const driver = new MemoryStore();
        const repository = on(driver, { idleMs: 10 * DAY });
        await begin(repository, A, {}, '7');
        await repository.users.add('7', B); // a login that never stored its session
        await begin(repository, C, {}, '7');
        await repository.end(C, 'destroyed');
        const tidy = async () => {
            const list = driver.read(userKeyOf('7'));
            const record = { kind: 'user', seen: 0, sessions: new Map() } as const;
            await repository.users.tidy(userKeyOf('7'), record, Date.now());
            return list && (await repository.users.keysOf('7'));
        };
        later(5 * MINUTE);
        expect(await tidy()).toEqual([A, B]);
        later(1);
        expect(await tidy()).toEqual([A]);
        await repository.end(A, 'destroyed');
        expect(await tidy()).toEqual([]);
        expect(driver.read(userKeyOf('7'))).toBeUndefined();
    });

    test('is left alone for a day by the walk', async () => {
        const repository = on(new MemoryStore(), { idleMs: 10 * DAY });
        const ended = await begin(repository, A, {}, '7');
        await begin(repository, B, {}, '7');
        expect(ended.kind).toBe('live');
        await repository.end(A, 'destroyed');
        later(DAY);
        await repository.prune(undefined, { whole: true });
        expect(await repository.users.keysOf('7')).toEqual([A, B]);
        later(1);
        await repository.prune(undefined, { whole: true });
        expect(await repository.users.keysOf('7')).toEqual([B]);
    });

    test('that can not be read or written is trouble, and not an empty one', async () => {
        const interference: Interference = {};
        const repository = on(interferedDriver(interference));
        await begin(repository, A, {}, '7');
        const throws = () => {
            throw new Error('EIO');
        };
        interference.read = throws;
        const message = (action: string) => ({ status: 503, message: expect.stringContaining(`not be ${action}`) });
        await expect(repository.users.keysOf('7')).rejects.toMatchObject(message('loaded'));
        await expect(repository.users.remove('7', new Set([A]))).rejects.toMatchObject(message('ended'));
        await expect(begin(repository, B, {}, '7')).rejects.toMatchObject(message('saved'));
        delete interference.read;
        expect(await repository.users.keysOf('7')).toEqual([A]);
    });

    test('is no session', async () => {
        const repository = on();
        await begin(repository, A, {}, '7');
        expect(await repository.load(userKeyOf('7'))).toEqual({ kind: 'none' });
        expect(await repository.end(userKeyOf('7'), 'destroyed')).toBe(false);
        expect(await repository.users.keysOf('7')).toEqual([A]);
    });

    test.each<[string, () => SessionDriver]>([
        ['memory', () => new MemoryStore()],
        ['a driver that names no abilities', () => interferedDriver({})],
    ])('that is damaged is made anew of the sessions that say whose they are, on %s', async (_which, make) => {
        const driver = make();
        const repository = on(driver);
        await begin(repository, A, {}, '7');
        await begin(repository, B, {}, '8');
        await begin(repository, C);
        const list = userKeyOf('7');
        await driver.write(list, '{"damaged', (await driver.read(list))?.version, Date.now() + DAY);
        expect(await repository.users.keysOf('7')).toEqual([A]);
        const { record = '' } = (await driver.read(list)) ?? {};
        expect(JSON.parse(record)).toMatchObject({ __sosise: { sessions: { [A]: Date.now() } } });
        expect(warnings).toEqual([]);
    });
});

describe('a store that is slow', () => {
    test.each<[string, (repository: SessionRepository) => unknown]>([
        ['is created', (repository) => repository.create(B, cookie, set({ a: 1 }))],
        [
            'moves',
            async (repository) => {
                const found = await repository.load(A);
                return found.kind === 'live' && repository.migrate(A, B, found, NO_CHANGE);
            },
        ],
    ])('leaves nothing of a session that %s when nobody waits for it any more', async (_what, act) => {
        const interference: Interference = {};
        const repository = on(interferedDriver(interference), { timeoutMs: 5 });
        await begin(repository, A, { a: 1 });
        let land = () => {};
        interference.write = (key) =>
            key === B
                ? new Promise<void>((resolve) => {
                      land = resolve;
                  })
                : undefined;
        await expect((async () => act(repository))()).rejects.toMatchObject({ status: 503 });
        let isRemoved = false;
        interference.remove = () => {
            isRemoved = true;
        };
        land();
        await vi.waitFor(() => expect(isRemoved).toBe(true));
        expect(await dataOf(repository, B)).toBe('none');
        expect(await dataOf(repository, A)).toEqual({ a: 1 });
    });
});

describe('trouble', () => {
    test('has one name, whatever the store calls it, and names neither ids nor keys', async () => {
        const trouble = Object.assign(new Error(`EACCES: open '/srv/${A}.json' and ${userKeyOf('7')}`), {
            code: 'EACCES',
            name: 'StoreError',
            cause: new Error(`lock of ${A}`),
        });
        const throws = () => {
            throw trouble;
        };
        const interference: Interference = {};
        const repository = on(interferedDriver(interference));
        const loaded = await begin(repository, A);
        const calls: [string, keyof Interference, () => unknown][] = [
            ['loaded', 'read', () => repository.load(A)],
            ['saved', 'write', () => repository.save(A, loaded, set({ a: 1 }))],
            ['ended', 'write', () => repository.end(A, 'destroyed')],
        ];
        for (const [action, fails, call] of calls) {
            delete interference.read;
            delete interference.write;
            interference[fails] = throws;
            const error = await (async () => call())().catch((thrown: unknown) => thrown as Error);
            expect(error).toMatchObject({
                status: 503,
                expose: true,
                message: `The session could not be ${action}: please try again in a moment.`,
                cause: { name: 'StoreError', code: 'EACCES', message: "EACCES: open '/srv/<id>.json' and <id>" },
            });
            const { cause } = error as Error & { cause: Error };
            expect((cause.cause as Error).message).toBe('lock of <id>');
            expect(cause.stack).not.toMatch(/sha256-|user-/);
        }
    });

    test('with setting aside what is damaged is said in the log, and its visitor gets a fresh session', async () => {
        const driver = new MemoryStore();
        driver.write(A, '{"cookie":', undefined, Date.now() + DAY);
        driver.setAside = () => {
            throw new Error(`EACCES: ${A}`);
        };
        expect(await on(driver).load(A)).toEqual({ kind: 'none' });
        await vi.waitFor(() => expect(warnings).toEqual([expect.stringMatching(/damaged and (can|could) not be /)]));
    });
});

test('what memory keeps of a session that was looked at lately never stands for another text', async () => {
    const driver = new MemoryStore();
    const [one, other] = [on(driver), on(driver)];
    const loaded = await begin(one, A, { by: 'one' });
    expect(await dataOf(other, A)).toEqual({ by: 'one' });
    await other.save(A, loaded, set({ by: 'other' }));
    expect(await dataOf(one, A)).toEqual({ by: 'other' });
    await one.end(A, 'destroyed');
    expect(await dataOf(other, A)).toBe('ended');
});

test('a damaged session is set aside once, and trouble with that is said without its key', async () => {
    const driver = new MemoryStore();
    driver.write(A, '{"cookie":', undefined, Date.now() + DAY);
    const repository = on(driver);
    expect(await Promise.all([repository.load(A), repository.load(A), repository.load(A)])).toEqual(
        Array(3).fill({ kind: 'none' }),
    );
    await vi.waitFor(() => expect(driver.read(A)).toBeUndefined());
    expect(warnings).toEqual([expect.stringMatching(/damaged and was /)]);
});
