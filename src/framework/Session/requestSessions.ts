import type { Request } from 'express';
import type { RequestSession } from './RequestSession.js';

/** Why a request has no session; its first read of `request.session` says so in the log. */
export interface NoSession {
    readonly absent: () => void;
}

const OWNER = Symbol('session of this request');

type Carrier = Request & { [OWNER]?: RequestSession | NoSession };

export function assignSession(request: Request, session: RequestSession | NoSession): void {
    (request as Carrier)[OWNER] = session;
}

/** The session of a request; undefined where it has none. */
export function sessionOf(request: Request): RequestSession | undefined {
    const owner = (request as Carrier)[OWNER];
    return owner && 'absent' in owner ? undefined : owner;
}

/**
 * Lets every request of an Express application make its session when it is first asked for. express-session's
 * middleware assigns `session`, `sessionID` and `sessionStore` itself; an assigned session becomes an ordinary own
 * property, so that `delete request.session` and `request.session = null` work as documented there.
 */
export function equip(prototype: Request): void {
    define(prototype, 'session', {
        get() {
            const owner = (this as Carrier)[OWNER];
            if (!owner) {
                return undefined;
            }
            if ('absent' in owner) {
                owner.absent();
                return undefined;
            }
            if (owner.starting || owner.started) {
                return undefined;
            }
            owner.start();
            return this.session;
        },
        set(session: unknown) {
            const owner = sessionOf(this);
            if (owner && !owner.starting && !owner.started) {
                owner.start(); // `request.session = null` means the session that was there
            }
            define(this, 'session', { value: session, writable: true, enumerable: true });
        },
    });
    define(prototype, 'sessionID', {
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
                define(this, 'sessionID', { value: id, writable: true, enumerable: true });
            }
        },
    });
    define(prototype, 'sessionStore', {
        get() {
            return sessionOf(this)?.sessionStore;
        },
        set(store: unknown) {
            if (!sessionOf(this)) {
                define(this, 'sessionStore', { value: store, writable: true, enumerable: true });
            }
        },
    });
}

function define(target: object, name: string, descriptor: PropertyDescriptor & ThisType<Request>): void {
    Object.defineProperty(target, name, { configurable: true, ...descriptor });
}
