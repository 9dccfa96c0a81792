/** What tests use of src/Support/Files. */
export { FileLock } from '../../../../src/Support/Files/FileLock.js';
export { newOwnerText } from '../../../../src/Support/Files/ProcessIdentity.js';
