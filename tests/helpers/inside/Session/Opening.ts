/** What tests use of src/framework/Session/Opening. */
export { SessionManager } from '../../../../src/framework/Session/Opening/SessionManager.js';
