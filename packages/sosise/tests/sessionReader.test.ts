import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import type { ListedRecord, SessionDriver } from './helpers/inside/Session/Drivers.js';
import {
    DamagedRecordError,
    endedRecord,
    KEY_CHECK,
    keyOf,
    type LiveRecord,
    liveRecord,
    userKeyOf,
    userRecord,
} from './helpers/inside/Session/Record.js';
import type { SessionRepository } from './helpers/inside/Session/Repository.js';
import { SessionSchema } from './helpers/inside/Session/Schema.js';
import { MemoryStore } from './helpers/inside/Session/Stores/Memory.js';
import { A, B, begin, C, cookie, DAY, HOUR, later, MINUTE, repositoryOn, set } from './helpers/repositoryOn.js';
import { type Interference, interferedDriver } from './helpers/wrapDriver.js';

const put = (driver: SessionDriver, key: string, text: string) => driver.write(key, text, undefined, Date.now() + DAY);
const textAt = (at: number, body = '') => liveRecord({ seen: at, created: at, login: undefined }, cookie, body);

/** The record of a session that lives. */
async function recordOf(repository: SessionRepository, key: string): Promise<LiveRecord> {
    const found = await repository.load(key);
    if (found.kind !== 'live') {
        throw new Error(`${key} is ${found.kind}`);
    }
    return found.record;
}

beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => {
    vi.useRealTimers();
});

describe('a session', () => {
    test('is found by one read; only what is missing is looked for under its plain id, too', async () => {
        const reads: string[] = [];
        const repository = repositoryOn(
            interferedDriver({
                read: (key) => {
                    reads.push(key);
                },
            }),
        );
        await begin(repository, A);
        await repository.find('a');
        expect(reads).toEqual([A]);
        await repository.find('b');
        expect(reads).toEqual([A, B, 'b', B]);
    });

    test('is parsed once for each text that is stored, as long as that is not long', async () => {
        const repository = repositoryOn();
        const room = 8_192 - (await begin(repository, A, { text: '' }, '7')).stored.record.length;
        for (const [key, length, isKept] of [
            [B, room, true],
            [C, room + 1, false],
        ] as const) {
            await begin(repository, key, { text: 'x'.repeat(length) }, '7');
            const [first, second] = [await recordOf(repository, key), await recordOf(repository, key)];
            expect(first === second, `${length}`).toBe(isKept);
        }
    });

    test('that was changed here is not parsed again; of one that is new, nobody knows whether it is asked for again', async () => {
        const repository = repositoryOn();
        const made = await begin(repository, A);
        expect(await recordOf(repository, A)).not.toBe(made.record);
        const saved = await repository.save(A, made, set({ a: 1 }));
        expect(await recordOf(repository, A)).toBe(saved?.record);
    });

    test('was never seen, begun or logged into at a time to come, also where the clock was set back since', async () => {
        const driver = new MemoryStore();
        const repository = repositoryOn(driver);
        const now = Date.now();
        const ago = now - 30 * MINUTE;
        const times: Pick<LiveRecord, 'seen' | 'created' | 'login'>[] = [
            { seen: now, created: ago, login: undefined },
            { seen: ago, created: now, login: undefined },
            { seen: ago, created: ago, login: { user: '7', at: now } },
        ];
        for (const [index, each] of times.entries()) {
            const key = keyOf(`${index}`);
            await put(driver, key, liveRecord(each, cookie, ''));
            const latest = async () => {
                const { seen, created, login } = await recordOf(repository, key);
                return Math.max(seen, created, login?.at ?? 0);
            };
            vi.setSystemTime(now);
            expect(await latest()).toBe(now);
            vi.setSystemTime(now - 10 * MINUTE);
            expect(await latest(), JSON.stringify(each)).toBeLessThanOrEqual(Date.now());
        }
    });

    test('is judged by its time: it lives, it has ended for a day, and then nobody knows of it', async () => {
        const driver = new MemoryStore();
        const repository = repositoryOn(driver);
        const began = Date.now();
        driver.write(A, textAt(began), undefined, began + 10 * DAY);
        driver.write(B, endedRecord(began + HOUR, 'destroyed'), undefined, began + 10 * DAY);
        const after = async (ms: number) => {
            vi.setSystemTime(began + HOUR + ms);
            return [await repository.load(A), await repository.load(B)];
        };
        const ended = (reason: string) => expect.objectContaining({ kind: 'ended', reason, at: began + HOUR });
        expect(await after(0)).toEqual([expect.objectContaining({ kind: 'live' }), ended('destroyed')]);
        expect(await after(1)).toEqual([ended('idle'), ended('destroyed')]);
        expect(await after(DAY)).toEqual([ended('idle'), ended('destroyed')]);
        expect(await after(DAY + 1)).toEqual([{ kind: 'none' }, { kind: 'none' }]);
    });
});

