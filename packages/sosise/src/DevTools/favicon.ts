import type { NextFunction, Request, Response } from 'express';

/** What browsers ask every site for by themselves. */
export const FAVICON = '/favicon.ico';

/** Where neither `public` nor a route has one: no error, which would fill the log while one looks at pages. */
export function favicon(request: Request, response: Response, next: NextFunction): void {
    if (request.path === FAVICON && request.method === 'GET') {
        response.set('Cache-Control', 'max-age=3600').status(204).end();
    } else {
        next();
    }
}
