import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { endedRecord, fingerprintOf, keyOf, NO_CHANGE } from './helpers/inside/Session/Record.js';
import {
    firstAlive,
    openSuccessorId,
    type SessionRepository,
    sealSuccessorId,
} from './helpers/inside/Session/Repository.js';
import { MemoryStore } from './helpers/inside/Session/Stores/Memory.js';
import {
    A,
    B,
    begin,
    C,
    cookie,
    D,
    DAY,
    HOUR,
    later,
    logIn,
    MINUTE,
    move,
    origin,
    repositoryOn,
    statesOf,
    toldOf,
} from './helpers/repositoryOn.js';
import { type Interference, interferedDriver } from './helpers/wrapDriver.js';

beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => {
    vi.useRealTimers();
});

describe('the end of a session is told', () => {
    test.each<[how: string, told: string[], (repository: SessionRepository) => unknown]>([
        [
            'a logout',
            ['ended logout'],
            (repository) => repository.end(A, 'destroyed', { toldReason: 'logout', origin }),
        ],
        ['destroy()', ['ended destroyed'], (repository) => repository.end(A, 'destroyed', { origin })],
        ['regenerate()', ['ended regenerated'], (repository) => repository.end(A, 'regenerated', { origin })],
        ['revoke()', ['revoked revoked', 'ended revoked'], (repository) => repository.revoke(A, { origin })],
        [
            'a login too many',
            ['revoked replaced', 'ended replaced'],
            (repository) => repository.revoke(A, { reason: 'replaced', origin }),
        ],
        ['a new id, which is none', [], (repository) => repository.end(A, 'migrated', { origin })],
    ])('once, with its reason, user and request: %s', async (_how, expected, act) => {
        const { events, told } = toldOf();
        const repository = repositoryOn(new MemoryStore(), { events });
        await logIn(repository, A);
        expect([await act(repository), await act(repository)]).toEqual([true, false]);
        expect(told.map((event) => `${event.name} ${'reason' in event && event.reason}`)).toEqual(expected);
        const session = { fingerprint: fingerprintOf(A), user: 'mia', requestId: 'its request', address: '192.0.2.1' };
        expect(told).toEqual(told.map(() => expect.objectContaining(session)));
    });

    test('with who revokes it, and else with whose process it is', async () => {
        const { events, told } = toldOf({ by: 'console', byUser: 'root' });
        const repository = repositoryOn(new MemoryStore(), { events });
        await logIn(repository, A);
        await logIn(repository, B);
        await repository.revoke(A, { by: { by: 'request', byUser: 'bob' } });
        await repository.revoke(B);
        expect(told.filter(({ name }) => name === 'revoked')).toMatchObject([
            { by: 'request', byUser: 'bob' },
            { by: 'console', byUser: 'root' },
        ]);
    });

    test('of a visitor without a user', async () => {
        const { events, told } = toldOf();
        const repository = repositoryOn(new MemoryStore(), { events });
        await repository.create(A, cookie, NO_CHANGE);
        await repository.end(A, 'destroyed');
        expect(told).toMatchObject([{ name: 'ended', fingerprint: fingerprintOf(A), user: undefined }]);
    });

    test.each<[string, user: string | undefined]>([
        ['of a user', 'mia'],
        ['of a visitor', undefined],
    ])(
        'where its time was over and its visitor begins another, with the time at which it was: %s',
        async (_of, user) => {
            const { events, told } = toldOf();
            const driver = new MemoryStore();
            const repository = repositoryOn(driver, { events });
            await begin(repository, A, {}, user);
            const end = Date.now() + HOUR;
            later(HOUR + MINUTE);
            const write = vi.spyOn(driver, 'write').mockReturnValueOnce(undefined); // another is first
            await repository.replace(A, B);
            expect([told, write.mock.calls.length]).toEqual([[], 1]);
            await repository.replace(A, B);
            await repository.replace(A, C);
            const ended = { name: 'ended', reason: 'idle', at: end, user, fingerprint: fingerprintOf(A) };
            expect(told).toEqual([expect.objectContaining(ended)]);
            expect(await repository.load(A)).toMatchObject({ kind: 'ended', reason: 'idle', at: end, to: B });
        },
    );

    test('once, also where its visitor begins another after a logout, or nobody listens', async () => {
        const { events, told } = toldOf();
        const repository = repositoryOn(new MemoryStore(), { events });
        await logIn(repository, A);
        await repository.end(A, 'destroyed');
        await repository.replace(A, B);
        expect(told).toHaveLength(1);
        const unheard = repositoryOn();
        await logIn(unheard, A);
        later(HOUR + 1);
        await unheard.replace(A, B);
        expect(await unheard.load(A)).toMatchObject({ kind: 'ended', to: B });
    });

    test('to nobody, where nobody listens', async () => {
        const repository = repositoryOn();
        await logIn(repository, A);
        expect(await repository.revoke(A)).toBe(true);
    });

    test('to what is open with it, and only where one has ended', async () => {
        const repository = repositoryOn();
        const closed: string[] = [];
        repository.ends = { ended: (key) => void closed.push(key), stop: () => undefined };
        await logIn(repository, A);
        await repository.end(B, 'destroyed');
        expect(closed).toEqual([]);
        await repository.end(A, 'destroyed');
        expect(closed).toEqual([A]);
    });
});

