import { expect } from 'vitest';
import { recordWith } from './inside/Contract.js';
import type { SessionDriver } from './inside/Session/Drivers.js';

/** The keys that a driver lists, in their order. */
export async function keysOf(driver: SessionDriver, writtenBefore?: number): Promise<string[]> {
    const keys: string[] = [];
    for await (const { key } of driver.records(writtenBefore)) {
        keys.push(key);
    }
    return keys.sort();
}

/** Drivers whose servers keep more than sessions count and list those alone. */
export async function expectSessionsAlone(driver: SessionDriver): Promise<void> {
    const later = Date.now() + 60_000;
    await driver.write('one', recordWith({}), undefined, later);
    await driver.write('two', recordWith({}), undefined, later);
    const lease = await driver.lock('one', 100);
    await driver.setAside('two');
    await driver.mayWalk?.(60_000);
    await driver.check?.();
    expect(await keysOf(driver)).toEqual(['one']);
    expect(await driver.count?.()).toBe(1);
    await lease?.release();
}
