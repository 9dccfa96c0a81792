import { IncomingMessage, type ServerOptions, ServerResponse } from 'node:http';
import type { Express } from 'express';

/** The newest major version of Node.js on which this pays. */
const SLOW_UNTIL = 20;

/**
 * Express replaces the prototypes of each request and response, which Node.js 20 is slow at: it throws away what it
 * had learnt of their shape. Objects that are made with these prototypes leave Express nothing to replace.
 * Measured with `npm run bench`: see CHANGELOG.md. Newer versions are faster without it, and this file goes with Node.js 20.
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