describe('a session that is revoked', () => {
    test('is told and ended also where a login stores it at that moment', async () => {
        const { events, told } = toldOf();
        const interference: Interference = {};
        const repository = repositoryOn(interferedDriver(interference), { events });
        interference.read = async () => {
            interference.read = async () => {
                interference.read = () => undefined; // between the look whether it lives, and the tombstone
                await logIn(repository, A);
            };
        };
        expect(await repository.revoke(A, { origin, by: { by: 'request', byUser: 'bob' } })).toBe(true);
        expect(await statesOf(repository, A)).toEqual(['revoked']);
        expect(told).toMatchObject([
            { name: 'revoked', user: 'mia', byUser: 'bob', requestId: 'its request' },
            { name: 'ended', user: 'mia', requestId: 'its request' },
        ]);
    });

    test('keeps the reason for which it has ended before', async () => {
        const repository = repositoryOn();
        await logIn(repository, A);
        await repository.end(A, 'destroyed');
        expect(await repository.revoke(A)).toBe(false);
        expect(await statesOf(repository, A)).toEqual(['destroyed']);
    });

    test('before it is there is not told, and does not begin', async () => {
        const { events, told } = toldOf();
        const repository = repositoryOn(new MemoryStore(), { events });
        expect(await repository.revoke(A)).toBe(false);
        expect(await logIn(repository, A)).toBeUndefined();
        expect(told).toEqual([]);
    });

    test('has its tombstone also where what is stored is damaged, and takes its time to be set aside', async () => {
        const driver = new MemoryStore();
        Object.assign(driver, {
            async setAside(key: string) {
                await setImmediate();
                return driver.remove(key, driver.read(key)?.version); // whatever is there by then
            },
        });
        driver.write(A, '{"cookie":', undefined, Date.now() + DAY);
        const repository = repositoryOn(driver);
        expect(await repository.revoke(A)).toBe(false);
        await setImmediate();
        expect(await statesOf(repository, A)).toEqual(['revoked']);
        expect(await logIn(repository, A)).toBeUndefined();
    });

    test('while others write it all the time is a 503 that says why', async () => {
        const driver = new MemoryStore();
        const repository = repositoryOn(driver);
        await logIn(repository, A);
        driver.write = () => undefined;
        await expect((async () => repository.revoke(A))()).rejects.toMatchObject({
            status: 503,
            cause: {
                message: 'A session could not be replaced by its tombstone: others kept writing under its key.',
            },
        });
    });
});

