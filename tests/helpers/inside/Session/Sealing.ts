/** What tests use of src/framework/Session/Sealing. */

export { openSealed, type SealingOptions } from '../../../../src/framework/Session/Sealing/openSealed.js';
export { SessionKeys } from '../../../../src/framework/Session/Sealing/SessionKeys.js';
