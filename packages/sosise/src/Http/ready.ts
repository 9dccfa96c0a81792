import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { Readiness, Unready } from './Readiness.js';

/** Answers `GET /up` for load balancers: the process accepts requests. It asks no store and no database. */
export function health(): RequestHandler {
    return function health(request: Request, response: Response, next: NextFunction): void {
        if (request.path !== '/up' || (request.method !== 'GET' && request.method !== 'HEAD')) {
            next();
            return;
        }
        response.setHeader('Cache-Control', 'no-store');
        response.json({ code: 1000, message: 'up', data: null });
    };
}

export interface ReadyOptions {
    readiness: Readiness;
    /** Whether an answer says why a part failed, and not only which. */
    explains: boolean;
    /** Called when the answer is another one than before. */
    changed(unready: Unready | undefined): void;
}

/**
 * Answers `GET /ready` for load balancers and rolling restarts: 200 while requests can be served, else 503 with the name
 * of the part that is missing.
 */
export function ready({ readiness, explains, changed }: ReadyOptions): RequestHandler {
    let before: string | undefined;

    async function answer(response: Response): Promise<void> {
        const unready = await readiness.look();
        if (unready?.part !== before) {
            before = unready?.part;
            changed(unready);
        }
        response.setHeader('Cache-Control', 'no-store');
        if (!unready) {
            response.json({ code: 1000, message: 'ready', data: null });
            return;
        }
        const { part, error } = unready;
        const data = explains ? { part, error: error.message } : { part };
        response.status(503).json({ code: 503, message: 'not ready', data });
    }

    // No promise is made for all other requests.
    return function ready(request: Request, response: Response, next: NextFunction): Promise<void> | undefined {
        if (request.path !== '/ready' || (request.method !== 'GET' && request.method !== 'HEAD')) {
            next();
            return undefined;
        }
        return answer(response);
    };
}
