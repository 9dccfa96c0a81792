/** What tests use of src/framework/Support. */
export { Deadlines } from '../../../src/framework/Support/Deadlines.js';
export { inTime } from '../../../src/framework/Support/inTime.js';
export { KeyedQueue } from '../../../src/framework/Support/KeyedQueue.js';
export { masked } from '../../../src/framework/Support/masked.js';
export { RecentlyUsed } from '../../../src/framework/Support/RecentlyUsed.js';
export { VERSION } from '../../../src/framework/Support/version.js';
export { durationOf } from '../../../src/framework/Support/words.js';
