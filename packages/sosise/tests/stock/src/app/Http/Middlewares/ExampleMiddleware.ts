import { NextFunction, Request, Response } from 'express';
import { Middleware } from 'sosise';

export default class ExampleMiddleware implements Middleware {
    /** Call next() to continue, next(error) to fail, or answer here. */
    public async handle(request: Request, response: Response, next: NextFunction) {
        next();
    }
}
