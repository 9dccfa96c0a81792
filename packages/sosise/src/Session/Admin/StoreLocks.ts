import type { MaybePromise } from '../../Support/MaybePromise.js';
import { LONGEST_TIMER_MS } from '../../Support/timers.js';
import type { SessionServices } from '../Request/SessionServices.js';

/** So much of an interval is one process's: far more than clocks differ, and a run that began late does not cost the next one. */
const SHARE_OF_INTERVAL = 0.75;
/** A lock of a process that died is free after five seconds: the next run waits so long for it. */
const DEAD_AFTER_MS = 6_000;

/** Locks of the session store, for work beside requests: `app.container.make(StoreLocks)`. */
export class StoreLocks {
    public constructor(private readonly services: () => SessionServices) {}

    /** Whether the locks hold between all processes on one store; else within this process only, as with `memory`. */
    public get holdBetweenProcesses(): boolean {
        return this.services().driver.abilities?.atomicBetweenProcesses ?? false;
    }

    /**
     * Runs work that all processes are told to do at the same time in one of them: `once('digest', 60_000, () => digest.send())`.
     * The first one to ask has the interval, whether its work succeeds or not. A run never overlaps the one before it, in any
     * process: while that lasts, the next one is left out. Throws what the work throws, and where the store can't be reached.
     * @param everyMs The interval. A name should always come with the same.
     * @returns Whether the work was done here.
     */
    public async once(name: string, everyMs: number, work: () => MaybePromise<unknown>): Promise<boolean> {
        if (typeof name !== 'string' || name === '' || !(everyMs > 0)) {
            throw new TypeError('once(name, everyMs, work) needs a name for the work, and its interval in ms.');
        }
        const { driver } = this.services();
        const interval = await driver.lock(`~once:${name}`, 0);
        if (!interval) {
            return false;
        }
        // Kept when this process stops: the others may not have asked yet. It ends without whoever holds it.
        const end = () => Promise.resolve(interval.release()).catch(() => undefined);
        setTimeout(end, Math.min(everyMs * SHARE_OF_INTERVAL, LONGEST_TIMER_MS)).unref();
        const run = await driver.lock(`~run:${name}`, DEAD_AFTER_MS);
        if (!run) {
            return false;
        }
        try {
            await work();
            return true;
        } finally {
            await run.release();
        }
    }
}
