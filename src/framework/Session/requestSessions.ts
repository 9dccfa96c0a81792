import express, { type Request } from 'express';
import type { RequestSession } from './RequestSession.js';

/** Why a request has no session; its first read of `request.session` says so in the log. */
export interface NoSession {
    readonly absent: () => void;
}

const OWNER = Symbol('session of this request');

type Carrier = Request & { [OWNER]?: RequestSession | NoSession };

/**
 * Gives a request its session, which is made when it is first asked for. `session` is the request's own property, as with
 * express-session: `delete request.session` works, and Express apps that a router mounts see it too.
 */
export function assignSession(request: Request, session: RequestSession | NoSession): void {
    (request as Carrier)[OWNER] = session;
    Object.defineProperty(request, 'session', 'absent' in session ? ABSENT : PRESENT);
}

/** The session of a request; undefined where it has none. */
export function sessionOf(request: Request): RequestSession | undefined {
    const owner = (request as Carrier)[OWNER];
    return owner && 'absent' in owner ? undefined : owner;
}

const PRESENT: PropertyDescriptor & ThisType<Request> = {
    configurable: true,
    enumerable: true,
    get() {
        return (sessionOf(this) as RequestSession).exposed;
    },
    set(session: unknown) {
        (sessionOf(this) as RequestSession).exposed = session;
    },
};

const ABSENT: PropertyDescriptor & ThisType<Request> = {
    configurable: true,
    enumerable: true,
    get() {
        ((this as Carrier)[OWNER] as NoSession).absent();
        return undefined;
    },
    set(session: unknown) {
        put(this, 'session', session);
    },
};

/** The others are found on the way to Express's own: three properties fewer to be made for each request. */
const INHERITED: PropertyDescriptorMap & ThisType<Request> = {
    sessionID: {
        configurable: true,
        get() {
            const owner = sessionOf(this);
            if (owner && !owner.starting) {
                owner.start();
            }
            return owner?.id;
        },
        set(id: string | undefined) {
            const owner = sessionOf(this);
            if (owner) {
                owner.id = id ?? '';
            } else {
                put(this, 'sessionID', id); // another application's express-session
            }
        },
    },
    sessionStore: {
        configurable: true,
        get() {
            return sessionOf(this)?.sessionStore;
        },
        set(store: unknown) {
            if (!sessionOf(this)) {
                put(this, 'sessionStore', store);
            } // else express-session's middleware sets the store that is given here anyway
        },
    },
    sessionEnded: {
        configurable: true,
        get() {
            return sessionOf(this)?.sessionEnded;
        },
        set(ended: unknown) {
            put(this, 'sessionEnded', ended);
        },
    },
};
Object.defineProperties(express.request, INHERITED);

/** From now on an ordinary property. */
function put(request: Request, name: string, value: unknown): void {
    Object.defineProperty(request, name, { configurable: true, enumerable: true, writable: true, value });
}
