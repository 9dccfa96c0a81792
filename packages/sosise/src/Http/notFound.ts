import type { Request } from 'express';
import { BadRequestException } from '../Exceptions/BadRequestException.js';
import { NotFoundException } from '../Exceptions/NotFoundException.js';

/** Where no route answered: a 404, or a 400 for an address that is none (`/%E0%A4%A`). */
export function notFound(request: Request): never {
    try {
        decodeURIComponent(request.path);
    } catch {
        throw new BadRequestException('The address of the request is malformed.');
    }
    throw new NotFoundException(`There is no route for ${request.method} ${request.path}`, {
        errorCode: 'E_ROUTE_NOT_FOUND',
    });
}
