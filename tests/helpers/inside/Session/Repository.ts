/** What tests use of src/framework/Session/Repository. */
export { SessionRepository } from '../../../../src/framework/Session/Repository/SessionRepository.js';
export { UserSessions } from '../../../../src/framework/Session/Repository/UserSessions.js';
