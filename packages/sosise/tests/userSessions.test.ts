import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { SessionDriver } from './helpers/inside/Session/Drivers.js';
import { DamagedRecordError, keyOf, NO_CHANGE, userKeyOf } from './helpers/inside/Session/Record.js';
import type { SessionRepository } from './helpers/inside/Session/Repository.js';
import { MemoryStore } from './helpers/inside/Session/Stores/Memory.js';
import { KeyedMutex } from './helpers/inside/Support.js';
import {
    A,
    announce,
    B,
    begin,
    C,
    D,
    DAY,
    E,
    later,
    limited,
    listOf,
    logIn,
    MINUTE,
    repositoryOn,
} from './helpers/repositoryOn.js';
import { type Interference, interferedDriver } from './helpers/wrapDriver.js';

const LIST = userKeyOf('mia');
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

test.each<[string, (driver: SessionDriver) => SessionRepository, fails: boolean]>([
    ['it is stored', (driver) => limited(1, driver), false],
    ['it fails where users have no limit', (driver) => repositoryOn(driver), true],
    ['it fails where any number is allowed', (driver) => limited(undefined, driver), true],
])(
    'a login asks the store for its list and its session, and looks at that once more if it failed: %s',
    async (_when, make, fails) => {
        const calls: string[] = [];
        const note = (what: string) => (key: string) => void calls.push(`${what} ${key === LIST ? 'list' : 'session'}`);
        const written = note('write');
        const interference: Interference = {
            read: note('read'),
            write: (key) => {
                written(key);
                return fails && key === A ? throws() : undefined;
            },
        };
        const outcome = await logIn(make(interferedDriver(interference)), A).catch((error) => error.status);
        await setImmediate();
        expect(outcome).toEqual(fails ? 503 : expect.objectContaining({ kind: 'live' }));
        const look = fails ? ['read session'] : []; // it may be stored for all that
        expect(calls).toEqual(['read list', 'write list', 'write session', ...look]);
    },
);

