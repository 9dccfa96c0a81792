import { IncomingMessage, type ServerOptions, ServerResponse } from 'node:http';
import type { Express } from 'express';

/** The newest major version of Node.js on which this pays. */
const SLOW_UNTIL = 22;

/**
 * Express replaces the prototypes of each request and response, which Node.js is slow at up to version 22: it throws
 * away what it had learnt of their shape. Objects that are made with these prototypes leave Express nothing to replace.
 * Requests per second without a session, beside a hand-wired app, by `npm run bench -- --only=none`: Node.js 20.20 from
 * 0.9 to 2.9 times, 22.23 from 1.1 to 2.0 times, 24.21 no difference. This file can go when version 22 does.
 */
export function readyPrototypes(app: Express, version = process.versions.node): ServerOptions {
    if (Number.parseInt(version, 10) > SLOW_UNTIL) {
        return {};
    }
    const { request, response } = app as unknown as { request: object; response: object };
    return {
        IncomingMessage: madeWith(IncomingMessage, request) as typeof IncomingMessage,
        ServerResponse: madeWith(ServerResponse, response) as typeof ServerResponse,
    };
}

/** The same constructor, whose objects have another prototype. */
function madeWith(Base: new (...args: never[]) => object, prototype: object): unknown {
    function Made(this: object, ...args: unknown[]): void {
        // Node's own are functions, not classes: they can be run on an object that exists.
        Reflect.apply(Base, this, args);
    }
    Made.prototype = prototype;
    return Made;
}
