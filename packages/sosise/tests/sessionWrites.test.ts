import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { SessionDriver } from './helpers/inside/Session/Drivers.js';
import { noChannels, SessionEventChannel } from './helpers/inside/Session/Events.js';
import { endedRecord, liveRecord, NO_CHANGE } from './helpers/inside/Session/Record.js';
import type { SessionRepository } from './helpers/inside/Session/Repository.js';
import { MemoryStore } from './helpers/inside/Session/Stores/Memory.js';
import { A, B, begin, C, cookie, DAY, dataOf, HOUR, later, MINUTE, repositoryOn, set } from './helpers/repositoryOn.js';
import { haltFirst, type Interference, interferedDriver } from './helpers/wrapDriver.js';

type Session = Awaited<ReturnType<typeof begin>>;

const refusedFor = (message: string | RegExp) => ({
    status: 503,
    cause: expect.objectContaining({ message: expect.stringMatching(message) }),
});
const endOf = (session: Session | undefined) => session?.record.cookie.expires;
const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();

/** A driver with something in front of its calls, and a repository on it. */
function interfered(options: object = {}) {
    const interference: Interference = {};
    const driver = interferedDriver(interference);
    return { interference, driver, repository: repositoryOn(driver, options) };
}

/** The next call for a key: something happens in front of it, as another request or process may do. */
function beforeNext(call: keyof Interference, interference: Interference, key: string, act: () => Promise<unknown>) {
    interference[call] = async (each) => {
        if (each === key) {
            delete interference[call];
            await act();
        }
    };
}

beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => {
    vi.useRealTimers();
});

test('a driver that answers at once is answered for at once', async () => {
    const repository = repositoryOn();
    const made = repository.create(A, cookie, set({ a: 1 })) as Session;
    const saved = repository.save(A, made, set({ a: 2 })) as Session;
    const touched = repository.touch(A, saved) as Session;
    const found = repository.find('a');
    expect([made.record.data, saved.record.data, touched.record.data]).toEqual([{ a: 1 }, { a: 2 }, { a: 2 }]);
    expect(found).toMatchObject({ kind: 'live', record: { data: { a: 2 } } });
});

test('what can not be read while it is written could not be saved, and not: be loaded', async () => {
    const { interference, driver } = interfered();
    const actions: string[] = [];
    const unavailable = { emit: ({ action }: { action: string }) => actions.push(action) };
    const repository = repositoryOn(driver, { events: { ...noChannels(), unavailable } as never });
    const loaded = await begin(repository, A);
    const login = await begin(repository, B, {}, '7');
    await repository.save(A, loaded, set({ theirs: 1 }));
    await repository.save(B, login, set({ theirs: 1 }));
    interference.read = (key) => {
        if (key === A || key === B || key === C) {
            throw new Error('refused');
        }
    };
    const notSaved = {
        ...refusedFor('refused'),
        message: 'The session could not be saved: please try again in a moment.',
    };
    await expect(repository.save(A, loaded, set({ ours: 1 }))).rejects.toMatchObject(notSaved);
    await expect(repository.touch(A, loaded)).rejects.toMatchObject(notSaved);
    await expect(begin(repository, A)).rejects.toMatchObject(notSaved);
    await expect(repository.changeLogin(B, login, (each) => ({ ...each, binding: 'device' }))).rejects.toMatchObject(
        notSaved,
    );
    await expect(repository.migrate(A, C, loaded, NO_CHANGE)).rejects.toMatchObject(notSaved);
    expect(actions.slice(0, 5)).toEqual(Array(5).fill('saved'));
    await expect((async () => repository.load(A))()).rejects.toMatchObject({
        message: expect.stringContaining('be loaded'),
    });
});

test('an id that is taken, and a session that is gone, are trouble with their cause', async () => {
    const { driver, repository } = interfered();
    const loaded = await begin(repository, A);
    await expect(begin(repository, A)).rejects.toMatchObject(refusedFor('id of a new session is already in use'));
    await driver.remove(A, (await driver.read(A))?.version);
    const lost = refusedFor('The stored session is missing: the store lost it.');
    await expect(repository.save(A, loaded, set({ a: 1 }))).rejects.toMatchObject(lost);
});

