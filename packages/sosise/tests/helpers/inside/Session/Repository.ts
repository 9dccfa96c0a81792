/** What tests use of src/Session/Repository. */
export { firstAlive } from '../../../../src/Session/Repository/firstAlive.js';
export {
    ReservedSessionKeyError,
    SessionBusyException,
    SessionCookieException,
    SessionEndedException,
    SessionLimitException,
    SessionUnavailableException,
    UnstorableSessionError,
} from '../../../../src/Session/Repository/SessionErrors.js';
export { type MoveOptions, SessionRepository } from '../../../../src/Session/Repository/SessionRepository.js';
export { StoreCalls, withoutId } from '../../../../src/Session/Repository/StoreCalls.js';
export { openSuccessorId, sealSuccessorId } from '../../../../src/Session/Repository/sealedSuccessorId.js';
export { UserSessions } from '../../../../src/Session/Repository/UserSessions.js';