describe("a user's list", () => {
    test.each<[string, from: string, isLogin: boolean, string[]]>([
        ['behind its old id', A, false, [A, E, B, C, D]],
        ['behind its old id, in the middle', B, false, [A, B, E, C, D]],
        ['behind all others at a login', A, true, [A, B, C, D, E]],
        ['behind all others where its old id was dropped', keyOf('dropped'), false, [A, B, C, D, E]],
    ])('has a new id %s', async (_where, from, isLogin, listed) => {
        const repository = repositoryOn();
        for (const key of [A, B, C, D]) {
            await logIn(repository, key);
        }
        await repository.users.add('mia', E, { from, isLogin });
        expect(await listOf(repository)).toEqual(listed);
    });

    test('knows for five minutes which id came in place of which', async () => {
        const driver = new MemoryStore();
        const repository = repositoryOn(driver);
        const moves = () => JSON.parse(driver.read(LIST)?.record ?? '')['__sosise'].moves;
        await logIn(repository, A);
        expect(moves()).toBeUndefined();
        await announce(repository, A, B);
        later(5 * MINUTE);
        await announce(repository, B, C);
        expect(moves()).toEqual({ [B]: A, [C]: B });
        later(1);
        await logIn(repository, D);
        expect(moves()).toEqual({ [C]: B });
        await repository.users.remove('mia', new Set([C]));
        expect(moves()).toBeUndefined();
    });

    test('does not grow with logins that have ended, and looks at them at every 64th only', async () => {
        const driver = new MemoryStore();
        const repository = repositoryOn(driver);
        const read = vi.spyOn(driver, 'read');
        const lengths: number[] = [];
        for (let count = 0; count < 130; count += 1) {
            const key = keyOf(`${count}`);
            await logIn(repository, key);
            await repository.end(key, 'destroyed');
            lengths.push((await listOf(repository)).length);
        }
        expect(Math.max(...lengths)).toBe(63);
        expect(lengths.filter((length) => length === 1)).toHaveLength(3);
        expect(read.mock.calls.length).toBe(130 * 3 + 2 * 63); // a login, an end and the list's length
    });

    test('leaves out no more than 128 at once', async () => {
        const repository = repositoryOn();
        const all = Array.from({ length: 191 }, (_, n) => keyOf(`${n}`));
        for (const key of all) {
            await logIn(repository, key);
        }
        for (const key of all) {
            await repository.end(key, 'destroyed');
        }
        await logIn(repository, A);
        expect(await listOf(repository)).toEqual([...all.slice(128), A]);
    });

    test('keeps what can not be read, when others are left out', async () => {
        const interference: Interference = {};
        const repository = repositoryOn(interferedDriver(interference), { idleMs: 10 * DAY });
        for (const key of [A, B, C]) {
            await logIn(repository, key);
        }
        await repository.end(B, 'destroyed');
        later(DAY + 1);
        interference.read = (key) => (key === A ? throws() : undefined);
        await repository.users.tidy(LIST, { kind: 'user', seen: 0, sessions: new Map() }, Date.now());
        expect(await listOf(repository)).toEqual([A, C]);
    });

    test('that is gone when the walk comes to it, or is damaged, is left as it is', async () => {
        const driver = new MemoryStore();
        const repository = repositoryOn(driver);
        const walk = () => repository.users.tidy(LIST, { kind: 'user', seen: 0, sessions: new Map() }, Date.now());
        await walk();
        expect(driver.read(LIST)).toBeUndefined();
        driver.write(LIST, '{"damaged', undefined, Date.now() + DAY);
        await begin(repository, A); // a visitor, of whom there is no list
        await walk();
        expect(driver.read(LIST)?.record).toBe('{"damaged');
    });

    test('that is damaged is made anew in the order of logins', async () => {
        const driver = new MemoryStore();
        const repository = repositoryOn(driver);
        const now = Date.now();
        for (const [key, at] of Object.entries({ [C]: 3, [A]: 1, [D]: 4, [B]: 2 })) {
            await logIn(repository, key, 'mia', now - 10 + at);
        }
        driver.write(LIST, '{"damaged', driver.read(LIST)?.version, now + DAY);
        expect(await listOf(repository)).toEqual([A, B, C, D]);
        const { record = '' } = driver.read(LIST) ?? {};
        expect(Object.keys(JSON.parse(record)['__sosise'].sessions)).toEqual([A, B, C, D]);
    });

    test('that is damaged is said where the store can not list the sessions to look for', async () => {
        const driver: SessionDriver = { ...interferedDriver({}), abilities: { lists: false } };
        const repository = repositoryOn(driver);
        await logIn(repository, A);
        await driver.write(LIST, '{"damaged', (await driver.read(LIST))?.version, Date.now() + DAY);
        await expect(listOf(repository)).rejects.toThrow(
            "A user's list of sessions is damaged, and the store can't list its sessions to rebuild it.",
        );
    });

    test('that is damaged misses no session that is only about to be stored', async () => {
        const interference: Interference = {};
        const driver = interferedDriver(interference);
        const repository = repositoryOn(driver);
        interference.write = async (key) => {
            if (key === A) {
                delete interference.write;
                await driver.write(LIST, '{"damaged', (await driver.read(LIST))?.version, Date.now() + DAY);
                expect(await listOf(repository)).toEqual([]);
            }
        };
        await logIn(repository, A);
        expect(await listOf(repository)).toEqual([A]);
    });

    test('is set aside first where it is damaged so that the store can not read it', async () => {
        const driver = new MemoryStore();
        const repository = repositoryOn(driver);
        await logIn(repository, A);
        const [read, setAside] = [driver.read.bind(driver), driver.setAside.bind(driver)];
        let isDamaged = true;
        driver.read = (key) => {
            if (key === LIST && isDamaged) {
                throw new DamagedRecordError('it is no text');
            }
            return read(key);
        };
        driver.setAside = (key) => {
            isDamaged &&= key !== LIST;
            return setAside(key);
        };
        await logIn(repository, B);
        expect(await listOf(repository)).toEqual([A, B]);
    });

    test('that can not be written lets no change be lost, and is tried again at the next', async () => {
        const interference: Interference = {};
        const driver = interferedDriver(interference);
        const repository = repositoryOn(driver);
        const loaded = await logIn(repository, A);
        driver.remove(LIST, (await driver.read(LIST))?.version);
        later(10 * MINUTE + 1);
        interference.write = (key) => (key === LIST ? throws() : undefined);
        const change = { ...NO_CHANGE, set: new Map([['cart', '1']]) };
        const saved = loaded && (await repository.save(A, loaded, change));
        expect(saved?.record).toMatchObject({ data: { cart: 1 }, login: loaded?.record.login });
        delete interference.write;
        await (saved && repository.touch(A, saved));
        expect(await listOf(repository)).toEqual([A]);
    });
});

describe('a store that hangs', () => {
    test.each<[string, keyof Interference, (repository: SessionRepository) => Promise<unknown>]>([
        ['loaded', 'read', (repository) => listOf(repository)],
        ['saved', 'write', (repository) => logIn(repository, A)],
    ])('is waited for as long as it may take: the list could not be %s', async (action, hangs, act) => {
        const interference: Interference = { [hangs]: () => never };
        await expect(act(repositoryOn(interferedDriver(interference), { timeoutMs: 1 }))).rejects.toMatchObject({
            status: 503,
            cause: { message: `The session could not be ${action} within 1 ms: the store did not answer.` },
        });
    });

    test('has more time for the walk', async () => {
        const interference: Interference = {};
        const repository = repositoryOn(interferedDriver(interference), { timeoutMs: 1, idleMs: 10 * DAY });
        await repository.users.add('mia', A);
        await repository.users.add('mia', B);
        await logIn(repository, C);
        later(DAY + 1);
        interference.write = async () => {
            for (let looks = 0; looks < 5; looks += 1) {
                await sleep(2); // several turns: also in a slow process, a time limit would be over by then
            }
        };
        await repository.users.tidy(LIST, { kind: 'user', seen: 0, sessions: new Map() }, Date.now());
        expect(await listOf(repository)).toEqual([C]);
    });

    test('does not let logins of a user wait for each other for ever', async () => {
        const interference: Interference = {};
        const repository = repositoryOn(interferedDriver(interference));
        interference.write = () => never;
        void logIn(repository, A).catch(() => undefined); // once the time of the store is over
        await setImmediate();
        vi.spyOn(KeyedMutex.prototype, 'enter').mockResolvedValueOnce(false); // after its time
        await expect(logIn(repository, B)).rejects.toMatchObject({
            status: 503,
            cause: { message: 'Other logins of the same user were being written for 10000 ms.' },
        });
    });
});
