/** What tests use of src/Session/Record. */

export { cookieInWords, isAlike, type StoredCookie } from '../../../../src/Session/Record/CookieSettings.js';
export { CookieSettingsOfToday } from '../../../../src/Session/Record/CookieSettingsOfToday.js';
export { DamagedRecordError } from '../../../../src/Session/Record/DamagedRecordError.js';
export { isDeeperThan } from '../../../../src/Session/Record/jsonText.js';
export { parseRecord } from '../../../../src/Session/Record/parseRecord.js';
export { copyOfPlain } from '../../../../src/Session/Record/plainData.js';
export {
    bodyOf,
    cookieTextAt,
    endedRecord,
    entriesIn,
    isEndedRecord,
    liveRecord,
    userRecord,
} from '../../../../src/Session/Record/recordText.js';
export {
    asPatch,
    bodyWith,
    combined,
    NO_CHANGE,
    type SessionChange,
} from '../../../../src/Session/Record/SessionChange.js';
export { SessionLifetime } from '../../../../src/Session/Record/SessionLifetime.js';
export { FLASH, type LiveRecord } from '../../../../src/Session/Record/SessionRecord.js';
export {
    fingerprintOf,
    isPlainId,
    isSessionKey,
    isUserKey,
    KEY_CHECK,
    keyOf,
    userKeyOf,
} from '../../../../src/Session/Record/storageKeys.js';
