import type { Response } from 'express';

/** Headers that speak to caches in front only, and would override `Cache-Control` there. */
const CACHES_IN_FRONT = ['CDN-Cache-Control', 'Surrogate-Control'];
const SHARED = new Set(['public', 's-maxage']);

/**
 * Keeps an answer that used a session, or sends its cookie, out of caches that serve it to others. What the route said
 * itself stands, but for the cookie's sake. Gives false where the route shares an answer that used the session.
 */
export function keepPrivate(response: Response, sendsCookie: boolean): boolean {
    response.vary('Cookie');
    const header = String(response.getHeader('Cache-Control') ?? '');
    if (header === '') {
        response.setHeader('Cache-Control', 'private, no-cache');
    }
    if (sendsCookie) {
        for (const name of CACHES_IN_FRONT) {
            response.removeHeader(name);
        }
    }
    if (header === '') {
        return true;
    }
    const directives = header.split(',').map((directive) => directive.trim());
    const others = directives.filter((directive) => !SHARED.has(nameOf(directive)));
    const isShared = others.length < directives.length;
    if (isShared && !sendsCookie) {
        return false;
    }
    const isPrivate = others.some((directive) => /^(private|no-store)$/i.test(directive));
    if (isShared || !isPrivate) {
        response.setHeader('Cache-Control', [...(isPrivate ? [] : ['private']), ...others].join(', '));
    }
    return true;
}

function nameOf(directive: string): string {
    return directive.split('=', 1)[0]?.trim().toLowerCase() ?? '';
}
