import type { Request } from 'express';

/** A scheme, a host and perhaps a port: `null`, paths, and lists of origins are none. */
const ORIGIN = /^https?:\/\/[\w.:[\]-]+$/i;

/** Whether pages of an origin are pages of this application, as far as its request can tell. */
export function isOwnOrigin(origin: string, request: Request): boolean {
    const scheme = origin.slice(0, origin.indexOf(':')).toLowerCase();
    if (request.secure && scheme !== 'https') {
        return false; // pages over plain http can be anyone's who is on the line
    }
    const page = originOf(origin);
    return page !== undefined && page === originOf(`${scheme}://${request.host}`);
}

/** An origin in the one way of writing it, or undefined where a text is none. */
function originOf(text: string): string | undefined {
    return ORIGIN.test(text) && URL.canParse(text) ? new URL(text).origin : undefined;
}
