import type { RequestHandler } from 'express';

const paths = new WeakMap<object, string>();

/** Says which path a handler answers GET for, where it is no route of a router: `./artisan route:list` shows it. */
export function answering(handler: RequestHandler, path: string): RequestHandler {
    paths.set(handler, path);
    return handler;
}

/** The path that was said of a handler. */
export function pathAnsweredBy(handler: object): string | undefined {
    return paths.get(handler);
}
