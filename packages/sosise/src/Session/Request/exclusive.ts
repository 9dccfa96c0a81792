import type { RequestHandler } from 'express';
import { sessionOf } from './requestSessions.js';

/**
 * Route middleware that lets requests of one session run one after another: `router.post('/buy', exclusive(), …)`.
 * It waits for its turn (`lockTimeoutMs` of the session config; then 503), reads the session anew, keeps what this
 * request changed earlier, and ends with the answer. Different sessions never wait for each other.
 *
 * A client that goes away before its answer begins ends no turn, as the route still works: it keeps the turn until it
 * answers, or for half of `lockTimeoutMs`. What it changes after that is not stored.
 */
export function exclusive(): RequestHandler {
    return async function exclusive(request, response, next) {
        const session = sessionOf(request);
        if (session?.needsTurn) {
            const lock = await session.acquireLock();
            const release = () => void lock.release();
            if (response.closed || response.destroyed) {
                release();
                return;
            }
            response.once('close', () => session.afterAnswer(release));
            await session.refresh();
        }
        next();
    };
}
