/** What tests use of src/Session/Drivers. */
export {
    BadRecordError,
    type ListedRecord,
    type SessionDriver,
    type StoredRecord,
} from '../../../../src/Session/Drivers/SessionDriver.js';
