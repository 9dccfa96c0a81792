import { onTestFinished, vi } from 'vitest';

const UNITS = { second: 1_000, minute: 60_000, hour: 3_600_000, day: 86_400_000, week: 604_800_000 } as const;

let isAway = false;

/**
 * Moves the clock of this process forward: `travel('3 hours')`, or in ms. It stands still then, and is right again when
 * the test is over. Timers go on as they were.
 */
export const travel = vi.defineHelper((time: string | number): void => {
    const ms = durationOf(time);
    if (!vi.isFakeTimers()) {
        vi.useFakeTimers({ toFake: ['Date'] });
        isAway = true;
        whenTestFinished(travelBack);
    }
    vi.setSystemTime(Date.now() + ms);
});

/** Sets the clock right. */
export function travelBack(): void {
    if (isAway) {
        vi.useRealTimers();
        isAway = false;
    }
}

/** A time in ms, or in words: `'90 minutes'`. */
export function durationOf(time: string | number): number {
    const [, amount, unit] = /^(\d+(?:\.\d+)?) ?(second|minute|hour|day|week)s?$/.exec(String(time)) ?? [];
    const ms = typeof time === 'number' ? time : Number(amount) * UNITS[unit as keyof typeof UNITS];
    if (!Number.isFinite(ms) || ms < 0) {
        throw new Error(
            `travel(${JSON.stringify(time)}) does not say how far: give ms, or a number of seconds, minutes, hours, days or weeks, such as '3 hours'.`,
        );
    }
    return ms;
}

/** Does it when the test is over; false where none is running, as in beforeAll. */
export function whenTestFinished(undo: () => void | Promise<void>): boolean {
    try {
        onTestFinished(undo);
        return true;
    } catch {
        return false;
    }
}
