import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionDriver } from '../Session/Drivers/SessionDriver.js';
import { REMOVED, updateRecord } from '../Session/Drivers/updateRecord.js';
import { endedRecord, userRecord } from '../Session/Record/recordText.js';
import { LAST_ACCESS, META } from '../Session/Record/SessionRecord.js';
import type { RecordKey } from '../Session/Record/storageKeys.js';
import { dataOf, later, recordWith } from './StoreBench.js';
import { CONTROL_IDS, ODD_IDS, type StorePromise } from './StorePromise.js';

/** How often others may be first. */
const TRIES = 200;

/** What the session layer relies on in a driver. A plain store is seen through the adapter. */
export const driverPromises: StorePromise[] = [
    must('reads nothing, at once, for an unknown key', async (driver) => {
        assert.equal(await driver.read('unknown'), undefined, 'there is something');
    }),
    must('reads what was written, with the version that write gave', async (driver) => {
        const version = await put(driver, 'one', { n: 1 });
        const stored = await driver.read('one');
        assert.equal(dataOf(stored?.record).n, 1, 'the record is another');
        assert.equal(stored?.version, version, 'the version is another');
    }),
    must('gives back the whole record, however often it was written', async (driver) => {
        let version = await put(driver, 'one', { n: 1 });
        for (let n = 2; n < 5; n += 1) {
            const stored = await driver.read('one');
            version = await driver.write('one', stored?.record ?? '', stored?.version, later() + n * 3_600_000);
            assert.notEqual(version, undefined, 'a version that was read does not compare');
        }
        const { [LAST_ACCESS]: _, ...found } = dataOf((await driver.read('one'))?.record);
        const { [LAST_ACCESS]: __, ...given } = dataOf(recordWith({ n: 1 }));
        given[META] = found[META];
        assert.deepEqual(found, given, 'something of it changed');
    }),
    must('writes only where the version is the stored one', async (driver) => {
        const first = await put(driver, 'one', { n: 1 });
        const again = await driver.write('one', recordWith({ n: 2 }), undefined, later());
        assert.equal(again, undefined, 'a record was written over as if none were there');
        const second = await driver.write('one', recordWith({ n: 3 }), first, later());
        assert.notEqual(second, undefined, 'the right version was refused');
        const stale = await driver.write('one', recordWith({ n: 4 }), first, later());
        assert.equal(stale, undefined, 'an old version was accepted');
        assert.equal(dataOf((await driver.read('one'))?.record).n, 3, 'a refused write changed the record');
    }),
    must('does not bring back what was removed', async (driver) => {
        const version = await put(driver, 'one', { n: 1 });
        assert.equal(await driver.remove('one', version), true, 'it was not removed');
        assert.equal(await driver.write('one', recordWith({ n: 2 }), version, later()), undefined, 'it was written');
        assert.equal(await driver.read('one'), undefined, 'it is there');
    }),
    must('removes only where the version is the stored one', async (driver) => {
        const first = await put(driver, 'one', { n: 1 });
        const second = await driver.write('one', recordWith({ n: 2 }), first, later());
        assert.equal(await driver.remove('one', first), false, 'an old version removed it');
        assert.equal(dataOf((await driver.read('one'))?.record).n, 2, 'it is gone');
        assert.equal(await driver.remove('one', second), true, 'the right version was refused');
        assert.equal(await driver.remove('one', second), false, 'it was removed twice');
        assert.equal(await driver.remove('unknown', second), false, 'an unknown key was removed');
        assert.equal(await driver.read('one'), undefined, 'it is still there');
    }),
    must('lets one of 20 parallel writes of one version through', async (driver) => {
        for (let round = 0; round < 5; round += 1) {
            const key = `race-${round}`;
            const version = await put(driver, key, { n: 0 });
            const writes = Array.from({ length: 20 }, (_, n) =>
                driver.write(key, recordWith({ n: n + 1 }), version, later()),
            );
            const won = (await Promise.all(writes)).filter((written) => written !== undefined);
            assert.equal(won.length, 1, `${won.length} of them were told that they won`);
        }
    }),
    must('lets one of 20 parallel creations of one key through', async (driver) => {
        for (let round = 0; round < 5; round += 1) {
            const writes = Array.from({ length: 20 }, (_, n) =>
                driver.write(`new-${round}`, recordWith({ n }), undefined, later()),
            );
            const results = await Promise.all(writes);
            const winners = results.flatMap((version, n) => (version === undefined ? [] : [n]));
            assert.equal(winners.length, 1, `${winners.length} of them were told that they won`);
            const stored = await driver.read(`new-${round}`);
            assert.equal(dataOf(stored?.record).n, winners[0], 'another one than the winner is stored');
        }
    }),
    must('loses none of 40 parallel additions that try again', async (driver) => {
        await put(driver, 'one', { n: 0 });
        await Promise.all(Array.from({ length: 40 }, () => addOne(driver, 'one')));
        assert.equal(dataOf((await driver.read('one'))?.record).n, 40, 'additions were lost');
    }),
    must('is not written to again once a removal was answered', async (driver) => {
        for (let round = 0; round < 10; round += 1) {
            const key = `ends-${round}`;
            await put(driver, key, { n: 0 });
            const writers = Array.from({ length: 8 }, () => addOne(driver, key));
            await removeWhatever(driver, key);
            await Promise.all(writers);
            assert.equal(await driver.read(key), undefined, 'a write brought it back');
        }
    }),
    waiting('keeps a record until its time', async (driver) => {
        const expiresAt = Date.now() + 1_500;
        await driver.write('one', recordWith({ n: 1 }), undefined, expiresAt);
        await sleep(700);
        const stored = await driver.read('one');
        assert(stored || Date.now() >= expiresAt, 'it was dropped too early');
    }),
    waiting('keeps tombstones and users’ lists of sessions until their time', async (driver) => {
        const now = Date.now();
        await driver.write('tombstone', endedRecord(now, 'destroyed'), undefined, now + 3_000);
        await driver.write('list', userRecord(now, new Map([['one', now]])), undefined, now + 3_000);
        await sleep(1_200);
        const [tombstone, list] = [await driver.read('tombstone'), await driver.read('list')];
        assert((tombstone && list) || Date.now() >= now + 3_000, 'one was dropped too early');
    }),
    must('keeps 1 MB as it is', async (driver) => {
        const text = '🍪'.repeat(250_000);
        const version = await put(driver, 'one', { text });
        assert.equal(dataOf((await driver.read('one'))?.record).text, text, 'it came back changed');
        assert.equal(await driver.remove('one', version), true, 'its version does not compare');
    }),
    able('keeps odd keys apart', (driver) => keepsApart(driver, ODD_IDS)),
    able('keeps keys with control characters apart', (driver) => keepsApart(driver, CONTROL_IDS)),
    able('keeps keys of 5,000 characters apart', (driver) =>
        keepsApart(driver, [`${'x'.repeat(5_000)}1`, 'x'.repeat(5_000)]),
    ),
    must('forgets what is quarantined, and takes the key again', async (driver) => {
        await put(driver, 'one', { n: 1 });
        await put(driver, 'two', { n: 2 });
        await driver.setAside('one');
        await driver.setAside('unknown');
        assert.equal(await driver.read('one'), undefined, 'it is still there');
        assert.deepEqual(await idsOf(driver, ['one']), [], 'it is still listed');
        assert.equal(dataOf((await driver.read('two'))?.record).n, 2, 'another one went with it');
        await put(driver, 'one', { n: 3 });
        await driver.tidy(later());
        assert.equal(dataOf((await driver.read('one'))?.record).n, 3, 'tidying took a session');
    }),
    able('lists its records', async (driver) => {
        const keys = Array.from({ length: 60 }, (_, n) => `listed-${n}`);
        await Promise.all(keys.map((key, n) => put(driver, key, { n })));
        assert.deepEqual(await idsOf(driver, keys), [...keys].sort(), 'the list is not what is stored');
        for await (const { key, record, version } of driver.records()) {
            const n = Number(dataOf(record).n);
            assert.equal(key, `listed-${n}`, 'a record is listed under a key that is not its own');
            if (n % 2 === 0) {
                assert.equal(await driver.remove(key, version), true, 'a listed version does not compare');
            }
        }
        assert.equal((await idsOf(driver, keys)).length, 30, 'what was removed meanwhile is still listed');
    }),
    able('lists what was written before a time', async (driver) => {
        await put(driver, 'old', { n: 1 });
        await sleep(30);
        const between = Date.now();
        await sleep(30);
        await put(driver, 'new', { n: 2 });
        const listed: string[] = [];
        for await (const { key } of driver.records(between)) {
            listed.push(key);
        }
        assert.deepEqual(listed, ['old'], 'the time makes no difference');
    }),
    must('gives a lock to one at a time, in the order of asking', async (driver) => {
        const order: number[] = [];
        let inside = 0;
        await Promise.all(
            Array.from({ length: 8 }, async (_, n) => {
                const lease = await driver.lock('one', 10_000);
                assert(lease, 'a wait of 10 s was not enough');
                inside += 1;
                assert.equal(inside, 1, 'two had the lock');
                order.push(n);
                await sleep(2);
                inside -= 1;
                await lease.release();
            }),
        );
        assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7], 'a later one was served first');
    }),
    must('bounds the wait for a lock', async (driver) => {
        const held = await driver.lock('one', 1_000);
        const started = performance.now();
        assert.equal(await driver.lock('one', 200), undefined, 'a held lock was given');
        const took = Math.round(performance.now() - started);
        assert(took >= 190, `a wait of 200 ms took ${took}`);
        await held?.release();
        await held?.release();
        const next = await driver.lock('one', 1_000);
        assert(next, 'a lock that was released is not given');
        assert.equal(await driver.lock('one', 50), undefined, 'a second release gave the next one’s lock away');
        await next.release();
    }),
    must('lets the holder of a lock read and write, and others do their own', async (driver) => {
        await put(driver, 'one', { n: 0 });
        const held = await driver.lock('one', 1_000);
        await addOne(driver, 'one');
        const other = await driver.lock('two', 5_000);
        assert(other, 'another session had to wait');
        await other.release();
        await held?.release();
        assert.equal(dataOf((await driver.read('one'))?.record).n, 1, 'the write is not there');
    }),
    {
        name: 'loses nothing between two handles on the same storage',
        kind: 'ability',
        needsReopen: true,
        races: true,
        async check(bench) {
            const { driver: other } = await bench.reopen();
            await put(bench.driver, 'one', { n: 0 });
            await Promise.all(
                Array.from({ length: 40 }, (_, n) => addOne(n % 2 === 0 ? bench.driver : other, 'one', 1_000)),
            );
            assert.equal(dataOf((await other.read('one'))?.record).n, 40, 'additions were lost');
            await removeWhatever(other, 'one');
            assert.equal(await bench.driver.read('one'), undefined, 'what one removed the other still reads');
        },
    },
    {
        name: 'locks between two handles on the same storage',
        kind: 'ability',
        needsReopen: true,
        async check(bench) {
            const { driver: other } = await bench.reopen();
            const held = await bench.driver.lock('one', 1_000);
            assert.equal(await other.lock('one', 100), undefined, 'both have the lock');
            const waiting = other.lock('one', 5_000);
            await held?.release();
            const given = await waiting;
            assert(given, 'the released lock was not given');
            await given.release();
        },
    },
];

