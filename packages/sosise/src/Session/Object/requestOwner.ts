import type { Request } from 'express';

// Apart from RequestSession, which an application whose sessions are off does not load.

/** Where a request keeps its session, and what is behind `request.session`. */
export const OWNER = Symbol('session of this request');

/** From now on an ordinary property of a request, for whoever sets it. */
export function putProperty(request: Request, name: string, value: unknown): void {
    Object.defineProperty(request, name, { configurable: true, enumerable: true, writable: true, value });
}
