import { expect, test } from 'vitest';
import {
    ReservedSessionKeyError,
    SessionBusyException,
    SessionCookieException,
    SessionEndedException,
    SessionLimitException,
    SessionUnavailableException,
    UnstorableSessionError,
} from './helpers/inside/Session/Repository.js';

/** A program that reads the answer is told why, too. */
const told = (reason: string) => ({ errorCode: reason, data: { reason } });

test.each<[what: string, () => Error, object]>([
    [
        'a store in trouble',
        () => new SessionUnavailableException('saved', 'disk full'),
        {
            message: 'The session could not be saved: please try again in a moment.',
            status: 503,
            errorCode: 'E_SESSION_UNAVAILABLE',
            expose: true,
            cause: 'disk full',
            data: null,
        },
    ],
    [
        'a request that runs alone for too long',
        () => new SessionBusyException(30_000),
        {
            message: 'Another request of this session is still running after 30000 ms: please try again.',
            status: 503,
            errorCode: 'E_SESSION_BUSY',
            expose: true,
        },
    ],
    [
        'a session that ended meanwhile',
        () => new SessionEndedException(),
        {
            message: 'Your session has ended or was renewed meanwhile, so nothing was stored: please try again.',
            status: 409,
            expose: true,
            ...told('E_SESSION_ENDED'),
        },
    ],
    [
        'a login too many',
        () => new SessionLimitException(),
        {
            message: 'You are logged in on as many devices as you may: please log out on one of them first.',
            status: 409,
            expose: true,
            ...told('E_SESSION_LIMIT'),
        },
    ],
    [
        'a cookie that the browser would drop',
        () => new SessionCookieException(),
        {
            message: 'The session cookie can only be sent over https, so nothing was stored.',
            status: 503,
            expose: true,
            isLogged: true,
            ...told('E_SESSION_COOKIE_INSECURE'),
        },
    ],
    [
        "a key that is the session's own",
        () => new ReservedSessionKeyError('save'),
        {
            name: 'ReservedSessionKeyError',
            message: 'request.session.save is used by the session itself: store your data under another key.',
            errorCode: 'E_SESSION_KEY_RESERVED',
        },
    ],
    [
        'a value that can not be stored',
        () => new UnstorableSessionError('session.cart is a function.'),
        {
            name: 'UnstorableSessionError',
            message: 'session.cart is a function.',
            errorCode: 'E_SESSION_UNSTORABLE',
        },
    ],
])('%s is told in words, with a status and a code', (_what, make, answer) => {
    expect(make()).toMatchObject(answer);
});
