import type { RequestHandler } from 'express';
import { exclusive } from './exclusive.js';
import { absence } from './noSession.js';
import { RequestSession } from './RequestSession.js';
import { assignSession } from './requestSessions.js';
import type { SessionLayer } from './SessionLayer.js';

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

    return function startSession(request, response, next) {
        if (path !== '/' && !pathOf(request.originalUrl).startsWith(path)) {
            assignSession(request, outside);
            next();
            return;
        }
        const cookie = layer.cookie.read(request);
        layer.forgery?.check(request, cookie?.id);
        const session = new Session(layer, request, response, next, cookie);
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
    };
}

/** The path that was asked for; proxies may ask with a whole URL. */
function pathOf(url: string): string {
    return url.startsWith('/') || !URL.canParse(url) ? url : new URL(url).pathname;
}
