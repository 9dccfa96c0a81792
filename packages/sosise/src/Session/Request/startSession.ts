import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { isBelow } from '../../Http/isBelow.js';
import type { CookieId } from '../Cookie/CookieCache.js';
import { exclusive } from './exclusive.js';
import { firstAlive } from './firstAlive.js';
import { absence, type SessionStages } from './noSession.js';
import { RequestSession } from './RequestSession.js';
import { assignSession, hasSession, isSettled } from './requestSessions.js';
import type { SessionServices } from './SessionServices.js';

/** Finds the session of each request. */
export function startSession(
    services: SessionServices,
    Session: typeof RequestSession = RequestSession,
): SessionStages {
    const path = services.settings.cookie.path ?? '/';
    const outside = absence(
        services.log,
        `request.session was read outside the cookie's path (${path}), where there is no session: set cookie.path in src/config/session.ts.`,
        `the request is outside of cookie.path (${path}) in src/config/session.ts.`,
    );
    const refused = absence(
        services.log,
        'request.session was read where a request was refused as forgery: it has no session.',
        'the request was refused, as another site has caused it.',
    );
    const looking = absence(
        services.log,
        'request.session was read while its store had not answered yet.',
        'the session store has not answered yet.',
    );
    const takeTurns = services.settings.concurrency === 'exclusive' ? exclusive() : undefined;

    function serve(request: Request, response: Response, next: NextFunction, cookie: CookieId | undefined): void {
        const refusal = services.forgery?.refusalOf(request);
        try {
            services.forgery?.check(request, cookie?.id, refusal);
        } catch (error) {
            assignSession(request, refused);
            throw error;
        }
        const session = new Session(services, request, response, next, cookie, refusal);
        assignSession(request, session);
        const begin = () => {
            try {
                session.begin();
            } catch (error) {
                next(error);
                return;
            }
            next();
        };
        if (cookie === undefined) {
            begin();
        } else {
            session.load(cookie, begin);
        }
    }

    const find: RequestHandler = function startSession(request, response, next) {
        if (hasSession(request)) {
            next();
            return;
        }
        if (path !== '/' && !isBelow(request.originalUrl, path)) {
            assignSession(request, outside);
            next();
            return;
        }
        const cookie = firstAlive(services.repository, services.cookie.carriedBy(request)?.ids);
        if (cookie instanceof Promise) {
            assignSession(request, looking); // an answer timeout comes by meanwhile
            cookie.then((chosen) => serve(request, response, next, chosen)).catch(next);
        } else {
            serve(request, response, next, cookie);
        }
    };

    return {
        session: takeTurns
            ? function startSession(request, response, next) {
                  find(request, response, (error?: unknown) =>
                      error ? next(error) : Promise.resolve(takeTurns(request, response, next)).catch(next),
                  );
              }
            : find,
        errors: function sessionForErrors(error, request, response, next) {
            if (isSettled(request)) {
                next(error);
                return;
            }
            try {
                find(request, response, () => next(error));
            } catch {
                next(error); // refused as forgery: the first error counts
            }
        },
    };
}
