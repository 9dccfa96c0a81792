import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { liveRecord } from '../../src/framework/Session/SessionRecord.js';
import { SessionRepository } from '../../src/framework/Session/SessionRepository.js';
import { keyOf } from '../../src/framework/Session/storageKeys.js';
import { FileStore } from '../../src/framework/Session/stores/FileStore.js';
import { MemoryStore } from '../../src/framework/Session/stores/MemoryStore.js';

const HOUR = 3_600_000;
const MANY = 100_000;
const DEAD = 5_000;
/** 20 ms is what it should be; machines that test have other things to do too. */
const LONGEST_STALL_MS = 60;

function recordOf(seenMsAgo: number): string {
    const seen = Date.now() - seenMsAgo;
    const body = `,"pad":"${'x'.repeat(900)}"`;
    return liveRecord({ seen, created: seen, login: undefined }, { originalMaxAge: null, path: '/' }, body);
}

/** Prunes, and gives what was removed and for how long at most nothing else could run, in ms. */
async function pruneWatched(driver: FileStore | MemoryStore): Promise<{ removed: number; stall: number }> {
    const repository = new SessionRepository(driver, {
        idleMs: 2 * HOUR,
        maxAgeMs: undefined,
        timeoutMs: 2000,
        keepDamagedMs: HOUR,
        warn: () => undefined,
    });
    let last = performance.now();
    let stall = 0;
    const timer = setInterval(() => {
        stall = Math.max(stall, performance.now() - last);
        last = performance.now();
    }, 1);
    const removed = await repository.prune();
    clearInterval(timer);
    return { removed, stall: Math.max(stall, performance.now() - last) };
}

test(`pruning ${MANY} files keeps nobody waiting`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pruning-full-'));
    const driver = new FileStore({ path: folder });
    try {
        for (let n = 0; n < MANY; n += 1) {
            const age = n < DEAD ? 3 * HOUR : HOUR;
            const file = join(folder, `${keyOf(`id${n}`)}.json`);
            writeFileSync(file, recordOf(age));
            utimesSync(file, new Date(Date.now() - age), new Date(Date.now() - age));
        }
        const { removed, stall } = await pruneWatched(driver);
        expect(removed).toBe(DEAD);
        expect(stall).toBeLessThan(LONGEST_STALL_MS);
    } finally {
        driver.close();
        rmSync(folder, { recursive: true, force: true });
    }
});

test.each([0, MANY / 2, MANY])(
    `pruning ${MANY} records in memory of which %i are dead keeps nobody waiting`,
    async (dead) => {
        const driver = new MemoryStore();
        const realNow = Date.now;
        const threeHoursAgo = realNow() - 3 * HOUR;
        for (let n = 0; n < MANY; n += 1) {
            const text = recordOf(n < dead ? 3 * HOUR : 0);
            Date.now = n < dead ? () => threeHoursAgo : realNow;
            driver.write(keyOf(`id${n}`), text, undefined, realNow() + 24 * HOUR);
            Date.now = realNow;
        }
        await new Promise((resolve) => setTimeout(resolve, 100)); // what filling it left to collect
        const { removed, stall } = await pruneWatched(driver);
        expect(removed).toBe(dead);
        expect(stall).toBeLessThan(LONGEST_STALL_MS);
        driver.close();
    },
);
