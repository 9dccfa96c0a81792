import type { Call } from './traceRequests.js';

/** The calls since traceCalls(true). */
export const called: Call[] = [];
let isTracing = false;

export function traceCalls(yes: boolean): void {
    isTracing = yes;
}

// What each function of the framework calls at its start: instrument.ts has put it there.
Object.assign(globalThis, {
    traced: (file: string, name: string) => {
        if (isTracing) {
            called.push([file, name]);
        }
    },
});
