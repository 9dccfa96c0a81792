import { performance } from 'node:perf_hooks';
import { inTime } from '../../Support/Deadlines.js';
import type { SessionDriver } from '../Drivers/SessionDriver.js';
import { ENDED_KEPT_MS } from '../Repository/SessionReader.js';

/** Who asks for figures waits no longer. */
const LONGEST_WAIT_MS = 500;
/** Counting may take this share of the time: the longer it takes, the less often it is done. */
const SHARE_OF_TIME = 0.01;

/** Makes what gives the number of live sessions; undefined where the driver does not know, or not in time. */
export function liveCount(driver: SessionDriver): () => Promise<number | undefined> {
    let known: number | undefined;
    let notBefore = 0;
    let counting: Promise<void> | undefined;

    async function count(): Promise<void> {
        const start = performance.now();
        try {
            known = await driver.countLive?.(Date.now() + ENDED_KEPT_MS); // records are kept so much longer than sessions live
        } catch {
            known = undefined; // requests tell what is wrong with the store
        }
        const end = performance.now();
        notBefore = end + (end - start) / SHARE_OF_TIME;
        counting = undefined;
    }

    return async function live() {
        if (performance.now() >= notBefore) {
            counting ??= count();
        }
        if (counting) {
            await inTime(counting, LONGEST_WAIT_MS, () => new Error('late')).catch(() => {
                known = undefined;
            });
        }
        return known;
    };
}
