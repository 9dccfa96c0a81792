/** What tests use of src/Session/Repository. */
export {
    ReservedSessionKeyError,
    SessionBusyException,
    SessionCookieException,
    SessionEndedException,
    SessionLimitException,
    SessionUnavailableException,
    UnstorableSessionError,
} from '../../../../src/Session/Repository/SessionErrors.js';
export { SessionRepository } from '../../../../src/Session/Repository/SessionRepository.js';
export { StoreCalls, withoutId } from '../../../../src/Session/Repository/StoreCalls.js';
export { UserSessions } from '../../../../src/Session/Repository/UserSessions.js';
