import { expect, test } from 'vitest';
import { REMOVED, type SessionDriver, updateRecord } from './helpers/inside/Session/Drivers.js';
import { DamagedRecordError } from './helpers/inside/Session/Record.js';
import { MemoryStore } from './helpers/inside/Session/Stores/Memory.js';

const options = { tries: 3, overtaken: 'Others kept writing.' };
const later = () => Date.now() + 60_000;

/** A driver in which somebody else writes right after each of the first reads. */
function overtakenBy(texts: string[]): SessionDriver & { reads: number } {
    const store = new MemoryStore({ checkPeriod: 0 });
    const read = store.read.bind(store);
    store.write('key', 'first', undefined, later());
    const driver = Object.assign(store, { reads: 0 });
    driver.read = (key: string) => {
        driver.reads += 1;
        const stored = read(key);
        const text = texts.shift();
        if (text !== undefined) {
            store.write(key, text, stored?.version, later());
        }
        return stored;
    };
    return driver;
}

test('a change is applied again to what somebody else has written meanwhile', async () => {
    const driver = overtakenBy(['second', 'third']);
    const written = await updateRecord(
        driver,
        'key',
        (stored) => ({ record: `${stored?.record} and mine`, expiresAt: later() }),
        options,
    );
    expect(written?.record).toBe('third and mine');
    expect(await driver.read('key')).toEqual(written);
});

test('what was read before is not read again, unless it has changed', async () => {
    const driver = overtakenBy([]);
    const known = await driver.read('key');
    const next = () => ({ record: 'mine', expiresAt: later() });
    const written = await updateRecord(driver, 'key', next, { ...options, known });
    expect(driver.reads).toBe(1);
    expect(written?.record).toBe('mine');
    await updateRecord(driver, 'key', next, { ...options, known });
    expect(driver.reads).toBe(2);
});

test('a removal, and a record that stays, give nothing back', async () => {
    const driver = overtakenBy(['second']);
    expect(await updateRecord(driver, 'key', () => undefined, options)).toBeUndefined();
    expect((await driver.read('key'))?.record).toBe('second');
    expect(await updateRecord(driver, 'key', (stored) => stored && REMOVED, options)).toBeUndefined();
    expect(await driver.read('key')).toBeUndefined();
    expect(await updateRecord(driver, 'key', () => REMOVED, options)).toBeUndefined();
});

test('who is overtaken each time says so after the last try', async () => {
    const driver = overtakenBy(['second', 'third', 'fourth', 'fifth']);
    const tried = updateRecord(driver, 'key', () => ({ record: 'mine', expiresAt: later() }), options);
    await expect(tried).rejects.toThrow('Others kept writing.');
    expect(driver.reads).toBe(3);
});

test('a damaged record is dealt with and read again, and thrown where nobody deals with it', async () => {
    const driver = overtakenBy([]);
    const next = (stored: { record: string } | undefined) => {
        if (stored) {
            throw new DamagedRecordError('it is not JSON');
        }
        return { record: 'mine', expiresAt: later() };
    };
    await expect(updateRecord(driver, 'key', next, options)).rejects.toThrow(DamagedRecordError);
    const damaged = () => driver.setAside('key');
    expect((await updateRecord(driver, 'key', next, { ...options, damaged }))?.record).toBe('mine');
});
