import type { Response } from 'express';

/** Headers that speak to caches in front only, and would override `Cache-Control` there. */
const CACHES_IN_FRONT = /^(?:.+-)?cdn-cache-control$|^surrogate-control$|^edge-control$/;
/** What Express says for files where the route says nothing. */
const UNSAID: ReadonlySet<string> = new Set(['', 'public, max-age=0']);
const SHARED = new Set(['public', 's-maxage']);

/**
 * Keeps an answer that used a session, or sends a cookie, out of caches that serve it to others. What the route said
 * itself stands, but for the cookie's sake. Gives false where the route shares an answer that used the session.
 */
export function keepPrivate(response: Response): boolean {
    const sendsCookie = response.hasHeader('Set-Cookie');
    if (response.hasHeader('Vary')) {
        response.vary('Cookie');
    } else {
        response.setHeader('Vary', 'Cookie');
    }
    let isSharedInFront = false;
    for (const name of response.getHeaderNames()) {
        if (name.endsWith('control') && CACHES_IN_FRONT.test(name)) {
            isSharedInFront = !sendsCookie;
            if (sendsCookie) {
                response.removeHeader(name);
            }
        }
    }
    const header = String(response.getHeader('Cache-Control') ?? '');
    if (UNSAID.has(header)) {
        response.setHeader('Cache-Control', 'private, no-cache');
        return !isSharedInFront;
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
    return !isSharedInFront;
}

function nameOf(directive: string): string {
    return directive.split('=', 1)[0]?.trim().toLowerCase() ?? '';
}
