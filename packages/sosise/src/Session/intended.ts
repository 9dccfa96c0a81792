import type { Request } from 'express';
import { ownPath } from '../Support/ownPath.js';

/** Longer addresses would make the login page's own too long. */
const LONGEST = 2_048;

/**
 * Where a visitor wanted to go before the login: the path in the field `next` of the form, or of the query, which
 * `requireLogin()` puts there. Only a path of this application is given; for anything else it is `fallback`.
 */
export function intended(request: Request, fallback = '/'): string {
    if (ownPath(fallback) === undefined) {
        throw new TypeError('intended(request, fallback) needs a path of this application, such as /account.');
    }
    const body = request.body as { next?: unknown } | undefined | null;
    return wantedPath(body?.next) ?? wantedPath(request.query['next']) ?? fallback;
}

/** A path of this application that a visitor may be led to; undefined where a value is none. */
export function wantedPath(value: unknown): string | undefined {
    const isText = typeof value === 'string' && value.length <= LONGEST && !/[\\\p{Cc}]/u.test(value);
    return isText ? ownPath(value) : undefined;
}
