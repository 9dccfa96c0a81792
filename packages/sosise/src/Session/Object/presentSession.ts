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
