import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { action, type ControllerClass } from './action.js';

/** A middleware class: listed in `src/app/Http/Middlewares/Kernel.ts`, or put before one route with `middleware()`. */
export interface Middleware {
    /** Calls `next()` to go on, `next(error)` or throws to refuse, or answers itself. */
    handle(request: Request, response: Response, next: NextFunction): unknown;
}

export type MiddlewareClass = ControllerClass<Middleware>;

/** A middleware class as an Express handler, made once per application: `router.get('/', middleware(Auth), …)`. */
export function middleware(Class: MiddlewareClass): RequestHandler {
    return action(Class, 'handle');
}
