import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import { PROMETHEUS_TEXT, type PrometheusMeter } from '../../Telemetry/PrometheusMeter.js';
import type { MetricsOptions } from '../HttpConfig.js';
import { isForwarded, isLocal } from '../isLocal.js';

/**
 * Answers Prometheus. Without a token, only who asks from this machine, and not for others; for all others there is nothing at
 * this path.
 */
export function metricsEndpoint(meter: PrometheusMeter, { path, token }: MetricsOptions): RequestHandler {
    const expected = token === undefined ? undefined : digest(token);

    async function answer(request: Request, response: Response): Promise<void> {
        response.setHeader('Cache-Control', 'no-store');
        if (expected && !timingSafeEqual(digest(bearerOf(request)), expected)) {
            response.setHeader('WWW-Authenticate', 'Bearer');
            response.status(401).json({ code: 401, message: 'The token is wrong.', data: null });
            return;
        }
        const text = await meter.text();
        response.setHeader('Content-Type', PROMETHEUS_TEXT);
        response.end(text);
    }

    return function metrics(request, response, next) {
        const isMeant = request.path === path && (request.method === 'GET' || request.method === 'HEAD');
        if (!isMeant || (!expected && (!isLocal(request) || isForwarded(request)))) {
            next();
            return;
        }
        return answer(request, response);
    };
}

function bearerOf({ headers }: Request): string {
    return /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? '';
}

/** Texts of any length are compared in the same time. */
function digest(text: string): Buffer {
    return createHash('sha256').update(text).digest();
}
