import { performance } from 'node:perf_hooks';
import type { RequestHandler, Response } from 'express';
import type { Labels, Meter, Observe } from '../../Telemetry/Telemetry.js';
import type { PatternOf } from '../routePatterns.js';

/** Those of OpenTelemetry's conventions, in seconds. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
/** The conventions' too: a client may send any other word. */
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'QUERY', 'CONNECT', 'TRACE'];

const ARRIVED = Symbol('when a request arrived, and by which method');
type Measured = Response & { [ARRIVED]: { readonly start: number; readonly method: number } };

/** Measures how long each request takes, until its answer is out or its client is gone. */
export function measureRequests(meter: Meter, patternOf: PatternOf): RequestHandler {
    const help = 'Duration of HTTP requests, by the pattern of their route.';
    const durations = meter.histogram('http.server.request.duration', help, BOUNDS);
    /** By the route, then by all else in a number: no text is put together for each request. */
    const known = new Map<string | undefined, Map<number, Observe>>();

    function onClose(this: Measured): void {
        const { start, method } = this[ARRIVED];
        const route = patternOf(this.req);
        const isWhole = this.writableFinished;
        const status = isWhole || this.headersSent ? this.statusCode : 0; // where no header was sent, no status was
        const ofRoute = known.get(route) ?? new Map<number, Observe>();
        const rest = (status * 2 + Number(isWhole)) * (METHODS.length + 1) + method;
        let observe = ofRoute.get(rest);
        if (!observe) {
            observe = durations(labelsOf(route, method, status, isWhole));
            known.set(route, ofRoute.set(rest, observe));
        }
        observe((performance.now() - start) / 1_000);
    }

    return function measureRequests(request, response, next) {
        // Routes may change the method.
        (response as Measured)[ARRIVED] = { start: performance.now(), method: METHODS.indexOf(request.method) + 1 };
        response.on('close', onClose);
        next();
    };
}

function labelsOf(route: string | undefined, method: number, status: number, isWhole: boolean): Labels {
    return {
        'http.request.method': METHODS[method - 1] ?? '_OTHER',
        ...(route !== undefined && { 'http.route': route }),
        ...(status > 0 && { 'http.response.status_code': status }),
        ...((status >= 500 || !isWhole) && { 'error.type': isWhole ? String(status) : 'aborted' }),
    };
}
