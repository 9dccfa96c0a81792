import type { RequestHandler, Response } from 'express';
import { Access } from './Access.js';
import { accessChannel } from './formats.js';
import { Logger } from './Logger.js';

const ACCESS = Symbol('what the access log tells of this request');
type Logged = Response & { [ACCESS]: Access };

/** One line per request, when its answer is out or its client is gone: never a query, header or cookie. */
export function accessLog(logger: Logger): RequestHandler {
    // `close` comes after `finish`, and without it where the client went away first.
    function onClose(this: Logged): void {
        const access = this[ACCESS];
        access.end(this);
        if (logger.info === Logger.prototype.info) {
            logger.access(access);
        } else {
            logger.info(access.message, access.context, accessChannel); // of an application that has its own
        }
    }

    return function accessLog(request, response, next) {
        const { method, originalUrl = request.url } = request; // routes may change both
        (response as Logged)[ACCESS] = new Access(method, originalUrl);
        response.on('close', onClose);
        next();
    };
}
