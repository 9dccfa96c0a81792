/** What tests use of src/Support. */
export { Deadlines } from '../../../src/Support/Deadlines.js';
export { inTime } from '../../../src/Support/inTime.js';
export { KeyedQueue } from '../../../src/Support/KeyedQueue.js';
export { masked } from '../../../src/Support/masked.js';
export { RecentlyUsed } from '../../../src/Support/RecentlyUsed.js';
export { VERSION } from '../../../src/Support/version.js';
export { durationOf } from '../../../src/Support/words.js';