function must(name: string, check: (driver: SessionDriver) => Promise<void>): StorePromise {
    return { name, kind: 'basic', check: ({ driver }) => check(driver) };
}

function waiting(name: string, check: (driver: SessionDriver) => Promise<void>): StorePromise {
    return { ...must(name, check), waits: true };
}

function able(name: string, check: (driver: SessionDriver) => Promise<void>): StorePromise {
    return { name, kind: 'ability', check: ({ driver }) => check(driver) };
}

async function put(driver: SessionDriver, key: RecordKey, data: Record<string, unknown>): Promise<unknown> {
    const version = await driver.write(key, recordWith(data), undefined, later());
    assert.notEqual(version, undefined, 'a new record was refused');
    return version;
}

/** Adds one to `n` as the session layer does: against what is stored, again where another was first. */
async function addOne(driver: SessionDriver, key: RecordKey, tries = TRIES): Promise<void> {
    await updateRecord(
        driver,
        key,
        (stored) => stored && { record: recordWith({ n: Number(dataOf(stored.record).n) + 1 }), expiresAt: later() },
        { tries, overtaken: `a write was refused ${tries} times` },
    ); // or it was removed meanwhile
}

async function removeWhatever(driver: SessionDriver, key: RecordKey): Promise<void> {
    const overtaken = `a removal was refused ${TRIES} times`;
    await updateRecord(driver, key, (stored) => stored && REMOVED, { tries: TRIES, overtaken });
}

/** The listed keys among some. */
async function idsOf(driver: SessionDriver, among: readonly string[]): Promise<string[]> {
    const keys: string[] = [];
    for await (const { key } of driver.records()) {
        keys.push(key);
    }
    return keys.filter((key) => among.includes(key)).sort();
}

async function keepsApart(driver: SessionDriver, keys: readonly string[]): Promise<void> {
    const name = (key: RecordKey) => JSON.stringify(key).slice(0, 40);
    for (const key of keys) {
        await put(driver, key, { key });
    }
    for (const key of keys) {
        const stored = await driver.read(key);
        assert.equal(dataOf(stored?.record).key, key, `the record of ${name(key)} is not its own`);
        const lease = await driver.lock(key, 100);
        assert(lease, `${name(key)} can't be locked`);
        await lease.release();
        assert.equal(await driver.remove(key, stored?.version), true, `${name(key)} can't be removed`);
        assert.equal(await driver.read(key), undefined, `${name(key)} is there after it was removed`);
    }
}
