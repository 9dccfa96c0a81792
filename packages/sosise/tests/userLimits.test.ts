import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { keyOf } from './helpers/inside/Session/Record.js';
import { MemoryStore } from './helpers/inside/Session/Stores/Memory.js';
import {
    A,
    announce,
    B,
    C,
    D,
    E,
    later,
    limited,
    listOf,
    logIn,
    MINUTE,
    move,
    origin,
    repositoryOn,
    statesOf,
    toldOf,
} from './helpers/repositoryOn.js';
import { type Interference, interferedDriver } from './helpers/wrapDriver.js';

const nothing = async () => undefined;
const throws = () => {
    throw new Error('disk full');
};
const never = new Promise<never>(() => undefined);

beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
});

describe('one login more than a user may have sessions', () => {
    test.each<[max: unknown, states: string[]]>([
        [1, ['replaced', 'replaced', 'replaced', 'live']],
        [2, ['replaced', 'replaced', 'live', 'live']],
        [3, ['replaced', 'live', 'live', 'live']],
        [4, ['live', 'live', 'live', 'live']],
        [Number.POSITIVE_INFINITY, ['live', 'live', 'live', 'live']],
        [undefined, ['live', 'live', 'live', 'live']],
        [() => 1, ['replaced', 'replaced', 'replaced', 'live']],
        [() => Number.POSITIVE_INFINITY, ['live', 'live', 'live', 'live']],
        [async (user: string) => user.length, ['replaced', 'live', 'live', 'live']],
    ])('ends the oldest logins: of four, with %s', async (max, states) => {
        const repository = limited(max);
        for (const key of [A, B, C, D]) {
            await logIn(repository, key);
        }
        await logIn(repository, E, 'bob');
        expect(await statesOf(repository, A, B, C, D, E)).toEqual([...states, 'live']);
    });

    test('is refused where the config says so, and told with its request: nobody is logged out', async () => {
        const { events, told } = toldOf();
        const repository = repositoryOn(new MemoryStore(), { limit: { max: 1, whenFull: 'refuse' }, events });
        await logIn(repository, A);
        const again = repository.users.enter('mia', B, { isLogin: true, origin }, throws, nothing);
        await expect(again).rejects.toMatchObject({ status: 409, errorCode: 'E_SESSION_LIMIT' });
        expect(told).toEqual([
            expect.objectContaining({ name: 'refused', reason: 'limit', user: 'mia', requestId: 'its request' }),
        ]);
        await expect(logIn(limited(1, repository.driver, 'refuse'), B), 'nobody listens').rejects.toMatchObject({
            status: 409,
        });
        expect(await statesOf(repository, A, B)).toEqual(['live', 'none']);
        expect(await listOf(repository)).toEqual([A]);
        await repository.end(A, 'destroyed');
        expect(await logIn(repository, B)).toMatchObject({ kind: 'live' });
    });

    test.each([
        [0, '0'],
        [-1, '-1'],
        [1.5, '1.5'],
        ['3', '"3"'],
        [undefined, 'undefined'],
    ])('fails where the function of the config gives %j', async (most, shown) => {
        const repository = limited(() => most);
        await expect(logIn(repository, A)).rejects.toThrow(
            `registry.max in src/config/session.ts gave ${shown}: it has to give a whole number from 1 on`,
        );
        expect(await listOf(repository)).toEqual([]);
    });

    test('is a 503 where the function of the config gives no number in time', async () => {
        const limit = { max: () => never, whenFull: 'endOldest' };
        const repository = repositoryOn(new MemoryStore(), { limit, timeoutMs: 1 });
        await expect(logIn(repository, A)).rejects.toMatchObject({
            status: 503,
            message: expect.stringContaining('not be saved'),
            cause: { message: 'registry.max in src/config/session.ts gave no number within 1 ms.' },
        });
        expect(await listOf(repository)).toEqual([]);
    });

    test('does not count what has ended, and leaves it out', async () => {
        const repository = limited(2);
        for (const key of [A, B]) {
            await logIn(repository, key);
        }
        await repository.end(B, 'destroyed');
        await logIn(repository, C);
        expect(await statesOf(repository, A, C)).toEqual(['live', 'live']);
        expect(await listOf(repository)).toEqual([A, C]);
        await logIn(repository, D);
        expect(await statesOf(repository, A, C, D)).toEqual(['replaced', 'live', 'live']);
    });

    test('counts what is about to be stored, for five minutes', async () => {
        for (const [ms, state] of [
            [5 * MINUTE, 'replaced'],
            [5 * MINUTE + 1, 'live'],
        ] as const) {
            const repository = limited(2);
            await logIn(repository, A);
            await repository.users.add('mia', B); // another process is about to
            later(ms);
            await logIn(repository, C);
            expect(await statesOf(repository, A, C), `${ms} ms later`).toEqual([state, 'live']);
        }
    });

    test('counts what can not be read now', async () => {
        const interference: Interference = {};
        const repository = limited(2, interferedDriver(interference), 'refuse');
        for (const key of [A, B]) {
            await logIn(repository, key);
        }
        interference.read = (key) => (key === A ? throws() : undefined);
        await expect(logIn(repository, C)).rejects.toMatchObject({ status: 409 });
        expect(await listOf(repository)).toEqual([A, B]);
    });

    test('counts a session that gets new ids meanwhile once, however many', async () => {
        const repository = limited(2);
        await logIn(repository, A);
        await move(repository, A, B);
        await announce(repository, B, C);
        await logIn(repository, D);
        expect(await statesOf(repository, B, D)).toEqual(['live', 'live']);
        await logIn(repository, E);
        expect(await statesOf(repository, B, D, E)).toEqual(['replaced', 'live', 'live']);
    });

    test('counts its own session not at all', async () => {
        const repository = limited(2);
        await logIn(repository, A);
        await logIn(repository, B);
        await move(repository, A, C, { login: { user: 'mia', at: Date.now() } });
        expect(await statesOf(repository, B, C)).toEqual(['live', 'live']);
    });

    test('also ends one under the new id that it gets meanwhile', async () => {
        const interference: Interference = {};
        const repository = limited(1, interferedDriver(interference));
        await logIn(repository, A);
        interference.write = async (key) => {
            if (key === A) {
                delete interference.write;
                await move(repositoryOn(repository.driver), A, B);
            }
        };
        await logIn(repository, C);
        expect(await statesOf(repository, B, C)).toEqual(['replaced', 'live']);
    });

    test('does so before its own session is stored, and tells by which request', async () => {
        const { events, told } = toldOf();
        const repository = repositoryOn(new MemoryStore(), { limit: { max: 1, whenFull: 'endOldest' }, events });
        await logIn(repository, A);
        let states: string[] = [];
        const store = async () => {
            states = await statesOf(repository, A, B);
            return 'stored';
        };
        await repository.users.enter('mia', B, { isLogin: true, origin }, store, nothing);
        expect(states).toEqual(['replaced', 'none']);
        const request = { reason: 'replaced', user: 'mia', requestId: 'its request', address: '192.0.2.1' };
        expect(told).toMatchObject([
            { name: 'revoked', by: 'application', ...request },
            { name: 'ended', ...request },
        ]);
    });

    test('is a 503 where it can not end the oldest', async () => {
        const interference: Interference = {};
        const repository = limited(1, interferedDriver(interference));
        await logIn(repository, A);
        interference.write = (key) => (key === A ? throws() : undefined);
        await expect(logIn(repository, B)).rejects.toMatchObject({ status: 503 });
        expect(await statesOf(repository, A, B)).toEqual(['live', 'none']);
    });

    test.each([
        ['of 128, which are looked at, and are left out by the next login', 128, { oldest: 2, newest: 2 }, 129],
        ['of 150, which end without a look after 129, and are left out at once', 150, { oldest: 1, newest: 2 }, 1],
    ])('ends a long list %s', async (_which, count, expected, listed) => {
        const interference: Interference = {};
        const driver = interferedDriver(interference);
        const before = repositoryOn(driver);
        const all = Array.from({ length: count }, (_, n) => keyOf(`${n}`));
        for (const key of all) {
            await logIn(before, key);
        }
        const reads = { oldest: 0, newest: 0 };
        interference.read = (key) => {
            reads.oldest += key === all[0] ? 1 : 0;
            reads.newest += key === all.at(-1) ? 1 : 0;
        };
        const repository = limited(1, driver);
        await logIn(repository, A);
        expect(reads, 'a look, and the end').toEqual(expected);
        expect(new Set(await statesOf(repository, ...all))).toEqual(new Set(['replaced']));
        expect(await listOf(repository)).toHaveLength(listed);
        await logIn(repository, B);
        expect(await listOf(repository)).toEqual([A, B]);
    });
});

