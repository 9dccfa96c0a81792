import type { Request } from 'express';
import { OWNER, putProperty } from '../Object/requestOwner.js';
import type { RequestSession } from './RequestSession.js';

/** Why a request has no session; its first read of `request.session` says so in the log. */
export interface NoSession {
    readonly absent: () => void;
    /** For who needs one: what is to be done, or what has happened. */
    readonly reason: string;
}

type Carrier = Request & { [OWNER]?: RequestSession | NoSession };

/** Says that a request has no session, and why. */
export function assignNone(request: Request, none: NoSession): void {
    (request as Carrier)[OWNER] = none;
    Object.defineProperty(request, 'session', ABSENT);
}

/** Whether it is settled which session a request has, if any. */
export function isSettled(request: Request): boolean {
    return (request as Carrier)[OWNER] !== undefined || request.session !== undefined;
}

/** The session of a request; undefined where it has none. */
export function sessionOf(request: Request): RequestSession | undefined {
    const owner = (request as Carrier)[OWNER];
    return owner && 'absent' in owner ? undefined : owner;
}

/** Why a request has no session, as the end of a sentence. */
export function whyNoSession(request: Request): string {
    const owner = (request as Carrier)[OWNER];
    if (owner && 'absent' in owner) {
        return owner.reason;
    }
    return request.session === undefined
        ? 'this request has not passed the session stage: put what uses sessions behind it, as in src/app/Http/Middlewares/Kernel.ts.'
        : 'request.session is that of an application around this one, or of another middleware, which is left alone.';
}

const ABSENT: PropertyDescriptor & ThisType<Request> = {
    configurable: true,
    enumerable: true,
    get() {
        ((this as Carrier)[OWNER] as NoSession).absent();
        return undefined;
    },
    set(session: unknown) {
        putProperty(this, 'session', session);
    },
};
