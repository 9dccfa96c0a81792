import type { Request } from 'express';
import { isOwnOrigin } from './ownOrigin.js';

/** The path and query of the page that a request was sent from, where it is one of ours. */
export function ownReferer(request: Request): string | undefined {
    const referer = request.get('Referer') ?? '';
    if (!URL.canParse(referer)) {
        return undefined;
    }
    const { origin, pathname, search } = new URL(referer);
    return isOwnOrigin(origin, request) ? pathname + search : undefined;
}
