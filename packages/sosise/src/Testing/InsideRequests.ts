import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import type { Received } from './exchange.js';

const HEADER = 'x-test-kit';

type Work = (request: Request) => void | Promise<void>;

/** Runs a test's code inside a request, where the framework's own functions work: `login(request, 7)`. */
export class InsideRequests {
    private readonly waiting = new Map<string, Work>();

    /** Stands in the pipeline behind the session stage. */
    public readonly handler = (request: Request, response: Response, next: NextFunction): void => {
        const name = request.get(HEADER) ?? '';
        const work = this.waiting.get(name);
        if (!work) {
            next();
            return;
        }
        this.waiting.delete(name);
        Promise.resolve(work(request)).then(() => response.status(204).end());
    };

    /**
     * @param send Sends a request with the given header.
     * @throws What `work` throws, and where the session could not be stored.
     */
    public async run<T>(
        work: (request: Request) => T | Promise<T>,
        send: (headers: Record<string, string>) => Promise<Received>,
    ): Promise<T> {
        const name = randomUUID();
        let outcome: { result: T } | { error: unknown } | undefined;
        this.waiting.set(name, async (request) => {
            try {
                outcome = { result: await work(request) };
            } catch (error) {
                outcome = { error };
            }
        });
        const { status, body } = await send({ [HEADER]: name });
        this.waiting.delete(name);
        if (outcome && 'error' in outcome) {
            throw outcome.error;
        }
        if (!outcome || status !== 204) {
            const what = outcome ? 'could not store the session' : 'was answered before it came to the session';
            throw new Error(`A request of the test kit ${what}: ${status} ${body.toString('utf8')}`);
        }
        return outcome.result;
    }
}