describe('a session that has moved', () => {
    test.each<[string, sealedId: string | undefined, reason: 'revoked' | 'replaced', state: string]>([
        ['by a new id ends with a login too many', undefined, 'replaced', 'replaced'],
        ['by a login does not: that has counted itself', 'sealed', 'replaced', 'live'],
        ['by a login ends with the revocation of the old one', 'sealed', 'revoked', 'revoked'],
    ])('%s', async (_what, sealedId, reason, state) => {
        const repository = repositoryOn();
        await logIn(repository, A);
        await move(repository, A, B, { sealedId });
        expect(await repository.revoke(A, { follows: true, reason })).toBe(state !== 'live');
        expect(await statesOf(repository, A, B)).toEqual(['migrated', state]);
    });

    test('has a successor at the end of all its tombstones, and the store is asked for no more than these', async () => {
        const driver = new MemoryStore();
        const repository = repositoryOn(driver);
        await logIn(repository, A);
        await move(repository, A, B);
        await move(repository, B, C);
        const read = vi.spyOn(driver, 'read');
        expect(await repository.successorOf(A)).toMatchObject({ key: C, session: { kind: 'live' } });
        expect(read.mock.calls.map(([key]) => key)).toEqual([A, B, C]);
        await repository.end(C, 'destroyed');
        read.mockClear();
        expect(await repository.successorOf(A)).toBeUndefined();
        expect(read.mock.calls.map(([key]) => key)).toEqual([A, B, C]);
    });
});

describe('of several cookies with the name of the session', () => {
    const cookies = ['a', 'b', 'c', 'd'].map((id) => ({ id, key: keyOf(id) }));
    const chosenOf = async (repository: SessionRepository, ids = cookies) => (await firstAlive(repository, ids))?.id;

    test('the first counts whose session lives', async () => {
        const repository = repositoryOn();
        await logIn(repository, A);
        await repository.end(A, 'destroyed');
        await logIn(repository, C);
        await logIn(repository, D);
        expect(await chosenOf(repository)).toBe('c');
    });

    test('where none lives, that one counts whose session ended last, and else the first of them', async () => {
        const driver = new MemoryStore();
        const repository = repositoryOn(driver);
        expect(await chosenOf(repository, [])).toBeUndefined();
        expect(await firstAlive(repository)).toBeUndefined();
        expect(await chosenOf(repository)).toBe('a');
        for (const [key, minutesAgo] of [
            [B, 2],
            [C, 1],
            [D, 1],
        ] as const) {
            driver.write(key, endedRecord(Date.now() - minutesAgo * MINUTE, 'destroyed'), undefined, Date.now() + DAY);
        }
        expect(await chosenOf(repository)).toBe('c');
    });

    test('one that can not be read counts: it may live', async () => {
        const repository = repositoryOn(
            interferedDriver({
                read: (key) => {
                    if (key === B) {
                        throw new Error('EIO');
                    }
                },
            }),
        );
        await logIn(repository, C);
        expect(await chosenOf(repository)).toBe('b');
    });

    test('one whose data is damaged does not', async () => {
        const driver = new MemoryStore();
        const repository = repositoryOn(driver);
        await logIn(repository, A);
        const { record = '', version } = driver.read(A) ?? {};
        driver.write(A, record.replace(/}$/, ',"cart":1,"cart":}'), version, Date.now() + DAY);
        await logIn(repository, B);
        later(MINUTE);
        expect(await chosenOf(repository)).toBe('b');
    });
});

describe('the id of a successor, in a tombstone', () => {
    const SECRET = 'a-secret-of-at-least-32-characters-01';
    const seal = () => sealSuccessorId('the next id, ünd more', 'a', SECRET);

    test('is read by who has the old id, and by this application alone', () => {
        const sealed = seal();
        expect(openSuccessorId(sealed, 'a', SECRET)).toBe('the next id, ünd more');
        expect(openSuccessorId(sealed, 'b', SECRET)).toBeUndefined();
        expect(openSuccessorId(sealed, 'a', `${SECRET}2`)).toBeUndefined();
        expect(seal()).not.toBe(sealed);
        expect(Buffer.from(sealed, 'base64url').includes('next')).toBe(false);
    });

    test('is not read where anything of it is changed or missing', () => {
        const bytes = Buffer.from(seal(), 'base64url');
        for (let at = 0; at < bytes.length; at += 1) {
            const changed = Buffer.from(bytes);
            changed[at] = (changed[at] ?? 0) ^ 1;
            for (const text of [changed, bytes.subarray(0, at), bytes.subarray(at + 1)]) {
                expect(openSuccessorId(text.toString('base64url'), 'a', SECRET)).toBeUndefined();
            }
        }
    });
});