describe('whether there is room for a login', () => {
    test.each<[string, limit: object | undefined, outcome: number | undefined, isLookedAt: boolean]>([
        ['not where the list is full, which is told', { max: 2, whenFull: 'refuse' }, 409, true],
        ['where there is', { max: 3, whenFull: 'refuse' }, undefined, true],
        ['always where any number is allowed', { whenFull: 'refuse' }, undefined, false],
        ['always where there is no limit', undefined, undefined, false],
        ['always where the oldest ends', { max: 2, whenFull: 'endOldest' }, undefined, false],
    ])('can be asked before anything is ended for it: %s', async (_when, limit, outcome, isLookedAt) => {
        const { events, told } = toldOf();
        const driver = new MemoryStore();
        const repository = repositoryOn(driver, { limit, events });
        await logIn(repository, A);
        await logIn(repository, B);
        const read = vi.spyOn(driver, 'read');
        const asked = await repository.users.requireRoom('mia', origin).catch((error) => error.status ?? error);
        expect(asked).toBe(outcome);
        expect(read.mock.calls.length > 0, 'the store is asked').toBe(isLookedAt);
        expect(told).toMatchObject(
            outcome === undefined ? [] : [{ name: 'refused', reason: 'limit', user: 'mia', requestId: 'its request' }],
        );
        expect(await statesOf(repository, A, B)).toEqual(['live', 'live']);
    });

    test('counts a session once that gets a new id meanwhile', async () => {
        const repository = limited(2, new MemoryStore(), 'refuse');
        await repository.users.requireRoom('mia', origin);
        await logIn(repository, A);
        await announce(repository, A, B);
        await repository.users.requireRoom('mia', origin);
        await logIn(repository, C);
        await expect(repository.users.requireRoom('mia', origin)).rejects.toMatchObject({ status: 409 });
    });

    test('is a 503 while the store is in trouble', async () => {
        const interference: Interference = { read: throws };
        const repository = limited(1, interferedDriver(interference), 'refuse');
        await expect(repository.users.requireRoom('mia', origin)).rejects.toMatchObject({ status: 503 });
    });
});

describe('a login that stores no session', () => {
    test('does not count any more', async () => {
        const interference: Interference = {};
        const repository = limited(2, interferedDriver(interference), 'refuse');
        await logIn(repository, A);
        interference.write = (key) => (key === B ? throws() : undefined);
        await expect(logIn(repository, B)).rejects.toMatchObject({ status: 503 });
        await setImmediate();
        expect(await listOf(repository)).toEqual([A]);
        expect(await logIn(repository, C)).toMatchObject({ kind: 'live' });
    });

    test('does not count, and is taken away, where the store has it all the same: nobody knows its id', async () => {
        const driver = interferedDriver({});
        const { write } = driver;
        driver.write = async (key, ...record) => {
            const version = await write(key, ...record);
            return key === A ? throws() : version;
        };
        const repository = limited(1, driver, 'refuse');
        await expect(logIn(repository, A)).rejects.toMatchObject({ status: 503 });
        await vi.waitFor(async () => expect(await listOf(repository)).toEqual([]));
        expect(await statesOf(repository, A)).toEqual(['none']);
        expect(await logIn(repository, B)).toMatchObject({ kind: 'live' });
    });
});
