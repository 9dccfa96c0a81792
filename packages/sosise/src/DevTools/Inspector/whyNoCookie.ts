import type { RequestSession } from '../../Session/Request/RequestSession.js';
import type { RequestTrace } from './RequestTrace.js';

/** Why an answer carries no session cookie. */
export function whyNoCookie(trace: RequestTrace): string {
    const { session } = trace;
    if (!session) {
        return 'The request got no session: it was refused, or its path is not one of the cookie.';
    }
    return whyNone(trace, session) ?? (session.loaded ? whyNotAgain(trace, session) : whyNoSession(session));
}

/** Reasons that count whether or not there is a session. */
function whyNone(trace: RequestTrace, session: RequestSession): string | undefined {
    if (session.loadFailure !== undefined) {
        return 'The store could not be read.';
    }
    if (trace.outcome === 'failed') {
        return session.missedCookie === undefined ? 'The session could not be stored.' : whyNoSession(session);
    }
    if (session.stage === 'endedElsewhere') {
        return 'The session ended meanwhile, or moments before: the browser may have a newer cookie by now.';
    }
    if (session.stage === 'endedHere') {
        return session.isClearDue
            ? 'The headers were sent before the session was destroyed: the browser keeps a cookie that names nothing.'
            : 'It was destroyed, and the browser has no cookie of it.';
    }
    return isUnset(session) ? 'request.session was unset: nothing is stored.' : undefined;
}

function whyNoSession({ missedCookie }: RequestSession): string {
    switch (missedCookie) {
        case 'insecure':
        case 'untrustedProxy':
            return 'The cookie is secure, and the request came over plain http: the browser would drop it, so that nothing was stored.';
        case 'otherSite':
            return 'Another site caused the request: no session begins by that.';
        case 'headersSent':
            return 'The headers were sent before the session was changed: what was changed is dropped.';
        default:
            return 'Nothing was stored: a visitor gets a cookie with the first key.';
    }
}

function whyNotAgain(trace: RequestTrace, session: RequestSession): string {
    const { services, record } = session;
    if (isInsecure(session)) {
        return 'The cookie is secure, and the request came over plain http.';
    }
    if (trace.outcome === 'skipped' || trace.outcome === 'none') {
        return 'Nothing changed: the browser keeps the cookie it has.';
    }
    if (services.settings.rolling === false) {
        return 'rolling is false in src/config/session.ts: the browser keeps the cookie it has.';
    }
    if (!record || services.repository.lifetime.ageOf(record) === null) {
        return 'The cookie ends with the browser: it has no date to be renewed.';
    }
    return trace.wasSavedLate
        ? 'The headers were sent before the session was stored: the browser keeps the cookie it has.'
        : 'The cookie that the browser has is fresh: it is sent again once 5 % of its life are over.';
}

function isInsecure({ services, object, record, isSecure }: RequestSession): boolean {
    return services.cookieOf(object, record).secure === true && !isSecure;
}

function isUnset(session: RequestSession): boolean {
    try {
        return session.isUnset();
    } catch {
        return true; // replaced by another object
    }
}
