import type { Request } from 'express';

/** How browsers ask for images, styles, fonts, sound and films. */
const PART = /^\s*(?:image|font|audio|video)\/|^\s*text\/css/i;

/**
 * Whether a browser asks for a page that its visitor is to see: no fetch, image or frame, and no page that it only gets
 * ready. What does not say what it is for (curl, old browsers, any browser over plain http but to localhost) counts as one,
 * unless it takes what only parts of a page are made of. So does Node.js's fetch, of a server that renders pages or an API's
 * client: it sends Sec-Fetch-Mode, but not what every browser sends with it.
 */
export function isNavigation(request: Request): boolean {
    const { headers } = request;
    const isBrowser = headers['sec-fetch-dest'] !== undefined || headers['sec-fetch-site'] !== undefined;
    const mode = isBrowser ? headers['sec-fetch-mode'] : undefined;
    if (mode !== undefined && (mode !== 'navigate' || (headers['sec-fetch-dest'] ?? 'document') !== 'document')) {
        return false;
    }
    if (mode === undefined && PART.test(headers.accept ?? '')) {
        return false;
    }
    const purpose = headers['sec-purpose'] ?? headers['purpose'] ?? headers['x-moz'];
    return purpose === undefined || !String(purpose).includes('prefetch');
}
