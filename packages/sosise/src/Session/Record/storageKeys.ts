import { hash } from 'node:crypto';

/** What the cookie says and `request.sessionID` is: who knows it has the session. A plain string may stand for it, a RecordKey may not. */
export type SessionId = string & { readonly kind?: 'SessionId' };
/** The name under which a session is stored: a hash of its id. All that drivers and logs get to see. */
export type RecordKey = string & { readonly kind?: 'RecordKey' };

/** The names that drivers get to see. None of them is a session's id, and no id makes a cookie out of one. */
const SESSION_KEY = /^sha256-[A-Za-z0-9_-]{43}$/;
const FINGERPRINT_START = 'sha256-'.length;
const FINGERPRINT_LENGTH = 10;

/** Where the users' lists of their sessions are kept. */
const USER_KEY = /^user-[A-Za-z0-9_-]{43}$/;
/** Where the key check of encrypted sessions is kept. */
export const KEY_CHECK = 'sosise-key-check';

/**
 * The name under which a session is stored: a hash of its id, so that who reads the store can't make a cookie of it.
 * Ids have 128 bits or more, which no table holds: the hash needs no salt.
 */
export function keyOf(id: SessionId): RecordKey {
    return `sha256-${hash('sha256', id, 'base64url')}`;
}

export function isSessionKey(name: string): name is RecordKey {
    return SESSION_KEY.test(name);
}

/** The name under which the list of a user's sessions is stored. */
export function userKeyOf(userId: string): RecordKey {
    return `user-${hash('sha256', userId, 'base64url')}`;
}

export function isUserKey(name: string): boolean {
    return USER_KEY.test(name);
}

/** Whether a session may be stored under its id as it is, as the stock packages do, and as was done here before. */
export function isPlainId(id: string): boolean {
    return !isSessionKey(id) && !isUserKey(id) && id !== KEY_CHECK && !id.startsWith('~'); // names of hashed files
}

/** A short name for a session that can be said to anyone: the beginning of its key. */
export function fingerprintOf(key: RecordKey): string {
    return key.slice(FINGERPRINT_START, FINGERPRINT_START + FINGERPRINT_LENGTH);
}
