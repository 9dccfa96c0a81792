import type { Request } from 'express';

/**
 * The route pattern a request matched, such as `/users/:id`; before one is known, its path. Never the query, and
 * no parameters where avoidable: those can be secrets.
 */
export function routeOf(request: Request): string {
    const pattern: unknown = request.route?.path;
    if (typeof pattern === 'string') {
        return pattern === '/' && request.baseUrl !== '' ? request.baseUrl : request.baseUrl + pattern;
    }
    return (request.originalUrl ?? request.url).split('?', 1)[0]?.slice(0, 200) ?? '';
}
