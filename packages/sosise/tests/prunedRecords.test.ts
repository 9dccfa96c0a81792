import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ListedRecord, SessionDriver, StoredRecord } from './helpers/inside/Session/Drivers.js';
import { noChannels, SessionEventChannel } from './helpers/inside/Session/Events.js';
import { endedRecord, keyOf, liveRecord, userKeyOf, userRecord } from './helpers/inside/Session/Record.js';
import type { SessionRepository } from './helpers/inside/Session/Repository.js';
import { MemoryStore } from './helpers/inside/Session/Stores/Memory.js';
import { A, B, begin, C, cookie, DAY, HOUR, later, MINUTE, repositoryOn } from './helpers/repositoryOn.js';

beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => {
    vi.useRealTimers();
});

const put = (driver: MemoryStore, key: string, text: string) =>
    driver.write(key, text, undefined, Date.now() + 10 * DAY);
const seen = (msAgo: number, body = '') => {
    const at = Date.now() - msAgo;
    return liveRecord({ seen: at, created: at, login: undefined }, cookie, body);
};
const walk = async (driver: SessionDriver, prune: object = {}) => {
    const steps: [string, number, string][] = [];
    const nameOf = (record: string) => /"name":"([^"]+)"/.exec(record)?.[1];
    const removed = await repositoryOn(driver).prune(undefined, {
        whole: true,
        progress: ({ looked, record, outcome }) => steps.push([nameOf(record) ?? '', looked, outcome]),
        ...prune,
    });
    return { removed, steps };
};

test('says of each record what became of it', async () => {
    const driver = new MemoryStore();
    put(driver, keyOf('over'), seen(HOUR + MINUTE + 1, ',"name":"over"'));
    put(driver, keyOf('long over'), seen(27 * HOUR, ',"name":"long over"'));
    put(driver, keyOf('just over'), seen(HOUR + MINUTE, ',"name":"just over"'));
    put(driver, keyOf('live'), seen(0, ',"name":"live"'));
    const { removed, steps } = await walk(driver);
    expect(Object.fromEntries(steps.map(([name, , outcome]) => [name, outcome]))).toEqual({
        over: 'removed',
        'long over': 'removed',
        'just over': 'kept',
        live: 'kept',
    });
    expect(steps.map(([, looked]) => looked)).toEqual([1, 2, 3, 4]);
    expect(removed).toBe(2);
    const repository = repositoryOn(driver);
    expect(await repository.load(keyOf('over'))).toMatchObject({
        kind: 'ended',
        reason: 'idle',
        at: Date.now() - MINUTE - 1,
    });
    expect(driver.read(keyOf('long over'))).toBeUndefined();
    expect(driver.read(keyOf('just over'))?.record).toContain('just over');
});

test('keeps a note of an end for 25 hours', async () => {
    const driver = new MemoryStore();
    put(driver, A, endedRecord(Date.now(), 'destroyed'));
    driver.records = async function* () {
        yield { key: A, ...(driver.read(A) as StoredRecord) }; // memory drops notes by itself
    };
    later(25 * HOUR);
    expect(await walk(driver)).toEqual({ removed: 0, steps: [['', 1, 'other']] });
    later(1);
    expect(await walk(driver)).toEqual({ removed: 1, steps: [['', 1, 'forgotten']] });
    expect(driver.read(A)).toBeUndefined();
});

test('counts what its driver removes by itself, and tells it how long what is damaged is kept', async () => {
    const driver = new MemoryStore();
    put(driver, A, seen(0, ',"name":"live"'));
    const over = [seen(2 * DAY, ',"name":"over"'), endedRecord(Date.now() - 2 * DAY, 'destroyed')];
    let before = 0;
    (driver as SessionDriver).tidy = async (setAsideBefore, _signal, removed) => {
        before = setAsideBefore;
        for (const record of over) {
            removed?.(record);
        }
    };
    expect(await repositoryOn(driver).prune()).toBe(2);
    expect(before).toBe(Date.now() - HOUR);
    expect((await walk(driver)).steps).toEqual([
        ['live', 1, 'kept'],
        ['over', 2, 'removed'],
        ['', 3, 'forgotten'],
    ]);
});

