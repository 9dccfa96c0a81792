import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { Logger } from '../Logging/Logger.js';
import { assignSession, type NoSession } from './requestSessions.js';

/** The session stage where sessions are disabled: nothing is touched, and the first read of a session says why. */
export function noSession(log: Logger): RequestHandler {
    const disabled = absence(
        log,
        'Sessions are disabled: set enabled to true in src/config/session.ts to use request.session.',
    );

    return function noSession(request: Request, _response: Response, next: NextFunction) {
        assignSession(request, disabled);
        next();
    };
}

/** A reason that is told once. */
export function absence(log: Logger, message: string): NoSession {
    let said = false;
    return {
        absent() {
            if (!said) {
                said = true;
                log.warning(message);
            }
        },
    };
}
