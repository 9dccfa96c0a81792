/** What tests use of src/Session/Repository. */
export { SessionRepository } from '../../../../src/Session/Repository/SessionRepository.js';
export { UserSessions } from '../../../../src/Session/Repository/UserSessions.js';
