import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { Logger } from '../Logging/Logger.js';
import { exclusive } from './exclusive.js';
import { RequestSession } from './RequestSession.js';
import { snapshot } from './ResponseGate.js';
import { assignSession, type NoSession } from './requestSessions.js';
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
                session.watch(snapshot(response));
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

function absence(log: Logger, message: string): NoSession {
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
