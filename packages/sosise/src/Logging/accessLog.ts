import { performance } from 'node:perf_hooks';
import type { Request, RequestHandler, Response } from 'express';
import { accessChannel } from './formats.js';
import type { Logger } from './Logger.js';

const maxPath = 1_024;

/** One line per request, when its answer is out or its client is gone: never a query, header or cookie. */
export function accessLog(logger: Logger): RequestHandler {
    return function accessLog(request, response, next) {
        const start = performance.now();
        const { method, originalUrl = request.url } = request; // routes may change both
        // `close` comes after `finish`, and without it where the client went away first.
        response.once('close', () => {
            const { requestId } = request as Request & { requestId?: string };
            const asked = { requestId, method, path: pathOf(originalUrl) };
            logRequest(logger, asked, response, performance.now() - start);
        });
        next();
    };
}

interface Asked {
    readonly requestId: string | undefined;
    readonly method: string;
    readonly path: string;
}

function logRequest(logger: Logger, { requestId, method, path }: Asked, response: Response, duration: number): void {
    const durationMs = Math.round(duration * 100) / 100;
    if (response.writableFinished) {
        const status = response.statusCode;
        const message = `${method} ${path} ${status} ${durationMs} ms`;
        logger.info(message, { requestId, method, path, status, durationMs }, accessChannel);
    } else {
        // Where no header was sent, no status was: the number in statusCode means nothing.
        const status = response.headersSent ? response.statusCode : undefined;
        const message = `${method} ${path} ${status ?? '-'} aborted after ${durationMs} ms`;
        logger.info(message, { requestId, method, path, status, durationMs, aborted: true }, accessChannel);
    }
}

/** The path alone: no query or fragment, and of `http://user:password@host/path` no more than `/path`. */
function pathOf(url: string): string {
    const end = url.search(/[?#]/);
    let path = end === -1 ? url : url.slice(0, end);
    if (!path.startsWith('/')) {
        path = path.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, '') || '/';
    }
    return path.length > maxPath ? `${path.slice(0, maxPath)}…` : path;
}
