/** What tests use of src/framework/Session/Admin. */
export { SessionRegistry } from '../../../../src/framework/Session/Admin/SessionRegistry.js';