describe('a walk over all', () => {
    test('needs a driver that lists, as each does that does not say otherwise', () => {
        const canList = (abilities?: object) =>
            repositoryOn({ ...interferedDriver({}), ...(abilities && { abilities }) }).canList;
        expect([canList(), canList({}), canList({ lists: true }), canList({ lists: false })]).toEqual([
            true,
            true,
            true,
            false,
        ]);
    });

    /** A driver that lists what others leave out. */
    function listing(records: Record<string, string>): SessionDriver {
        const driver: SessionDriver = new MemoryStore();
        driver.records = async function* (): AsyncGenerator<ListedRecord> {
            for (const [key, record] of Object.entries(records)) {
                yield { key, record, version: record };
            }
        };
        return driver;
    }

    test('gives what lives and what has ended, each with how it ended, and nothing else', async () => {
        const now = Date.now();
        const live = textAt(now);
        const repository = repositoryOn(
            listing({
                [A]: live,
                [B]: textAt(now - HOUR - 1),
                [C]: endedRecord(now - MINUTE, 'revoked'),
                plain: live,
                [keyOf('damaged')]: '{"cookie":',
                [userKeyOf('7')]: userRecord(now, new Map()),
                [keyOf('a list')]: userRecord(now, new Map()),
                [KEY_CHECK]: live,
                '~file': live,
            }),
        );
        const found: unknown[] = [];
        for await (const { key, record, text } of repository.found()) {
            found.push([key, record.kind === 'ended' ? record : text]);
        }
        expect(found).toEqual([
            [A, live],
            [B, { kind: 'ended', reason: 'idle', at: now - 1 }],
            [C, expect.objectContaining({ kind: 'ended', reason: 'revoked', at: now - MINUTE })],
            ['plain', live],
        ]);
        const living: string[] = [];
        for await (const { key } of repository.live()) {
            living.push(key);
        }
        expect(living).toEqual([A, 'plain']);
    });

    test('looks at each record, gives the sessions that live, and ends at a signal', async () => {
        const driver = new MemoryStore();
        put(driver, A, textAt(Date.now(), ',"name":"a"'));
        put(driver, B, textAt(Date.now() - 10 * HOUR));
        put(driver, C, textAt(Date.now(), ',"name":"c"'));
        driver.write(userKeyOf('7'), 'not read here', undefined, Date.now() + DAY);
        const repository = repositoryOn(driver);
        let looked = 0;
        const names: unknown[] = [];
        for await (const { key, record } of repository.live({
            looked: () => {
                looked += 1;
            },
        })) {
            names.push([key, record.data['name']]);
        }
        expect(names.toSorted()).toEqual(
            [
                [A, 'a'],
                [C, 'c'],
            ].toSorted(),
        );
        expect(looked).toBeGreaterThanOrEqual(3);
        const stop = new AbortController();
        const met: string[] = [];
        for await (const { key } of repository.live({ signal: stop.signal })) {
            met.push(key);
            stop.abort();
        }
        expect(met).toHaveLength(1);
    });
});

describe('who looks into a session', () => {
    test.each([
        ['data that is no JSON', textAt(Date.now(), ',"a":')],
        ['a key of ours in the data', textAt(Date.now(), ',"cookie":1')],
        ['a cookie that can not be one', textAt(Date.now(), ',"a":1').replace('"path":"/"', '"path":1')],
    ])('finds none where it has %s, which is set aside, and all else as it is', async (_what, text) => {
        const driver = new MemoryStore();
        const warnings: string[] = [];
        const repository = repositoryOn(driver, { warn: (message: string) => warnings.push(message) });
        driver.write(A, text, undefined, Date.now() + DAY);
        const found = await repository.load(A);
        expect(found.kind).toBe('live');
        expect(repository.open(A, found)).toEqual({ kind: 'none' });
        await vi.waitFor(() => expect(driver.read(A)).toBeUndefined());
        expect(warnings).toEqual([expect.stringMatching(/damaged and was quarantined/)]);
        const sound = await begin(repository, B);
        expect(repository.open(B, sound)).toBe(sound);
    });

    test("sees its data in the schema's form, and what has ended is not asked for its data", async () => {
        const schema = new SessionSchema(z.object({ theme: z.string().default('light') }), undefined, {} as never);
        const repository = repositoryOn(new MemoryStore(), { schema });
        const old = await begin(repository, A, { user: 7 });
        expect(repository.open(A, old)).toEqual({
            kind: 'live',
            stored: old.stored,
            record: expect.objectContaining({ data: { theme: 'light', user: 7 } }),
        });
        const today = await begin(repository, B, { theme: 'dark' });
        expect(repository.open(B, today)).toBe(today);
        await repository.end(A, 'destroyed');
        const ended = await repository.load(A);
        expect(repository.open(A, ended)).toBe(ended);
    });
});

