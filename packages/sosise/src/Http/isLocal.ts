import { isIP } from 'node:net';
import type { Request } from 'express';

/** Addresses of this machine alone, as a socket has them. */
const OWN_ADDRESS = /^(?:(?:::ffff:)?127(?:\.\d{1,3}){3}|::1)$/i;
/** Names that browsers resolve to this machine alone: a site whose DNS points here has another one. */
const OWN_HOST = /^(?:(?:[a-z\d-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

/** Where proxies and tunnels say for whom they ask, and what was asked for: some of them send our own name as `Host`. */
const FORWARDED = /^x-(?:forwarded|original)-(?:for|host)$|(?:^|-)(?:client|real|connecting)-?ip$/;
/** All that tells of a proxy, whatever it says. */
const PROXIED = /^(?:via|forwarded|x-(?:forwarded|original|envoy)-.*)$/;

/** Whether a host name, with or without a port, is one of this machine alone. */
export function isOwnHost(host: string): boolean {
    return OWN_HOST.test(host);
}

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

/** Whether a proxy or a tunnel says that it sent a request on, for whomever. */
export function isForwarded({ headersDistinct }: Request): boolean {
    return Object.keys(headersDistinct).some((name) => PROXIED.test(name)) || forwardedIn(headersDistinct).length > 0;
}

/** Also what no list of headers knows: a browser sends none that is an address and nothing else. */
function forwardedIn(headers: Request['headersDistinct']): string[] {
    const names = Object.entries(headers).flatMap(([header, values = []]) => {
        const parts = values.flatMap((value) => value.split(',')).map((part) => part.trim());
        return FORWARDED.test(header) ? parts : parts.filter((part) => header !== 'host' && isAddress(part));
    });
    const pairs = (headers['forwarded'] ?? []).join().matchAll(/\b(?:for|host)=("[^"]*"|[^;,\s]*)/gi);
    return [...names, ...[...pairs].map(([, value = '']) => value.replaceAll('"', ''))]
        .map((name) => name.trim())
        .filter(Boolean);
}

/** With or without a port. */
function isAddress(text: string): boolean {
    const [, inner = text] = /^\[([^\]]*)\](?::\d+)?$/.exec(text) ?? /^([^:]*):\d+$/.exec(text) ?? [];
    return isIP(inner) !== 0;
}
