import type { Request, Response } from 'express';

/** The page that explains an error to its developer. Bound by DevTools, in development only. */
export abstract class ErrorPage {
    /** Answers with the page; the status is set by then. Where it throws, nothing was sent. */
    public abstract send(error: Error, request: Request, response: Response): void;

    /** How to fix an error, as a sentence; undefined where that is not known. */
    public abstract fixOf(error: Error, request?: Request): string | undefined;
}
