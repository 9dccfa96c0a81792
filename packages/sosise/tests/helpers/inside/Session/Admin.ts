/** What tests use of src/Session/Admin. */
export { SessionRegistry } from '../../../../src/Session/Admin/SessionRegistry.js';
