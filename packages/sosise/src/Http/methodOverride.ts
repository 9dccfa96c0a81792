import type { NextFunction, Request, Response } from 'express';
import { BadRequestException } from '../Exceptions/BadRequestException.js';

const METHODS = ['PUT', 'PATCH', 'DELETE'];

/**
 * Takes a posted form for a PUT, PATCH or DELETE where its field `_method` says so, as pages can't send these. It stands
 * behind the session: CSRF protection has seen the POST by then.
 */
export function methodOverride(request: Request, _response: Response, next: NextFunction): void {
    const body = request.body as { _method?: unknown };
    if (request.method !== 'POST' || !request.is('urlencoded') || body._method === undefined) {
        next();
        return;
    }
    const method = String(body._method).toUpperCase();
    if (!METHODS.includes(method)) {
        throw new BadRequestException('The field _method of a form can be PUT, PATCH or DELETE.');
    }
    delete body._method;
    request.method = method;
    next();
}