test('goes on past a record that makes trouble, and says so at its end', async () => {
    const driver = new MemoryStore();
    for (const key of [A, B, C]) {
        put(driver, key, seen(27 * HOUR));
    }
    const remove = driver.remove.bind(driver);
    driver.remove = (key, version) => {
        if (key === B) {
            throw new Error('disk full');
        }
        return remove(key, version);
    };
    await expect(repositoryOn(driver).prune(undefined, { whole: true })).rejects.toThrow('disk full');
    expect([A, B, C].map((key) => driver.read(key) !== undefined)).toEqual([false, true, false]);
});

test('takes a session under its plain id for a copy where it has moved to its key, and leaves it where it has not', async () => {
    const driver = new MemoryStore();
    put(driver, 'a', seen(0));
    put(driver, A, seen(0));
    put(driver, 'b', seen(0));
    put(driver, 'c', seen(2 * HOUR));
    expect((await walk(driver)).removed).toBe(2);
    expect(['a', A, 'b', 'c'].map((key) => driver.read(key) !== undefined)).toEqual([false, true, true, false]);
    expect(driver.read(C)).toBeUndefined(); // nobody comes by its hash
});

test('leaves what was written lately alone, unless it is to look at all', async () => {
    const driver = new MemoryStore();
    const started = Date.now();
    put(driver, A, seen(10 * HOUR));
    vi.setSystemTime(started + HOUR - 1);
    expect(await repositoryOn(driver).prune()).toBe(0);
    expect((await walk(driver, { whole: false })).removed).toBe(0);
    expect((await walk(driver)).removed).toBe(1);
});

test.each([
    ['an hour', HOUR, HOUR],
    ['ten days', 10 * DAY, DAY],
])('meets what was written for as long ago as sessions idle, and a day at the most: %s', async (_what, idleMs, ago) => {
    const driver = new MemoryStore();
    const records = vi.spyOn(driver, 'records');
    await repositoryOn(driver, { idleMs }).prune();
    expect(records.mock.calls).toEqual([[Date.now() - ago, undefined]]);
});

test('ends at a signal, and has then removed what it says', async () => {
    const driver = new MemoryStore();
    for (const key of [A, B, C]) {
        put(driver, key, seen(10 * HOUR));
    }
    const stop = new AbortController();
    let hasTidied = false;
    driver.tidy = async () => {
        hasTidied = true;
    };
    let looked = 0;
    const removed = await repositoryOn(driver).prune(stop.signal, {
        whole: true,
        progress: (step) => {
            looked = step.looked;
            stop.abort();
        },
    });
    expect([removed, looked, hasTidied]).toEqual([1, 1, false]);
});

/** Gives these records with what is told of them to the driver, whatever is asked for. */
function listing(driver: MemoryStore, keys: string[], rest?: Map<string, number>, more: Partial<ListedRecord> = {}) {
    driver.records = async function* (): AsyncGenerator<ListedRecord> {
        for (const key of keys) {
            const listed = { key, ...(driver.read(key) as StoredRecord), ...more };
            yield rest ? { ...listed, rest: (until) => rest.set(key, until) } : listed;
        }
    };
}

test('looks at no more records once it is told to stop, whatever the driver gives', async () => {
    const driver = new MemoryStore();
    put(driver, userKeyOf('7'), userRecord(Date.now(), new Map()));
    put(driver, A, seen(0));
    listing(driver, [userKeyOf('7'), A]);
    const stop = new AbortController();
    const steps: unknown[] = [];
    const progress = (step: unknown) => {
        steps.push(step);
        stop.abort();
    };
    expect(await repositoryOn(driver).prune(stop.signal, { whole: true, progress })).toBe(0);
    expect(steps).toHaveLength(1);
});

