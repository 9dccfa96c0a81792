import type { RequestHandler } from 'express';
import { sessionOf } from './requestSessions.js';

/**
 * Route middleware that lets requests of one session run one after another: `router.post('/buy', exclusive(), …)`.
 * It waits for its turn (`lockTimeoutMs` of the session config; then 503), reads the session anew, keeps what this
 * request changed earlier, and ends with the answer. Different sessions never wait for each other.
 */
export function exclusive(): RequestHandler {
    return async function exclusive(request, response, next) {
        const session = sessionOf(request);
        if (session?.needsTurn) {
            const release = await session.takeTurn();
            const ended = () => void release();
            if (response.closed || response.destroyed) {
                ended();
                return;
            }
            response.once('close', ended);
            await session.refresh();
        }
        next();
    };
}
