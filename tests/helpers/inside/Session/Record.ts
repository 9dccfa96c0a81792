/** What tests use of src/framework/Session/Record. */

export { NO_CHANGE } from '../../../../src/framework/Session/Record/mergeChanges.js';
export { copyOfPlain, hasTextOf } from '../../../../src/framework/Session/Record/plainData.js';
export { SessionLifetime } from '../../../../src/framework/Session/Record/SessionLifetime.js';
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
} from '../../../../src/framework/Session/Record/SessionRecord.js';
export { fingerprintOf, KEY_CHECK, keyOf, userKeyOf } from '../../../../src/framework/Session/Record/storageKeys.js';
