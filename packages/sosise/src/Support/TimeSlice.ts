import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long a walk through all sessions may hold up requests, in ms. */
const SLICE_MS = 4;

/** Lets the process do its other work now and then while something walks through all sessions. */
export class TimeSlice {
    private started = performance.now();

    /** Whether the walk has gone on for long enough: ask before each step, it costs 40 ns. */
    public get isOver(): boolean {
        return performance.now() - this.started > SLICE_MS;
    }

    public async rest(): Promise<void> {
        await nextTurn();
        this.started = performance.now();
    }
}
