import type { Request } from 'express';
import type { EndReason, Login } from '../Record/SessionRecord.js';
import type { RecordKey } from '../Record/storageKeys.js';

/** What became of a session. `logout`: by `logout()`; `replaced`: the user had more of them than `registry.max`. */
export type SessionEndReason = Exclude<EndReason, 'migrated'> | 'logout';

/**
 * Why a request was refused. `signature`: none of its session cookies is signed by one of our secrets; `csrf`: another site seems to
 * have caused it; `password`: `loginFailed` says so; `device`: it lacks the proof of the device that the session is bound to, or that
 * `requireBoundDevice` asks for; `login`: `requireLogin` and its like did not let it in; `limit`: the user has as many sessions as
 * `registry.max` allows; `ended`: it has changed a session that had ended meanwhile.
 */
export type SessionRefusal = 'signature' | 'csrf' | 'password' | 'device' | 'login' | 'limit' | 'ended';

/**
 * Why a browser was not given the cookie that it needs. `insecure`: the cookie is secure and the request came over plain http;
 * `untrustedProxy`: a proxy that is not trusted says that it came over https; `otherSite`: another site caused the request;
 * `headersSent`: the answer's headers had left before.
 */
export type NoCookieReason = 'insecure' | 'untrustedProxy' | 'otherSite' | 'headersSent';

/** Who has ended a session from outside. */
export interface RevokedBy {
    /** `request`: the one that `by` or `except` of `revoke` named; `console`: a command; `application`: any other code of it. */
    readonly by: 'application' | 'console' | 'request';
    /** The user of that request; in the console the account of the operating system. */
    readonly byUser?: string | undefined;
    /** The session of that request. */
    readonly byFingerprint?: string | undefined;
}

/** What each event says besides what all of them do. */
interface Details {
    /** A new session was stored. */
    created: object;
    /** A request's cookie was looked up. `ended`: with how it ended, if it did within the last 24 hours. */
    loaded: { readonly outcome: 'live' | 'ended' | 'none'; readonly reason?: EndReason | undefined };
    /** A request has written its session. `touched`: it changed nothing, and its activity was written down. */
    saved: { readonly outcome: 'saved' | 'touched' };
    /** What a request has changed was merged with what another one had stored meanwhile. Its `saved` follows. */
    merged: object;
    /** The session has got a new id; `to` is its new fingerprint. */
    migrated: { readonly to: string };
    /** `login()` has succeeded. */
    loggedIn: object;
    /** The session has ended, for whatever reason. */
    ended: { readonly reason: SessionEndReason };
    /** The session was ended from outside: by `revoke`, or by the user's next login. Its `ended` follows. */
    revoked: { readonly reason: 'revoked' | 'replaced' } & RevokedBy;
    refused: { readonly reason: SessionRefusal };
    /** The session store has failed, or has not answered in time. */
    unavailable: { readonly action: 'loaded' | 'saved' | 'ended' };
    cookieNotSent: { readonly reason: NoCookieReason };
}

/** The names of all events. */
export type SessionEventName = keyof Details;

interface Common<Name> {
    readonly name: Name;
    /** When it happened, in ms since the epoch. */
    readonly at: number;
    /** The session's short name, as `fingerprint(request)` gives it: nobody can make a cookie of it. */
    readonly fingerprint: string | undefined;
    /** Whose session it is since `login()`. */
    readonly user: string | undefined;
    /** `request.requestId` and `request.ip` of the request by which it happened, where there is one. */
    readonly requestId: string | undefined;
    readonly address: string | undefined;
}

/** One event, or any of several: plain, frozen, and without ids, cookies or contents. */
export type SessionEvent<Name extends SessionEventName = SessionEventName> = {
    readonly [Each in Name]: Common<Each> & Details[Each];
}[Name];

/** What it throws, or rejects with, is logged, and changes nothing else. */
export type SessionEventListener<Name extends SessionEventName> = (event: SessionEvent<Name>) => unknown;

/** What an event is made of. */
export type Occurrence<Name extends SessionEventName> = {
    readonly key?: RecordKey | undefined;
    readonly user?: Login['user'] | undefined;
    /** Default: now. */
    readonly at?: number;
} & Details[Name];

/** The request by which something happens, with the client's address as it was when that arrived. */
export interface EventOrigin {
    readonly request: Request;
    readonly address: string | undefined;
}

/** Is told at once, and must not fail: for the framework's own use. `request` is the one by which it happens, if any. */
export type SessionEventWatcher<Name extends SessionEventName> = (
    event: SessionEvent<Name>,
    request: Request | undefined,
) => void;
