import type { SessionPromise } from '../Outcome.js';
import { endings } from './endings.js';
import { expiry } from './expiry.js';
import { failures } from './failures.js';
import { kills } from './kills.js';
import { locks } from './locks.js';
import { parallel } from './parallel.js';
import { records } from './records.js';
import { redirects } from './redirects.js';
import { troubles } from './trouble.js';

/** The rows of the table. */
export const PROMISES: readonly SessionPromise[] = [
    ...parallel,
    ...endings,
    ...redirects,
    ...failures,
    ...records,
    ...kills,
    ...troubles,
    ...locks,
    ...expiry,
];
