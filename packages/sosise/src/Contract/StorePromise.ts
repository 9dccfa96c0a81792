import type { StoreBench } from './StoreBench.js';

/** One thing that a store can be relied on for. */
export interface StorePromise {
    /** As it reads after "has" and "lacks" in the report. */
    readonly name: string;
    /** `basic`: a store without it is of no use. `ability`: a plain store from npm may lack it. */
    readonly kind: 'basic' | 'ability';
    /** Needs a second handle on the same storage. */
    readonly needsReopen?: boolean;
    /** A store that lacks it may get through by luck. */
    readonly races?: boolean;
    /** Mostly waits, so that it may run beside others. */
    readonly waits?: boolean;
    /** Throws, with a reason in words, where the promise is not kept. */
    check(bench: StoreBench): Promise<void>;
}

/** Ids that only a `genid` of one's own could make, and that must not hurt even so. */
export const ODD_IDS = [
    '../x',
    '..',
    '.',
    'a/b',
    'a\\b',
    '/etc/passwd',
    'ünïcödé 🍪',
    'with space',
    'CaSe',
    'case',
    'a.json',
    '__proto__',
    'constructor',
    '%2e%2e%2fx',
    "'; drop table session; --",
];
export const CONTROL_IDS = ['a\0b', 'line\nbreak', '\u0007'];
