import type { NextFunction, RequestHandler } from 'express';
import { exclusive } from './exclusive.js';
import { absence } from './noSession.js';
import { RequestSession } from './RequestSession.js';
import { assignSession } from './requestSessions.js';
import type { SessionLayer } from './SessionLayer.js';
import type { CookieId } from './VerifiedCookies.js';

/** The pipeline's session stage: finds the session of each request before the routes run. */
export function startSession(layer: SessionLayer): RequestHandler {
    const path = layer.settings.cookie.path ?? '/';
    const outside = absence(
        layer.log,
        `request.session was read outside the cookie's path (${path}), where there is no session: set cookie.path in src/config/session.ts.`,
    );
    const takeTurns = layer.settings.concurrency === 'exclusive' ? exclusive() : undefined;

    return function startSession(request, response, next) {
        if (path !== '/' && !pathOf(request.originalUrl).startsWith(path)) {
            assignSession(request, outside);
            next();
            return;
        }
        const cookie = layer.cookie.read(request);
        layer.forgery?.check(request, cookie?.id);
        const session = new RequestSession(layer, request, response, next, cookie);
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
            load(layer, session, cookie, begin, next);
        }
    };
}

/** Memory answers at once, and then nothing here waits either. */
function load(
    layer: SessionLayer,
    session: RequestSession,
    { id, key }: CookieId,
    begin: () => void,
    next: NextFunction,
): void {
    try {
        const found = layer.repository.find(id, key);
        if (found instanceof Promise) {
            found
                .then(
                    (result) => session.accept(result),
                    (error) => session.unavailable(error),
                )
                .then(begin);
            return;
        }
        session.accept(found);
    } catch (error) {
        session.unavailable(error);
    }
    begin();
}

/** The path that was asked for; proxies may ask with a whole URL. */
function pathOf(url: string): string {
    return url.startsWith('/') || !URL.canParse(url) ? url : new URL(url).pathname;
}
