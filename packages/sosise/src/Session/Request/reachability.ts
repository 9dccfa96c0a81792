import type { NoCookieReason } from '../Events/sessionEvent.js';
import type { Reading } from '../Object/ChangeTracker.js';
import { SessionCookieException } from '../Repository/SessionErrors.js';
import type { RequestState } from './RequestState.js';

/**
 * Whether the browser would come back with the cookie of a new session. Not with a secure one that it gets over plain http;
 * and what another site causes must not replace the visitor's own.
 */
function canReachBrowser(state: RequestState): boolean {
    if (state.services.forgery?.mayBeginSession(state.request, state.refusal) === false) {
        missCookie(state, 'otherSite');
        return false;
    }
    return isDeliverable(state);
}

/** Throws where another site made the visitor's browser send the request: it must not log anyone in. */
export function refuseForgery(state: RequestState): void {
    state.services.forgery?.refuseOtherSites(state.request, state.refusal, state);
}

/** Throws where the browser would not come back. */
export function refuseUnreachable(state: RequestState): void {
    refuseForgery(state);
    if (!isDeliverable(state)) {
        throw new SessionCookieException();
    }
}

/**
 * Whether a new session may be stored: not one that its browser would not come back with. Where the route wants it to be stored,
 * no success hides that: this throws.
 */
export function mayCreate(state: RequestState, { change }: Reading, status = 200): boolean {
    const canReach = canReachBrowser(state);
    if (!canReach && status < 400 && (state.mustStore || change !== undefined)) {
        refuseUnreachable(state);
    }
    return canReach;
}

/** Whether the next request will find what is put into the session now, as far as can be told. */
export function willPersist(state: RequestState): boolean {
    try {
        state.open();
        const isThere = state.object !== undefined && state.stage !== 'endedElsewhere' && !state.isUnset();
        return isThere && (state.loaded !== undefined || canReachBrowser(state));
    } catch {
        return false; // the store can't be read
    }
}

function isDeliverable(state: RequestState): boolean {
    if (state.object?.cookie.secure !== true || state.isSecure) {
        return true;
    }
    missSecureCookie(state);
    return false;
}

/** The cookie is secure, and can't be sent: the log says how to fix it. */
export function missSecureCookie(state: RequestState): void {
    const { services, request } = state;
    services.warnUndeliverable(request);
    missCookie(state, /^https/i.test(request.get('X-Forwarded-Proto') ?? '') ? 'untrustedProxy' : 'insecure');
}

/** The browser is not given the cookie that it needs. Told once for a request. */
export function missCookie(state: RequestState, reason: NoCookieReason): void {
    if (state.missedCookie === undefined) {
        state.missedCookie = reason;
        const { key, loggingIn, owner, services } = state;
        services.events.cookieNotSent?.emit({ key, user: loggingIn ?? owner?.user, reason }, state);
    }
}
