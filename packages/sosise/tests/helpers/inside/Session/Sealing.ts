/** What tests use of src/Session/Sealing. */

export { type EncryptionOptions, openEncrypted } from '../../../../src/Session/Sealing/openEncrypted.js';
export { SessionKeys } from '../../../../src/Session/Sealing/SessionKeys.js';
