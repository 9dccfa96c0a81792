/** What tests use of src/Session/Moving. */

export { DriverTransfer } from '../../../../src/Session/Moving/DriverTransfer.js';
export { FallbackDriver } from '../../../../src/Session/Moving/FallbackDriver.js';
