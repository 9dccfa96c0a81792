import type { Request } from 'express';
import { fingerprintOf } from './Record/storageKeys.js';
import type { RequestSession } from './Request/RequestSession.js';
import { refuseForgery } from './Request/reachability.js';
import { sessionOf, whyNoSession } from './Request/requestSessions.js';

/**
 * Makes the session a user's: call it when the password (or what proves who it is) was right. A stored session gets
 * a new id, so that nobody who knew the old one is logged in along with the user. It keeps its data, unless that was another user's,
 * and its absolute timeout restarts. Resolves once that is stored.
 */
export async function login(request: Request, userId: string | number): Promise<void> {
    const session = required(request, 'login');
    const user = typeof userId === 'number' && Number.isFinite(userId) ? String(userId) : userId;
    if (typeof user !== 'string' || user === '') {
        throw new TypeError(
            `login(request, userId) needs the id of the user, a text that is not empty or a number, and got ${userId === '' ? 'an empty text' : typeof userId}: was the user found?`,
        );
    }
    refuseForgery(session);
    await session.actions.login(user);
}

/** Ends the session and clears its cookie. For the rest of the request there is no `request.session`. */
export async function logout(request: Request): Promise<void> {
    await required(request, 'logout').actions.logout();
}

/**
 * Says that nobody was logged in, as the password (or what else proves who it is) was wrong: for the audit log and who listens to
 * session events. It does nothing else. @param userId Whose login it would have been, where that is known.
 */
export function loginFailed(request: Request, userId?: string | number): void {
    const session = required(request, 'loginFailed');
    const key = session.loaded && session.key;
    const user = userId === undefined ? undefined : String(userId);
    session.services.events.refused?.emit({ key, user, reason: 'password' }, session);
}

/** The user that `login()` was given, as text; undefined for a visitor who is not logged in. */
export function authenticatedUser(request: Request): string | undefined {
    return loggedIn(request)?.user;
}

/** When the user of this session logged in; undefined for a visitor who is not logged in. */
export function authenticatedAt(request: Request): Date | undefined {
    const at = loggedIn(request)?.at;
    return at === undefined ? undefined : new Date(at);
}

/** Whether the visitor is logged in by a session that is bound to the device which sends the request: see `deviceBound` of the config. */
export function isDeviceBound(request: Request): boolean {
    return loggedIn(request)?.deviceKey !== undefined && sessionOf(request)?.services.binding !== undefined;
}

/** A short name for the session that may be said and logged: nobody can make a cookie of it. */
export function fingerprint(request: Request): string | undefined {
    const session = sessionOf(request);
    session?.use();
    return session && session.id !== '' ? fingerprintOf(session.storedKey) : undefined;
}

/** Who is logged in, and since when. */
export function loggedIn(request: Request): RequestSession['loggedIn'] {
    const session = sessionOf(request);
    session?.open();
    return session?.loggedIn;
}

export function required(request: Request, what: string): RequestSession {
    const session = sessionOf(request);
    if (!session) {
        throw new Error(`${what}() needs a session: ${whyNoSession(request)}`);
    }
    return session;
}
