import { Duplex, Readable, type Writable } from 'node:stream';
import type { Request, Response } from 'express';
import type { ApplicationKernel } from '../Kernel/ApplicationKernel.js';
import { ExceptionHandler } from './Errors/ExceptionHandler.js';

/**
 * Makes what hears the 'error' events of requests, of their answers, and of the streams that are piped into these, also
 * through others: an event that nobody hears would end the process. They are the route's errors: they go to the log with it,
 * and what has not been answered is then.
 */
export function hearErrors(app: ApplicationKernel): (response: Response) => void {
    /** What each stream flows into: answers, and streams on the way to one. */
    const targets = new WeakMap<Readable, Writable[]>();

    const handle = (error: unknown, response: Response) =>
        void app.container.make(ExceptionHandler).handle(error, response.req as Request, response);

    function onError(this: Response, error: unknown): void {
        handle(error, this);
    }

    function onRequestError(this: Request, error: NodeJS.ErrnoException): void {
        const isAborted = error?.code === 'ECONNRESET' && error.message === 'aborted'; // the client has gone
        if (this.res && !isAborted && this.listenerCount('error') === 1) {
            handle(error, this.res);
        }
    }

    function onPipe(this: Writable, source: Readable): void {
        if (source.listeners('error').includes(onRequestError)) {
            return; // a request, which is heard
        }
        const known = targets.get(source);
        targets.set(source, [...(known?.filter(({ destroyed }) => !destroyed) ?? []), this]);
        if (!known) {
            source.on('error', onSourceError).on('pipe', onPipe);
            for (const before of sourcesOf(source)) {
                onPipe.call(source as Readable & Writable, before);
            }
        }
    }

    function onSourceError(this: Readable, error: Error): void {
        if (this.listenerCount('error') > 1) {
            return; // the route hears it itself
        }
        for (const target of targets.get(this) ?? []) {
            if ('req' in target) {
                handle(error, target as Response);
            } else {
                target.destroy(error); // what it still holds must not follow the answer to the error
            }
        }
    }

    return function hear(response) {
        response.on('error', onError);
        response.on('pipe', onPipe);
        response.req.on('error', onRequestError);
    };
}

/** What flows into each stream that others pass through, such as `createGzip()`. */
const sources = new WeakMap<Duplex, Readable[]>();

/** The streams that were piped into another one and may still say an error. */
function sourcesOf(stream: Readable): Readable[] {
    return (sources.get(stream as Duplex) ?? []).filter(({ closed, errored }) => !closed || errored !== null);
}

/**
 * `createReadStream(path).pipe(createGzip()).pipe(response)`: when the answer hears of the second pipe(), the first is over,
 * and Node.js does not say from where. So every pipe() takes note of it, and does what it ever did.
 */
const { pipe } = Readable.prototype;
Readable.prototype.pipe = function <Target extends NodeJS.WritableStream>(
    this: Readable,
    target: Target,
    options?: { end?: boolean },
): Target {
    if (target instanceof Duplex) {
        sources.set(target, [...sourcesOf(target), this]);
    }
    return pipe.call(this, target, options) as Target;
};
