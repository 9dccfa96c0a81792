import type { Request } from 'express';
import { isNavigation } from './isNavigation.js';

/** Whether a browser would show its visitor what this request is answered with: it may be led to another page. */
export function opensPage(request: Request): boolean {
    // A script that says so, in browsers without fetch metadata.
    const isScript = request.get('X-Requested-With') !== undefined;
    return !isScript && isNavigation(request) && request.accepts(['json', 'html']) === 'html';
}