test('tells its driver until when it has nothing to do with a record', async () => {
    const driver = new MemoryStore();
    const now = Date.now();
    const list = userKeyOf('7');
    put(driver, A, seen(10 * MINUTE));
    put(driver, B, endedRecord(now - MINUTE, 'destroyed'));
    put(driver, list, userRecord(now - MINUTE, new Map([[A, now]])));
    put(driver, 'plain', seen(0)); // it may move at any time
    put(driver, C, seen(2 * HOUR)); // a tombstone takes its place
    const rest = new Map<string, number>();
    listing(driver, [A, B, list, 'plain', C], rest);
    const { steps } = await walk(driver);
    expect(steps.map(([, , outcome]) => outcome)).toEqual(['kept', 'other', 'other', 'kept', 'removed']);
    expect(Object.fromEntries(rest)).toEqual({
        [A]: now - 10 * MINUTE + HOUR + MINUTE,
        [B]: now - MINUTE + 25 * HOUR,
        [list]: now - MINUTE + DAY,
    });
});

test('writes what lives in the form of today, and does not count that as a visit', async () => {
    const texts = [seen(0), seen(HOUR), seen(HOUR + 1)];
    const driver = new MemoryStore();
    const write = vi.spyOn(driver, 'write');
    for (const [index, text] of texts.entries()) {
        put(driver, `${[A, B, C][index]}`, text);
    }
    const rest = new Map<string, number>();
    listing(driver, [A, B, C], rest, { outdated: true });
    write.mockClear();
    const { steps } = await walk(driver);
    expect(steps.map(([, , outcome]) => outcome)).toEqual(['kept', 'kept', 'kept']);
    expect(write.mock.calls).toEqual([
        [A, texts[0], texts[0], Date.now() + HOUR + DAY],
        [B, texts[1], texts[1], Date.now() + DAY],
    ]);
    expect([...rest.keys()]).toEqual([C]);
});

/** The sessions with which something that is open is closed. */
function endsOf(repository: SessionRepository): string[] {
    const closed: string[] = [];
    repository.ends = { ended: (key) => closed.push(key), stop: () => undefined };
    return closed;
}

test('leaves a note for as long as one is kept, tells what has ended, and whose it was', async () => {
    const driver = new MemoryStore();
    const now = Date.now();
    const at = now - 25 * HOUR;
    const times = { seen: at - HOUR, created: at - HOUR };
    put(driver, A, liveRecord({ ...times, login: { user: '7', at: at - HOUR } }, cookie, ''));
    put(driver, B, liveRecord({ seen: at - HOUR - 1, created: at - HOUR - 1, login: undefined }, cookie, ''));
    const write = vi.spyOn(driver, 'write');
    const told: unknown[] = [];
    const ended = new SessionEventChannel('ended', () => undefined);
    ended.counters.push((occurrence) => told.push(occurrence));
    const repository = repositoryOn(driver, { events: { ...noChannels(), ended } });
    const closed = endsOf(repository);
    expect(await repository.prune(undefined, { whole: true })).toBe(2);
    expect(write.mock.calls).toEqual([[A, endedRecord(at, 'idle'), expect.any(String), now]]);
    expect(told).toEqual([
        { key: A, user: '7', reason: 'idle', at },
        { key: B, user: undefined, reason: 'idle', at: at - 1 },
    ]);
    expect(closed).toEqual([A]);
});

test('says of what is damaged, in use again or overtaken that it was not removed', async () => {
    const driver = new MemoryStore();
    const repository = repositoryOn(driver);
    const closed = endsOf(repository);
    const old = await begin(repository, A);
    put(driver, 'b', seen(0));
    await begin(repository, B);
    put(driver, C, '{"cookie":');
    later(2 * HOUR);
    const outcomes: string[] = [];
    driver.records = async function* (): AsyncGenerator<ListedRecord> {
        yield { key: A, ...old.stored, version: 'an older one' };
        yield { key: 'b', ...(driver.read('b') as StoredRecord), version: 'an older one' };
        yield { key: C, ...(driver.read(C) as StoredRecord) };
    };
    const progress = ({ outcome }: { outcome: string }) => outcomes.push(outcome);
    expect(await repository.prune(undefined, { whole: true, progress })).toBe(0);
    expect(outcomes).toEqual(['kept', 'other', 'other']);
    expect(closed).toEqual([]);
});
