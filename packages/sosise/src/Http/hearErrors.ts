import type { Readable } from 'node:stream';
import type { Request, Response } from 'express';
import type { ApplicationKernel } from '../Kernel/ApplicationKernel.js';
import { ExceptionHandler } from './Errors/ExceptionHandler.js';

/**
 * Makes what hears the 'error' events of answers, and of the streams that are piped into them: an event that nobody hears
 * would end the process. They are the route's errors: they go to the log with it, and what has not been answered is then.
 */
export function hearErrors(app: ApplicationKernel): (response: Response) => void {
    /** The answers that each stream serves. */
    const answers = new WeakMap<Readable, Response[]>();

    const handle = (error: unknown, response: Response) =>
        void app.container.make(ExceptionHandler).handle(error, response.req as Request, response);

    function onError(this: Response, error: unknown): void {
        handle(error, this);
    }

    function onPipe(this: Response, source: Readable): void {
        if (source === this.req) {
            return; // a client that goes away is no error of the route's, and unheard it is none at all
        }
        const served = answers.get(source);
        if (!served) {
            source.on('error', onSourceError);
        }
        answers.set(source, [...(served?.filter(({ destroyed }) => !destroyed) ?? []), this]);
    }

    function onSourceError(this: Readable, error: unknown): void {
        if (this.listenerCount('error') > 1) {
            return; // the route hears it itself
        }
        for (const response of answers.get(this) ?? []) {
            handle(error, response);
        }
    }

    return function hear(response) {
        response.on('error', onError);
        response.on('pipe', onPipe);
    };
}
