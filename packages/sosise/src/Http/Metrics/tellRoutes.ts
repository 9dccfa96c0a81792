import type { RequestHandler } from 'express';
import type { Tracer } from '../../Telemetry/Telemetry.js';
import type { PatternOf } from '../routePatterns.js';

/** Tells OpenTelemetry's instrumentation of node:http the routes of requests: that measures them, and names their spans. */
export function tellRoutes(tracer: Tracer, patternOf: PatternOf): RequestHandler {
    return function tellRoutes(request, response, next) {
        const traced = tracer.httpRequest();
        if (traced) {
            // Before it hears of the end itself.
            response.prependListener('close', () => {
                const route = patternOf(request);
                if (route !== undefined) {
                    traced.route = route;
                }
            });
        }
        next();
    };
}
