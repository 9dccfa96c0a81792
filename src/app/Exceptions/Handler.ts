import { Request, Response } from 'express';
import { ExceptionHandler } from 'sosise';

export default class Handler extends ExceptionHandler {
    /** Where an error is reported: the log, and what you add, such as an error tracker. */
    public override async report(error: Error, request: Request) {
        await super.report(error, request);
    }

    /** What the client reads: `{ code, message, data }`, unless you answer otherwise here. */
    public override async render(error: Error, request: Request, response: Response) {
        await super.render(error, request, response);
    }
}
