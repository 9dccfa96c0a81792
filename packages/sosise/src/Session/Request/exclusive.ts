import type { RequestHandler } from 'express';
import { sessionOf } from './requestSessions.js';

/**
 * Route middleware that lets the exclusive requests of one session run one after another: `router.post('/buy', exclusive(), …)`.
 * It locks the session's key in the store. A request without it does not wait: what it changes is merged. Nor does a visitor
 * wait who has no stored session yet, and different sessions never wait for each other.
 *
 * It waits for the lock (`lockTimeoutMs` of the session config; then 503), reloads the session, keeps what this request changed
 * earlier, and releases the lock with the answer. When the client goes away before its answer begins, the route still works:
 * the lock is kept until it answers, or for half of `lockTimeoutMs`. What it changes after that is not stored.
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
