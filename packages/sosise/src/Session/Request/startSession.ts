import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { isBelow } from '../../Http/isBelow.js';
import type { CookieId } from '../Cookie/CookieId.js';
import type { CarriedCookies } from '../Cookie/SessionCookie.js';
import { type Refusal, SAFE_METHODS } from '../Forgery/RequestForgery.js';
import { OWNER } from '../Object/requestOwner.js';
import { firstAlive } from '../Repository/firstAlive.js';
import { absence, type SessionStages } from './noSession.js';
import { RequestSession } from './RequestSession.js';
import { assignNone, isSettled } from './requestSessions.js';
import type { SessionServices } from './SessionServices.js';

/**
 * Finds the session of each request.
 * @param takeLock Lets the requests of one session run one after another, where the config asks for it: see `exclusive()`.
 */
export function startSession(services: SessionServices, takeLock?: RequestHandler): SessionStages {
    const { forgery } = services;
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

    function serve(
        request: Request,
        response: Response,
        next: NextFunction,
        carried: CarriedCookies | undefined,
        cookie: CookieId | undefined,
    ): void {
        let refusal: Refusal | undefined;
        if (forgery && !SAFE_METHODS.has(request.method)) {
            refusal = forgery.refusalOf(request);
            try {
                if (carried !== undefined) {
                    forgery.check(request, cookie?.id, refusal);
                }
            } catch (error) {
                assignNone(request, refused);
                throw error;
            }
        }
        const session = new RequestSession(services, request, response, next, cookie, refusal);
        session.assign();
        if (cookie === undefined) {
            session.begin();
        } else {
            session.load(cookie);
        }
    }

    const find: RequestHandler = function startSession(request, response, next) {
        if (hasSession(request)) {
            next();
            return;
        }
        if (path !== '/' && !isBelow(request.originalUrl, path)) {
            assignNone(request, outside);
            next();
            return;
        }
        const carried = services.cookie.carriedBy(request);
        if (carried === undefined || carried.ids.length < 2) {
            serve(request, response, next, carried, carried?.ids[0]);
            return;
        }
        assignNone(request, looking); // a response timeout may come meanwhile
        firstAlive(services.repository, carried.ids)
            .then((chosen) => serve(request, response, next, carried, chosen))
            .catch(next);
    };

    return {
        session: takeLock
            ? function startSession(request, response, next) {
                  find(request, response, (error?: unknown) =>
                      error ? next(error) : Promise.resolve(takeLock(request, response, next)).catch(next),
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

/** Whether an application around this one has given the request a session: it is left alone, as express-session does. */
function hasSession(request: Request): boolean {
    const owner = (request as { [OWNER]?: object })[OWNER];
    return owner ? !('absent' in owner) : request.session !== undefined;
}