describe('what the framework knows of a login', () => {
    test('is changed without a visit, and again where another request was first', async () => {
        const { interference, repository } = interfered();
        const began = Date.now();
        const loaded = await begin(repository, A, { a: 1 }, '7');
        later(MINUTE);
        const next = vi.fn((login: object) => ({ ...login, binding: 'device' }) as never);
        beforeNext('write', interference, A, async () => repository.save(A, loaded, set({ b: 2 })));
        const changed = await repository.changeLogin(A, loaded, next);
        expect(changed?.record).toMatchObject({
            login: { user: '7', at: began, binding: 'device' },
            data: { a: 1, b: 2 },
            seen: Date.now(), // that request's visit
        });
        expect(next).toHaveBeenCalledTimes(2);
        later(MINUTE);
        const again =
            changed && (await repository.changeLogin(A, changed, (login) => ({ ...login, binding: 'other' })));
        expect(again?.record).toMatchObject({ login: { binding: 'other' }, seen: Date.now() - MINUTE });
        expect(await repository.load(A)).toMatchObject({ record: { login: { binding: 'other' } } });
    });

    test('stays where there is nothing to change, no login, or no session any more', async () => {
        const { interference, repository } = interfered();
        const loaded = await begin(repository, A, {}, '7');
        const anonymous = await begin(repository, B);
        let writes = 0;
        interference.write = () => {
            writes += 1;
        };
        const next = vi.fn();
        expect(await repository.changeLogin(A, loaded, next)).toBeUndefined();
        expect(next).toHaveBeenCalledTimes(1);
        expect(await repository.changeLogin(B, anonymous, next)).toBeUndefined();
        expect([next.mock.calls.length, writes]).toEqual([1, 0]);
        beforeNext('write', interference, A, async () => repository.end(A, 'destroyed'));
        expect(await repository.changeLogin(A, loaded, (login) => login)).toBeUndefined();
        expect(await dataOf(repository, A)).toBe('ended');
    });
});

describe("a user's sessions", () => {
    test('are found by the list, which may name others', async () => {
        const repository = repositoryOn();
        await begin(repository, A, {}, '8');
        await begin(repository, B);
        const { stored } = await begin(repository, C, { c: 1 }, '7');
        await repository.users.add('7', A);
        await repository.users.add('7', B);
        await begin(repository, 'ended', {}, '7');
        await repository.end('ended', 'destroyed');
        const found: unknown[] = [];
        for await (const each of repository.liveOf('7')) {
            found.push(each);
        }
        expect(found).toEqual([
            { key: C, record: expect.objectContaining({ login: { user: '7', at: Date.now() } }), text: stored.record },
        ]);
    });

    test('keep their order with a new id, and a login is the last', async () => {
        const repository = repositoryOn();
        const [first, second] = [await begin(repository, 'a', {}, '7'), await begin(repository, 'b', {}, '7')];
        const moved = await repository.migrate('a', 'a2', first, NO_CHANGE);
        expect(await repository.users.keysOf('7')).toEqual(['a', 'a2', 'b']);
        const login = { user: '7', at: Date.now() };
        await repository.migrate('a2', 'a3', moved as Session, NO_CHANGE, { login });
        expect(await repository.users.keysOf('7')).toEqual(['a', 'a2', 'b', 'a3']);
        expect(second.kind).toBe('live');
    });

    test('are as many as there may be: the oldest ends by the request that logs in', async () => {
        const told: unknown[] = [];
        const revoked = new SessionEventChannel('revoked', () => undefined);
        revoked.watchers.add(({ requestId, reason }) => told.push([requestId, reason]));
        const repository = repositoryOn(new MemoryStore(), {
            limit: { max: 1, whenFull: 'endOldest' },
            events: { ...noChannels(), revoked },
        });
        const by = (requestId: string) => ({ request: { requestId } as never, address: undefined });
        const login = { user: '7', at: Date.now() };
        await begin(repository, A, {}, '7');
        await repository.create(B, cookie, NO_CHANGE, login, by('created'));
        expect([await dataOf(repository, A), await dataOf(repository, B)]).toEqual(['ended', {}]);
        const visitor = await begin(repository, C);
        await repository.migrate(C, 'c2', visitor, NO_CHANGE, { login, origin: by('moved') });
        expect([await dataOf(repository, B), await dataOf(repository, 'c2')]).toEqual(['ended', {}]);
        expect(told).toEqual([
            ['created', 'replaced'],
            ['moved', 'replaced'],
        ]);
    });
});

