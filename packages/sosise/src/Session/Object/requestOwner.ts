import type { Request } from 'express';

/** Where a request keeps its session, and what is behind `request.session`. */
export const OWNER = Symbol('session of this request');

interface Presented {
    [OWNER]: { value: unknown };
}

const SESSION: PropertyDescriptor & ThisType<Presented> = {
    configurable: true,
    enumerable: true,
    get() {
        return this[OWNER].value;
    },
    set(session: unknown) {
        this[OWNER].value = session;
    },
};

/** Gives a request its `session`, as a property of its own. */
export function presentSession(request: Request): void {
    Object.defineProperty(request, 'session', SESSION);
}

/** From now on an ordinary property of a request, for whoever sets it. */
export function putProperty(request: Request, name: string, value: unknown): void {
    Object.defineProperty(request, name, { configurable: true, enumerable: true, writable: true, value });
}

/** Whether an application around this one has given the request a session: it is left alone, as express-session does. */
export function hasSession(request: Request): boolean {
    const owner = (request as { [OWNER]?: object })[OWNER];
    return owner ? !('absent' in owner) : request.session !== undefined;
}
