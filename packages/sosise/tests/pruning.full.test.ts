import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keyOf, liveRecord } from './helpers/inside/Session/Record.js';
import { SessionRepository } from './helpers/inside/Session/Repository.js';
import { FileStore } from './helpers/inside/Session/Stores/File.js';
import { MemoryStore } from './helpers/inside/Session/Stores/Memory.js';

const HOUR = 3_600_000;
const MANY = 30_000;
const DEAD = 5_000;
/** So many records may be looked at while nothing else can run. It rests by the time: a machine that is slow does fewer at once. */
const MOST_AT_ONCE = 20_000;

function recordOf(seenMsAgo: number): string {
    const seen = Date.now() - seenMsAgo;
    const body = `,"pad":"${'x'.repeat(900)}"`;
    return liveRecord({ seen, created: seen, login: undefined }, { originalMaxAge: null, path: '/' }, body);
}

/** Prunes, and gives what was removed, and how many records at most were looked at while nothing else could run. */
async function pruneWatched(driver: FileStore | MemoryStore): Promise<{ removed: number; most: number }> {
    const repository = new SessionRepository(driver, {
        idleMs: 2 * HOUR,
        maxAgeMs: undefined,
        timeoutMs: 2000,
        keepDamagedMs: HOUR,
        warn: () => undefined,
    });
    let most = 0;
    let looked = 0;
    let isOver = false;
    const turn = () => {
        most = Math.max(most, looked);
        looked = 0;
        if (!isOver) {
            setImmediate(turn);
        }
    };
    setImmediate(turn);
    const removed = await repository.prune(undefined, { progress: () => ++looked });
    isOver = true;
    return { removed, most: Math.max(most, looked) };
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
        const { removed, most } = await pruneWatched(driver);
        expect(removed).toBe(DEAD);
        expect(most).toBeLessThan(MOST_AT_ONCE);
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
        const { removed, most } = await pruneWatched(driver);
        expect(removed).toBe(dead);
        expect(most).toBeLessThan(MOST_AT_ONCE);
        driver.close();
    },
);
