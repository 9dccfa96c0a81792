/** What tests use of src/Session/Opening. */
export { SessionManager } from '../../../../src/Session/Opening/SessionManager.js';
