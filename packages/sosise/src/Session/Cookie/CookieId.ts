import type { RecordKey, SessionId } from '../Record/storageKeys.js';

/** A session's id as its cookie carries it, and the name that it is stored under. */
export interface CookieId {
    readonly id: SessionId;
    readonly key: RecordKey;
    /** The id with the signature that is given out now; undefined where the cookie has one by an older secret. */
    readonly signed: string | undefined;
    /** The cookie has the name of an earlier config: the next answer gives the browser one with today's. */
    readonly isRenamed?: true;
}