describe('a lock', () => {
    /** One that says this, one after the other and then always the last; and what it was asked. */
    function lockThat(...says: (boolean | Error | Promise<boolean>)[]) {
        const asked: boolean[] = [];
        const isHeld = (isDoubted: boolean) => {
            const now = says[Math.min(asked.push(isDoubted), says.length) - 1] as (typeof says)[0];
            if (now instanceof Error) {
                throw now;
            }
            return now;
        };
        return { asked, lock: { isHeld, storesUntil: () => undefined } as never };
    }
    const lost = refusedFor(/^The session's lock is no longer held: /);

    test('is asked for in memory, and at its source once another one has written', async () => {
        const { interference, driver, repository } = interfered();
        const loaded = await begin(repository, A);
        const { asked, lock } = lockThat(true);
        const saved = await repository.save(A, loaded, set({ a: 1 }), { lock });
        expect(asked.splice(0)).toEqual([false]);
        await repositoryOn(driver).save(A, saved as Session, set({ b: 1 }));
        const merged = await repository.save(A, saved as Session, set({ a: 2 }), { lock });
        expect(asked.splice(0)).toEqual([false, true]);
        beforeNext('write', interference, A, async () => repository.save(A, merged as Session, set({ b: 2 })));
        expect((await repository.migrate(A, B, merged as Session, NO_CHANGE, { lock }))?.record.data).toEqual({
            a: 2,
            b: 2,
        });
        expect(asked.splice(0)).toEqual([false, true]);
        expect(await repository.end(B, 'destroyed', { lock })).toBe(true);
        expect(asked).toEqual([false]);
    });

    test.each([
        ['at first', [new Promise<boolean>(() => undefined)]],
        ['once another one has written', [true, new Promise<boolean>(() => undefined)]],
    ])('that does not answer is not waited for where a session moves: %s', async (_when, says) => {
        const { interference, repository } = interfered({ timeoutMs: 5 });
        const loaded = await begin(repository, A);
        beforeNext('write', interference, A, async () => repository.save(A, loaded, set({ theirs: 1 })));
        const { lock } = lockThat(...says);
        const late = refusedFor(/^The session could not be saved within 5 ms/);
        const error = await repository.migrate(A, B, loaded, NO_CHANGE, { lock }).catch((thrown: Error) => thrown);
        expect(error).toMatchObject({ ...late, message: expect.stringMatching(/^The session could not be saved: /) });
    });

    test('that is lost while a session moves leaves it where it was', async () => {
        const { interference, repository } = interfered();
        const loaded = await begin(repository, A);
        beforeNext('write', interference, A, async () => repository.save(A, loaded, set({ theirs: 1 })));
        const { lock } = lockThat(true, false);
        await expect(repository.migrate(A, B, loaded, set({ ours: 1 }), { lock })).rejects.toMatchObject(lost);
        expect(await dataOf(repository, A)).toEqual({ theirs: 1 });
        await vi.waitFor(async () => expect(await dataOf(repository, B)).toBe('none'));
    });

    /** Changes that wait for one that is being written: how they end, and how often was written then. */
    async function whileOneIsWritten(
        changes: [Parameters<typeof set>[0], { lock?: never; renewsCookie?: boolean }?][],
        beforeTheirs?: (repository: SessionRepository, loaded: Session) => Promise<unknown>,
    ) {
        const { interference, driver, repository } = interfered();
        const loaded = (await repository.create(A, { ...cookie, originalMaxAge: HOUR }, NO_CHANGE)) as Session;
        const halt = haltFirst();
        let writes = 0;
        interference.write = (key) => halt.pass(key);
        const first = repository.save(A, loaded, set({ first: 1 }));
        await halt.reached;
        later(MINUTE);
        const saved = changes.map(([values, options]) =>
            (async () => repository.save(A, loaded, set(values), options))(),
        );
        interference.write = async () => {
            writes += 1;
            if (writes === 1) {
                await beforeTheirs?.(repositoryOn(driver), loaded);
            }
        };
        halt.release();
        await first;
        return { outcomes: await Promise.allSettled(saved), writes: () => writes, repository };
    }

    test('that is lost by all that wait is no reason to write', async () => {
        const { outcomes, writes, repository } = await whileOneIsWritten([[{ a: 1 }, lockThat(false)]]);
        expect(outcomes).toEqual([{ status: 'rejected', reason: expect.objectContaining(lost) }]);
        expect(writes()).toBe(0);
        expect(await dataOf(repository, A)).toEqual({ first: 1 });
    });

    test('that could not be asked for once is lost for the change, also where the others are merged again', async () => {
        const { outcomes, repository } = await whileOneIsWritten(
            [[{ a: 1 }, lockThat(new Error('no answer'), true)], [{ b: 1 }]],
            (other, loaded) => Promise.resolve(other.save(A, loaded, set({ theirs: 1 }))),
        );
        expect(outcomes[0]).toEqual({
            status: 'rejected',
            reason: expect.objectContaining({
                ...refusedFor('no answer'),
                message: expect.stringContaining('be saved'),
            }),
        });
        expect(outcomes[1]).toMatchObject({ value: { record: { data: { first: 1, theirs: 1, b: 1 } } } });
        expect(await dataOf(repository, A)).toEqual({ first: 1, theirs: 1, b: 1 });
    });

    test.each([
        ['moves on where the browser of one gets it again', true, MINUTE + HOUR],
        ['stays where none does', false, HOUR],
    ])("is no matter for the cookie's end, which %s", async (_what, renewsCookie, end) => {
        const expected = inMs(end);
        const { outcomes } = await whileOneIsWritten([[{ a: 1 }], [{ b: 1 }, { renewsCookie }]]);
        const ends = outcomes.map((each) => (each.status === 'fulfilled' ? endOf(each.value) : each.reason));
        expect(ends).toEqual([expected, expected]);
    });
});

describe('a session that moves', () => {
    test("has its cookie's end counted from now, and what is open with the old one is told once", async () => {
        const { interference, repository } = interfered();
        const told: string[] = [];
        repository.ends = { ended: (key) => told.push(key), stop: () => undefined };
        const loaded = (await repository.create(A, { ...cookie, originalMaxAge: HOUR }, NO_CHANGE)) as Session;
        later(MINUTE);
        beforeNext('write', interference, A, async () => {
            await repository.save(A, loaded, set({ a: 1 }));
            expect(told).toEqual([]);
        });
        expect(endOf(await repository.migrate(A, B, loaded, NO_CHANGE))).toBe(inMs(HOUR));
        expect(told).toEqual([A]);
    });

    test.each([
        ['revoked before it was there', (repository: SessionRepository) => repository.revoke(B), undefined],
        ['taken', (repository: SessionRepository) => begin(repository, B), 503],
    ])('stays where it is when its new key was %s', async (_what, act, status) => {
        const { repository } = interfered();
        const loaded = await begin(repository, A, { a: 1 });
        await act(repository);
        const outcome = await repository.migrate(A, B, loaded, NO_CHANGE).catch((error) => error.status);
        expect(outcome).toBe(status);
        expect(await dataOf(repository, A)).toEqual({ a: 1 });
    });

    test.each([
        ['copy is written', 'write', B],
        ['end is written', 'write', A],
        ['copy is removed', 'remove', B],
    ] as const)('is waited for no longer than the store may take, also while its %s', async (_what, call, key) => {
        const { interference, repository } = interfered({ timeoutMs: 5 });
        const loaded = await begin(repository, A);
        if (call === 'remove') {
            beforeNext('write', interference, A, async () => repository.end(A, 'destroyed'));
        }
        interference[call] = (each) => (each === key ? new Promise(() => undefined) : undefined);
        const late = refusedFor(/^The session could not be saved within 5 ms/);
        const error = await repository.migrate(A, B, loaded, NO_CHANGE).catch((thrown: Error) => thrown);
        expect(error).toMatchObject({ ...late, message: expect.stringMatching(/^The session could not be saved: /) });
    });

    test('is followed where its end names the new one, and nowhere else', async () => {
        const { interference, driver, repository } = interfered();
        await begin(repository, B);
        await begin(repository, C);
        await repository.end(B, 'regenerated', { to: C });
        await driver.write(A, endedRecord(Date.now(), 'migrated'), undefined, Date.now() + DAY);
        const reads: string[] = [];
        interference.read = (key) => {
            reads.push(key);
        };
        expect(await repository.end(A, 'destroyed')).toBe(false);
        expect(reads).toEqual([A]);
        expect(await repository.end(B, 'destroyed')).toBe(true);
        expect(await dataOf(repository, C)).toBe('ended');
    });

    test('is noted within the time that the store may take', async () => {
        const { interference, repository } = interfered({ timeoutMs: 5 });
        await begin(repository, A);
        await repository.end(A, 'idle');
        interference.write = () => new Promise(() => undefined);
        await expect(repository.replace(A, B)).rejects.toThrow('could not be saved within 5 ms');
    });
});

describe('a session under its plain id', () => {
    const text = (a: number) => {
        const now = Date.now();
        return liveRecord({ seen: now, created: now, login: undefined }, cookie, `,"a":${a}`);
    };
    const write = async (driver: SessionDriver, a: number) =>
        driver.write('a', text(a), (await driver.read('a'))?.version, Date.now() + DAY);

    test.each<[string, (driver: SessionDriver) => Promise<unknown>]>([
        ['is written', (driver) => write(driver, 2)],
        ['is removed', async (driver) => driver.remove('a', (await driver.read('a'))?.version)],
    ])('moves to its key, and nothing of it is left, also where it %s meanwhile', async (_what, act) => {
        const { interference, driver, repository } = interfered();
        await write(driver, 1);
        beforeNext('remove', interference, 'a', () => act(driver));
        expect(await repository.find('a')).toMatchObject({ kind: 'live', record: { data: { a: 1 } } });
        expect(await driver.read('a')).toBeUndefined();
        expect(await dataOf(repository, A)).toEqual({ a: 1 });
    });

    test('that ends there while it moves has ended under its key, too', async () => {
        const { interference, driver, repository } = interfered();
        await write(driver, 1);
        beforeNext('remove', interference, 'a', () => repositoryOn(driver).end('a', 'revoked') as Promise<boolean>);
        expect(await repository.find('a')).toMatchObject({ kind: 'ended', reason: 'revoked' });
        expect(await repository.load(A)).toMatchObject({ kind: 'ended', reason: 'revoked' });
    });

    test('that has ended there stays so, and does not move', async () => {
        const { driver, repository } = interfered();
        await write(driver, 1);
        await repository.end('a', 'revoked');
        expect(await repository.find('a')).toMatchObject({ kind: 'ended', reason: 'revoked' });
        expect(await driver.read(A)).toBeUndefined();
    });

    test('is found where another process moves it just then', async () => {
        const { interference, driver, repository } = interfered();
        await write(driver, 1);
        beforeNext('read', interference, 'a', async () => repositoryOn(driver).find('a'));
        expect(await repository.find('a')).toMatchObject({ kind: 'live', record: { data: { a: 1 } } });
    });
});
