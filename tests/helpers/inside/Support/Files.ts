/** What tests use of src/framework/Support/Files. */
export { FileLock } from '../../../../src/framework/Support/Files/FileLock.js';
export { newOwnerText } from '../../../../src/framework/Support/Files/ProcessIdentity.js';
