import type { Request } from 'express';

/** Addresses of this machine alone, as a socket has them. */
const OWN_ADDRESS = /^(?:(?:::ffff:)?127(?:\.\d{1,3}){3}|::1)$/i;
/** Names that browsers resolve to this machine alone: a site whose DNS points here has another one. */
const OWN_HOST = /^(?:(?:[a-z\d-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

/** Where proxies and tunnels say for whom they ask, and what was asked for: some of them send our own name as `Host`. */
const FORWARDED = ['x-forwarded-for', 'x-forwarded-host', 'x-original-host', 'x-real-ip', 'cf-connecting-ip'];

/**
 * Whether a request comes from a browser on this machine, and asked for this machine. Forwarded headers can't make it so,
 * but say where a tunnel lets in others from elsewhere.
 */
export function isLocal({ socket, headersDistinct }: Request): boolean {
    const { host = [] } = headersDistinct;
    return (
        OWN_ADDRESS.test(socket.remoteAddress ?? '') &&
        host.length === 1 &&
        OWN_HOST.test(host[0] ?? '') &&
        forwardedIn(headersDistinct).every((name) => OWN_ADDRESS.test(name) || OWN_HOST.test(name))
    );
}

function forwardedIn(headers: Request['headersDistinct']): string[] {
    const names = FORWARDED.flatMap((header) => headers[header] ?? []).flatMap((value) => value.split(','));
    const pairs = (headers['forwarded'] ?? []).join().matchAll(/\b(?:for|host)=("[^"]*"|[^;,\s]*)/gi);
    return [...names, ...[...pairs].map(([, value = '']) => value.replaceAll('"', ''))]
        .map((name) => name.trim())
        .filter(Boolean);
}

/** Whether the inspector's own page sent this. Browsers say so, and other pages can't make them. */
export function isOwnAction({ headers }: Request): boolean {
    const { origin, host, 'sec-fetch-site': site } = headers;
    return site === undefined
        ? origin === `http://${host}` || origin === `https://${host}`
        : site === 'same-origin' && (origin === undefined || OWN_HOST.test(origin.replace(/^https?:\/\//, '')));
}

/** Whether something may be read that a page asks for: by no other page, though that could not read the answer. */
export function mayRead({ headers }: Request): boolean {
    return (
        headers['sec-fetch-site'] === undefined || ['same-origin', 'none'].includes(String(headers['sec-fetch-site']))
    );
}
