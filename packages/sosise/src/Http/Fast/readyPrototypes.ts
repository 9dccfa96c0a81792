import type { ServerOptions } from 'node:http';
import type { Express } from 'express';
import { http } from '../../Support/http.js';

type Constructor = new (...args: never[]) => object;

/** Up to this version Reflect.construct gives Node.js's own objects a slow shape; after it, Reflect.apply does. */
const APPLIES_UNTIL = 22;

/**
 * Express replaces the prototypes of each request and response, which makes Node.js throw away what it has learnt of their
 * shape. Objects that are made with these prototypes leave Express nothing to replace. CPU for a request without a session,
 * without the network, with and without: Node.js 24.21 57 and 65 µs, 26.10 53 and 58. Requests per second beside a hand-wired
 * app: Node.js 20.20 from 0.9 to 2.9 times, 22.23 from 1.1 to 2.0. It can go when Express no longer replaces them.
 */
export function readyPrototypes(app: Express, version = process.versions.node): ServerOptions {
    const { request, response } = app as unknown as { request: object; response: object };
    const make = Number.parseInt(version, 10) > APPLIES_UNTIL ? constructing : applying;
    const { IncomingMessage, ServerResponse } = http;
    return {
        IncomingMessage: make(IncomingMessage as unknown as Constructor, request) as typeof IncomingMessage,
        ServerResponse: make(ServerResponse as unknown as Constructor, response) as unknown as typeof ServerResponse,
    };
}

/** The same constructor, whose objects have another prototype. */
function constructing(Base: Constructor, prototype: object): unknown {
    function Made(...args: never[]): object {
        return Reflect.construct(Base, args, Made) as object;
    }
    Made.prototype = prototype;
    return Made;
}

function applying(Base: Constructor, prototype: object): unknown {
    function Made(this: object, ...args: unknown[]): void {
        // Node's own are functions, not classes: they can be run on an object that exists.
        Reflect.apply(Base, this, args);
    }
    Made.prototype = prototype;
    return Made;
}
