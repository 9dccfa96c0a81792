/** What tests use of src/Session/Drivers. */
export type { ListedRecord, SessionDriver, StoredRecord } from '../../../../src/Session/Drivers/SessionDriver.js';
export { REMOVED, updateRecord } from '../../../../src/Session/Drivers/updateRecord.js';
