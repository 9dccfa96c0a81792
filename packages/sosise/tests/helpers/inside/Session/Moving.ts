/** What tests use of src/Session/Moving. */
export { FallbackDriver } from '../../../../src/Session/Moving/FallbackDriver.js';
export { SessionMover } from '../../../../src/Session/Moving/SessionMover.js';
