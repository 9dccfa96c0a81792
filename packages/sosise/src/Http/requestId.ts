import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { validHeaders } from './Fast/validHeaders.js';

declare global {
    namespace Express {
        interface Request {
            /** Names this request in the log, in error answers and in the header X-Request-Id. */
            requestId: string;
        }
    }
}

export interface RequestIdOptions {
    /** Take over an X-Request-Id that came with the request. Only behind a proxy that sets or removes it. */
    trustInbound: boolean;
}

/** What may stand in a log line and a header without harm. */
const SANE = /^[\w.:+/=@-]{1,128}$/;

const setRequestId = validHeaders('X-Request-Id');

/** Gives every request an id, and the answer the header `X-Request-Id`. */
export function requestId({ trustInbound }: RequestIdOptions): RequestHandler {
    return function requestId(request: Request, response: Response, next: NextFunction): void {
        const inbound = trustInbound ? request.headers['x-request-id'] : undefined;
        request.requestId = typeof inbound === 'string' && SANE.test(inbound) ? inbound : randomUUID();
        setRequestId(response, request.requestId);
        next();
    };
}
