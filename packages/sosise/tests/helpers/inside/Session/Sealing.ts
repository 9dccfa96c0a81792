/** What tests use of src/Session/Sealing. */

export { openSealed, type SealingOptions } from '../../../../src/Session/Sealing/openSealed.js';
export { SessionKeys } from '../../../../src/Session/Sealing/SessionKeys.js';
