import type { Request } from 'express';
import { sessionOf } from './requestSessions.js';

/**
 * Adds to a number in the session, exactly: the amount is added to what is stored when the session is saved, so that
 * parallel requests all count. Gives the number as this request sees it.
 */
export function increment(request: Request, key: string, by = 1): number {
    const session = sessionOf(request);
    if (!session) {
        throw new Error('increment needs a session: set enabled to true in src/config/session.ts.');
    }
    return session.increment(key, by);
}
