/** What tests use of src/framework/Session/Drivers. */
export {
    BadRecordError,
    type ListedRecord,
    type SessionDriver,
    type StoredRecord,
} from '../../../../src/framework/Session/Drivers/SessionDriver.js';
