import type { NextFunction, Request, RequestHandler, Response } from 'express';

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
