import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { isBelow } from '../Http/isBelow.js';
import { exclusive } from './exclusive.js';
import { firstAlive } from './firstAlive.js';
import { absence } from './noSession.js';
import { RequestSession } from './RequestSession.js';
import { assignSession, hasSession } from './requestSessions.js';
import type { SessionLayer } from './SessionLayer.js';
import type { CookieId } from './VerifiedCookies.js';

/** The pipeline's session stage: finds the session of each request before the routes run. */
export function startSession(
    layer: SessionLayer,
    Session: typeof RequestSession = layer.observer?.Session ?? RequestSession,
): RequestHandler {
    const path = layer.settings.cookie.path ?? '/';
    const outside = absence(
        layer.log,
        `request.session was read outside the cookie's path (${path}), where there is no session: set cookie.path in src/config/session.ts.`,
    );
    const takeTurns = layer.settings.concurrency === 'exclusive' ? exclusive() : undefined;

    function serve(request: Request, response: Response, next: NextFunction, cookie: CookieId | undefined): void {
        const refusal = layer.forgery?.refusalOf(request);
        layer.forgery?.check(request, cookie?.id, refusal);
        const session = new Session(layer, request, response, next, cookie, refusal);
        assignSession(request, session);
        const begin = () => {
            try {
                session.watch();
            } catch (error) {
                next(error);
                return;
            }
            if (takeTurns) {
                Promise.resolve(takeTurns(request, response, next)).catch(next);
            } else {
                next();
            }
        };
        if (cookie === undefined) {
            begin();
        } else {
            session.load(cookie, begin);
        }
    }

    return function startSession(request, response, next) {
        if (hasSession(request)) {
            next();
            return;
        }
        if (path !== '/' && !isBelow(request.originalUrl, path)) {
            assignSession(request, outside);
            next();
            return;
        }
        const cookie = firstAlive(layer.repository, layer.cookie.carriedBy(request)?.ids);
        if (cookie instanceof Promise) {
            cookie.then((chosen) => serve(request, response, next, chosen)).catch(next);
        } else {
            serve(request, response, next, cookie);
        }
    };
}
