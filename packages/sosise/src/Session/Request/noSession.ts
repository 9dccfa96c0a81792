import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import type { Logger } from '../../Logging/Logger.js';
import { assignNone, isSettled, type NoSession } from './requestSessions.js';

/** The stages of the pipeline that find the session of each request. */
export interface SessionStages {
    /** Before the routes run. */
    readonly session: RequestHandler;
    /** For an error that came before that, such as a malformed body: who answers it has the visitor's session, too. */
    readonly errors: ErrorRequestHandler;
}

/** Settles which session a request has whose error comes past the stages. Undefined: nothing is waited for. */
export function prepareSession(
    stages: SessionStages | undefined,
    request: Request,
    response: Response,
): Promise<void> | undefined {
    if (!stages || isSettled(request)) {
        return undefined;
    }
    return new Promise((resolve) => stages.errors(undefined, request, response, () => resolve()));
}

/** The session stages where sessions are disabled: nothing is touched, and the first read of a session says why. */
export function noSession(log: Logger): SessionStages {
    const disabled = absence(
        log,
        'Sessions are disabled: set enabled to true in src/config/session.ts to use request.session.',
        'set enabled to true in src/config/session.ts.',
    );
    const settle = (request: Request) => {
        if (!isSettled(request)) {
            assignNone(request, disabled);
        }
    };

    return {
        session: function noSession(request, _response, next) {
            settle(request);
            next();
        },
        errors: function noSessionForErrors(error, request, _response, next) {
            settle(request);
            next(error);
        },
    };
}

/** A reason that is told once, with the message for the log. */
export function absence(log: Logger, message: string, reason: string): NoSession {
    let said = false;
    return {
        reason,
        absent() {
            if (!said) {
                said = true;
                log.warning(message);
            }
        },
    };
}
