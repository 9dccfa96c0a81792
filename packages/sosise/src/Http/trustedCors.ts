import cors from 'cors';
import type { NextFunction, Request, RequestHandler, Response } from 'express';

/** Lets pages of these origins read answers, those to requests with cookies included; nobody else's. */
export function trustedCors(origins: readonly string[]): RequestHandler {
    const answer = cors({
        credentials: true,
        origin: (origin, done) => done(null, origin !== undefined && origins.includes(origin) && origin),
    });
    return function trustedCors(request: Request, response: Response, next: NextFunction): void {
        response.vary('Origin'); // a cache must not give one origin's answer to another
        answer(request, response, next);
    };
}