describe("a session's cookie", () => {
    const config = { path: '/', httpOnly: true } as never;

    test('is the stored one where there is no config, and made once where the config says another', async () => {
        const record = (await begin(repositoryOn(), A)).record;
        expect(repositoryOn().cookieOf(record)).toBe(record.cookie);
        const repository = repositoryOn(new MemoryStore(), { cookie: config, maxAgeMs: MINUTE });
        const other = { ...(await begin(repository, A)).record, life: undefined, own: [], cookie, maxAge: null };
        const today = repository.cookieOf(other as never);
        expect(today).toMatchObject({ originalMaxAge: MINUTE, httpOnly: true });
        expect(repository.cookieOf(other as never)).toBe(today);
    });

    test('comes nearer to an end that the config fixes', async () => {
        const fixedEnd = Date.now() + HOUR;
        const repository = repositoryOn(new MemoryStore(), { cookie: config, fixedEnd });
        const made = await repository.create(A, { originalMaxAge: HOUR, path: '/', httpOnly: true }, set({}));
        const ages = [0, MINUTE, MINUTE].map((ms) => {
            later(ms);
            return made && repository.cookieOf(made.record).originalMaxAge;
        });
        expect(ages).toEqual([HOUR, HOUR - MINUTE, HOUR - 2 * MINUTE]);
    });
});

describe('a read', () => {
    test('is given its time by the driver where that promises it, and else here', async () => {
        let answer = () => {};
        const interference: Interference = {
            read: () =>
                new Promise<void>((resolve) => {
                    answer = resolve;
                }),
        };
        const reading = async (answersWithinMs?: number) => {
            const abilities = answersWithinMs === undefined ? undefined : { answersWithinMs };
            const driver: SessionDriver = { ...interferedDriver(interference), ...(abilities && { abilities }) };
            const found = Promise.resolve(repositoryOn(driver, { timeoutMs: 5 }).load(A));
            const answerThis = answer;
            const outcome = found.then(
                ({ kind }) => kind,
                ({ status }) => status,
            );
            // Both began in this order, and have the same time.
            const timed = repositoryOn(interferedDriver(interference), { timeoutMs: 5 }).load(B);
            await expect(timed).rejects.toMatchObject({ status: 503 });
            answerThis();
            return outcome;
        };
        expect([await reading(4), await reading(5)]).toEqual(['none', 'none']);
        expect([await reading(6), await reading()]).toEqual([503, 503]);
    });
});

describe('what is damaged', () => {
    /** A driver that answers later, and counts what it sets aside. */
    function slowDriver() {
        const memory = new MemoryStore();
        const setAside = vi.fn(async (key: string) => {
            await Promise.resolve();
            return memory.setAside(key);
        });
        return {
            driver: { ...interferedDriver({}), read: (key: string) => memory.read(key), setAside },
            memory,
            setAside,
        };
    }

    test('is set aside once, however many ask, and who waits for that finds it gone', async () => {
        const { driver, memory, setAside } = slowDriver();
        const repository = repositoryOn(driver);
        put(memory, A, '{"cookie":');
        expect([repository.load(A), repository.load(A)]).toEqual([{ kind: 'none' }, { kind: 'none' }]);
        expect(repository.quarantine.isTaking(A)).toBe(true);
        await repository.quarantine.settled(A);
        expect([memory.read(A), repository.quarantine.isTaking(A)]).toEqual([undefined, false]);
        expect(setAside).toHaveBeenCalledTimes(1);
    });

    test("stays where it is if it is a user's list, which is made anew by who needs it", async () => {
        const { driver, memory, setAside } = slowDriver();
        put(memory, userKeyOf('7'), '{"cookie":');
        expect(await repositoryOn(driver).load(userKeyOf('7'))).toEqual({ kind: 'none' });
        expect(setAside).not.toHaveBeenCalled();
    });

    test('and can not be set aside is told with its reason and the trouble, and without its key', async () => {
        const told: unknown[] = [];
        const driver: SessionDriver = new MemoryStore();
        driver.read = async () => {
            throw new DamagedRecordError('it is torn');
        };
        const trouble = Object.assign(new Error(`EACCES: ${A}`), { code: 'EACCES' });
        driver.setAside = async () => {
            throw trouble;
        };
        const repository = repositoryOn(driver, { warn: (...line: unknown[]) => told.push(line) });
        expect(await repository.load(A)).toEqual({ kind: 'none' });
        await repository.quarantine.settled(A);
        expect(told).toEqual([
            [
                'A stored session is damaged and could not be quarantined; its visitor gets a new session.',
                { reason: 'it is torn', error: expect.objectContaining({ message: 'EACCES: <id>', code: 'EACCES' }) },
            ],
        ]);
    });
});
