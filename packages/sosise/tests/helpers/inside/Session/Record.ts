/** What tests use of src/Session/Record. */

export { DamagedRecordError } from '../../../../src/Session/Record/DamagedRecordError.js';
export { NO_CHANGE } from '../../../../src/Session/Record/mergeChanges.js';
export { copyOfPlain, hasTextOf } from '../../../../src/Session/Record/plainData.js';
export { SessionLifetime } from '../../../../src/Session/Record/SessionLifetime.js';
export {
    bodyOf,
    cookieTextAt,
    endedRecord,
    entriesIn,
    FLASH,
    isEndedRecord,
    type LiveRecord,
    liveRecord,
    parseRecord,
    type StoredCookie,
    userRecord,
} from '../../../../src/Session/Record/SessionRecord.js';
export { fingerprintOf, KEY_CHECK, keyOf, userKeyOf } from '../../../../src/Session/Record/storageKeys.js';
