import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { noChannels, SessionEventChannel } from './helpers/inside/Session/Events.js';
import { liveRecord, NO_CHANGE, userKeyOf } from './helpers/inside/Session/Record.js';
import { type SessionRepository, StoreCalls, withoutId } from './helpers/inside/Session/Repository.js';
import { MemoryStore } from './helpers/inside/Session/Stores/Memory.js';
import { Deadlines } from './helpers/inside/Support.js';
import { A, B, begin, cookie, repositoryOn, set } from './helpers/repositoryOn.js';
import { haltFirst, type Interference, interferedDriver } from './helpers/wrapDriver.js';

type Session = Awaited<ReturnType<typeof begin>>;
type Case = [
    action: 'loaded' | 'saved' | 'ended',
    what: string,
    fails: 'read' | 'write' | 'second write',
    call: (repository: SessionRepository, session: Session, overtaken: Session) => unknown,
];

const CALLS: Case[] = [
    ['loaded', 'a session', 'read', (repository) => repository.load(A)],
    ['loaded', 'one under its plain id', 'write', (repository) => repository.find('plain')],
    ['saved', 'a new one', 'write', (repository) => repository.create(B, cookie, NO_CHANGE)],
    ['saved', 'a change', 'write', (repository, session) => repository.save(A, session, set({ a: 2 }))],
    ['saved', 'a merge', 'second write', (repository, _, overtaken) => repository.save(A, overtaken, set({ a: 2 }))],
    ['saved', 'a visit', 'write', (repository, session) => repository.touch(A, session)],
    ['saved', 'a login', 'write', (repository, session) => repository.changeLogin(A, session, (login) => login)],
    ['saved', 'a new id', 'write', (repository, session) => repository.migrate(A, B, session, NO_CHANGE)],
    ['ended', 'one of this request', 'write', (repository) => repository.end(A, 'destroyed')],
    ['ended', 'one from outside', 'write', (repository) => repository.revoke(A)],
];

/** How a call ends whose driver has this in its way. */
async function troubleOf([, , fails, call]: Case, inTheWay: () => Promise<void>, options: object = {}) {
    const interference: Interference = {};
    const driver = interferedDriver(interference);
    const repository = repositoryOn(driver, options);
    const times = { seen: Date.now(), created: Date.now(), login: undefined };
    await driver.write('plain', liveRecord(times, cookie, ''), undefined, Date.now() + 60_000);
    const overtaken = await begin(repository, A, {}, '7');
    const session = (await repositoryOn(driver).save(A, overtaken, set({ a: 1 }))) as Session; // in another process
    if (fails === 'second write') {
        interference.write = () => {
            interference.write = inTheWay;
        };
    } else {
        interference[fails] = inTheWay;
    }
    return (async () => call(repository, session, overtaken))().catch((error: unknown) => error);
}

describe.each(CALLS)('trouble is told as that: not %s is %s', (...each) => {
    const [action] = each;
    const message = `The session could not be ${action}: please try again in a moment.`;

    test('where the store refuses', async () => {
        const refused = new Error('disk full');
        const error = await troubleOf(each, () => Promise.reject(refused));
        expect(error).toMatchObject({ status: 503, message });
        expect((error as Error).cause).toBe(refused);
    });

    test('where the store never answers', async () => {
        const error = await troubleOf(each, () => new Promise(() => undefined), { timeoutMs: 5 });
        const late = `The session could not be ${action} within 5 ms: the store did not answer.`;
        expect(error).toMatchObject({ status: 503, message, cause: { message: late } });
    });
});

