/** What tests use of src/framework/Session/Moving. */
export { FallbackDriver } from '../../../../src/framework/Session/Moving/FallbackDriver.js';
export { SessionMover } from '../../../../src/framework/Session/Moving/SessionMover.js';
