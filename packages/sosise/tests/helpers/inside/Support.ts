/** What tests use of src/Support. */
export { Deadlines, inTime } from '../../../src/Support/Deadlines.js';
export { KeyedMutex } from '../../../src/Support/KeyedMutex.js';
export { masked } from '../../../src/Support/masked.js';
export { TwoGenerationCache } from '../../../src/Support/TwoGenerationCache.js';
export { VERSION } from '../../../src/Support/version.js';
export { durationOf, sizeOf, titleOf } from '../../../src/Support/words.js';
