import type { Request } from 'express';
import { isOwnHost } from '../../Http/isLocal.js';

/** Whether the inspector's own page sent this. Browsers say so, and other pages can't make them. */
export function isOwnAction({ headers }: Request): boolean {
    const { origin, host, 'sec-fetch-site': site } = headers;
    return site === undefined
        ? origin === `http://${host}` || origin === `https://${host}`
        : site === 'same-origin' && (origin === undefined || isOwnHost(origin.replace(/^https?:\/\//, '')));
}

/** Whether something may be read that a page asks for: by no other page, though that could not read the answer. */
export function mayRead({ headers }: Request): boolean {
    return (
        headers['sec-fetch-site'] === undefined || ['same-origin', 'none'].includes(String(headers['sec-fetch-site']))
    );
}
