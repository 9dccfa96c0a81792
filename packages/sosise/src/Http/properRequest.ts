import type { NextFunction, Request, Response } from 'express';
import { BadRequestException } from '../Exceptions/BadRequestException.js';

/** A name or an address, with or without a port. */
const HOST = /^([\w.-]*|\[[\da-f:.]+\])(:\d*)?$/i;

/**
 * Refuses what Node.js lets through and a proxy in front may have read in another way: no Host, two of them or one that
 * is none (RFC 9112, 3.2), and a body whose end is coded unlike `chunked`. Nothing more is read from such a connection.
 */
export function properRequest(request: Request, response: Response, next: NextFunction): void {
    const coding = request.headers['transfer-encoding'];
    if (!hasProperHost(request)) {
        response.set('Connection', 'close');
        next(new BadRequestException('The Host header of the request is malformed.'));
    } else if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
        response.set('Connection', 'close');
        next(new BadRequestException('The Transfer-Encoding of the request is not supported.'));
    } else {
        next();
    }
}

function hasProperHost({ rawHeaders, headers, httpVersion }: Request): boolean {
    if (!rawHeaders?.length && Object.keys(headers).length > 0) {
        return HOST.test(headers.host ?? ''); // made by hand, as serverless-http does: nothing was read off a connection
    }
    let count = 0;
    for (let at = 0; at < rawHeaders.length; at += 2) {
        const name = rawHeaders[at] as string;
        count += name.length === 4 && name.toLowerCase() === 'host' ? 1 : 0;
    }
    return count === 1 ? HOST.test(headers.host ?? '') : count === 0 && httpVersion !== '1.1';
}
