import type { Request } from 'express';
import type { SessionData } from 'express-session';
import { required } from './login.js';
import { isReservedKey } from './Record/SessionRecord.js';
import { ReservedSessionKeyError } from './Repository/SessionErrors.js';

/**
 * Reads a key of the session and deletes it; undefined where it is not there. Of requests that run at the same moment,
 * each may get it: where only one may, lock the session with `exclusive()`.
 */
export function pull<Key extends keyof SessionData & string>(request: Request, key: Key): SessionData[Key] | undefined {
    const session = required(request, 'pull').current();
    if (isReservedKey(key)) {
        throw new ReservedSessionKeyError(key);
    }
    const value = Object.hasOwn(session, key) ? session[key] : undefined;
    delete session[key];
    return value as SessionData[Key] | undefined;
}
