import type { Request, Response } from 'express';
import type { MaybePromise } from '../../Support/MaybePromise.js';

/** Gives a request that failed before the session stage, or passes none, its visitor's session. Bound by the sessions. */
export abstract class ErrorSessions {
    /** Settles which session the request has, if any; waits for the store where one has to be read. Never throws or rejects. */
    public abstract prepare(request: Request, response: Response): MaybePromise<void>;
}