describe('trouble', () => {
    /** A repository with what is told of its trouble. */
    function heard(driver = new MemoryStore()) {
        const told: unknown[] = [];
        const unavailable = new SessionEventChannel('unavailable', () => undefined);
        unavailable.counters.push((occurrence) => told.push(occurrence));
        return { driver, told, repository: repositoryOn(driver, { events: { ...noChannels(), unavailable } }) };
    }

    test('of a store that answers at once is trouble at once', () => {
        const { driver, repository } = heard();
        driver.read = () => {
            throw new Error('EIO');
        };
        expect(() => repository.load(A)).toThrow('The session could not be loaded');
    });

    test('is told to listeners once, with the key and what was not done', async () => {
        const { driver, repository, told } = heard();
        driver.write = () => {
            throw new Error('disk full');
        };
        await expect(begin(repository, A)).rejects.toThrow('not be saved');
        expect(told.splice(0)).toEqual([{ key: A, action: 'saved' }]);
        await expect(begin(repository, A, {}, '7')).rejects.toThrow('not be saved');
        expect(told.splice(0)).toEqual([{ key: A, action: 'saved' }]);
        // biome-ignore lint/correctness/useYield: it fails before it gives anything
        driver.records = async function* () {
            throw new Error('EIO');
        };
        await expect(repository.live().next()).rejects.toThrow('The session could not be loaded');
        expect(told).toEqual([{ key: '', action: 'loaded' }]);
    });

    test('that has its name keeps it', () => {
        const { repository, told } = heard();
        const error = repository.calls.unavailable('saved', A, new Error('disk full'));
        expect(repository.calls.unavailable('loaded', B, error)).toBe(error);
        expect(told).toEqual([{ key: A, action: 'saved' }]);
    });

    test('names no id and no key, and else is what the store threw', () => {
        const error = new TypeError(`open '/srv/plain.json' failed after ${A}`, { cause: new Error('plain') });
        const clean = withoutId('plain', error) as Error;
        expect(clean).toMatchObject({ name: 'TypeError', message: "open '/srv/<id>.json' failed after <id>" });
        expect(clean.cause).toMatchObject({ message: '<id>' });
        expect(clean.stack).toMatch(/^TypeError: open '\/srv\/<id>\.json' failed after <id>\n {4}at /);
        const walked = new Error(`EIO: ${userKeyOf('7')}`);
        delete walked.stack;
        expect(withoutId('', walked)).toMatchObject({ message: 'EIO: <id>', stack: '' });
        for (const other of [new RangeError('disk full', { cause: 'x' }), 'no error', undefined]) {
            expect(withoutId('plain', other)).toBe(other);
        }
    });
});

describe('the time of a store', () => {
    beforeEach(() => {
        vi.useFakeTimers({ toFake: ['Date', 'performance'] });
    });
    afterEach(() => {
        vi.restoreAllMocks();
        vi.useRealTimers();
    });

    test.each([
        ['all of it', 5_000, undefined, 5_000],
        ['all of it', 5_000, 0, 5_000],
        ['so much less as was waited in vain, in half seconds', 5_000, 500, 4_500],
        ['so much less as was waited in vain, in half seconds', 5_000, 501, 4_500],
        ['half a second at least', 5_000, 4_800, 500],
        ['half a second at least', 5_000, 9_000, 500],
        ['no more than it may take', 300, 200, 300],
    ])('is %s: of %s ms, after %s, %s', async (_what, timeoutMs, lostMs, left) => {
        const given = vi.spyOn(Deadlines, 'of');
        const calls = new StoreCalls(timeoutMs, noChannels());
        const options = lostMs === undefined ? undefined : { lostMs };
        expect(await calls.attempt('saved', A, async () => 'done', options)).toBe('done');
        expect(given.mock.calls).toEqual([[left]]);
    });

    test('is shorter for a change that has waited for another in vain', async () => {
        const halt = haltFirst();
        const interference: Interference = {};
        const repository = repositoryOn(interferedDriver(interference));
        const session = await begin(repository, A);
        interference.write = async (key) => {
            await halt.pass(key);
            delete interference.write;
            throw new Error('disk full');
        };
        const failed = repository.save(A, session, set({ a: 1 }));
        await halt.reached;
        const waits = repository.save(A, session, set({ b: 1 }));
        vi.advanceTimersByTime(4_000);
        const given = vi.spyOn(Deadlines, 'of');
        halt.release();
        await expect(failed).rejects.toMatchObject({ status: 503 });
        expect((await waits)?.record.data).toEqual({ b: 1 });
        expect(given.mock.calls).toContainEqual([1_000]);
    });
});
