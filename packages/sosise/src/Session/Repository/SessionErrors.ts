import { Exception } from '../../Exceptions/Exception.js';

/**
 * The session store can't be read or written now: a request that looks at its session, or changes it, gets a 503, which
 * Http/Errors/ExceptionHandler renders; the cause goes to the log.
 */
export class SessionUnavailableException extends Exception {
    public constructor(action: 'loaded' | 'saved' | 'ended', cause: unknown) {
        super(`The session could not be ${action}: please try again in a moment.`, {
            status: 503,
            errorCode: 'E_SESSION_UNAVAILABLE',
            expose: true,
            cause,
        });
    }
}

/** Another request of the same session kept `exclusive()` for longer than this one may wait. */
export class SessionBusyException extends Exception {
    public constructor(waitedMs: number) {
        super(`Another request of this session is still running after ${waitedMs} ms: please try again.`, {
            status: 503,
            errorCode: 'E_SESSION_BUSY',
            expose: true,
        });
    }
}

/**
 * What the request changed is not stored, as its session ended or got a new id meanwhile, and only a newer cookie opens
 * that. Not a 503: sent again with the same cookie, it would be refused again.
 */
export class SessionEndedException extends Exception {
    public constructor() {
        super('Your session has ended or was renewed meanwhile, so nothing was stored: please try again.', {
            status: 409,
            errorCode: 'E_SESSION_ENDED',
            data: { reason: 'E_SESSION_ENDED' },
        });
    }
}

/** The user has as many sessions as `registry.max` allows, and `registry.whenFull` refuses one more. Nobody was logged in or out. */
export class SessionLimitException extends Exception {
    public constructor() {
        super('You are logged in on as many devices as you may: please log out on one of them first.', {
            status: 409,
            errorCode: 'E_SESSION_LIMIT',
            data: { reason: 'E_SESSION_LIMIT' },
        });
    }
}

/** What the request changed is not stored, as the browser would drop the cookie that finds it again. The log says the fix. */
export class SessionCookieException extends Exception {
    public constructor() {
        super('The session cookie can only be sent over https, so nothing was stored.', {
            status: 503,
            expose: true,
            isLogged: true,
            errorCode: 'E_SESSION_COOKIE_INSECURE',
            data: { reason: 'E_SESSION_COOKIE_INSECURE' },
        });
    }
}

/** A key that the session object itself needs was used for data. */
export class ReservedSessionKeyError extends Error {
    public override readonly name = 'ReservedSessionKeyError';
    public readonly errorCode = 'E_SESSION_KEY_RESERVED';

    public constructor(key: string) {
        super(`request.session.${key} is used by the session itself: store your data under another key.`);
    }
}

/** A value that can't be stored in a session. The message names the key. */
export class UnstorableSessionError extends Error {
    public override readonly name = 'UnstorableSessionError';
    public readonly errorCode = 'E_SESSION_UNSTORABLE';
}
