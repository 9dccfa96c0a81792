import type { Request } from 'express';
import { required } from './login.js';

/**
 * Adds to a number in the session, exactly: the amount is added to what is stored when the session is saved, so that
 * parallel requests all count. Gives the number as this request sees it.
 */
export function increment(request: Request, key: string, by = 1): number {
    const session = required(request, 'increment');
    return session.changes.increment(session.current(), key, by);
}
