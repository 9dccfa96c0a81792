import type { NextFunction, Request, Response } from 'express';
import { Exception } from '../../Exceptions/Exception.js';
import { ResponseTimeoutException } from '../../Exceptions/ResponseTimeoutException.js';
import { describe, toError, traitsOf } from '../../Exceptions/thrown.js';
import { ValidationException } from '../../Exceptions/ValidationException.js';
import type { ApplicationKernel } from '../../Kernel/ApplicationKernel.js';
import { Logger } from '../../Logging/Logger.js';
import { http } from '../../Support/http.js';
import { sendPage } from '../Pages/sendPage.js';
import { ErrorPage } from './ErrorPage.js';
import { ErrorSessions } from './ErrorSessions.js';
import { DETAILS_ELSEWHERE, mayReadDetails } from './mayReadDetails.js';
import { OwnErrorPages } from './OwnErrorPages.js';
import { plainErrorPage } from './plainErrorPage.js';
import { RefusedForms } from './RefusedForms.js';
import { RoutePatterns } from './RoutePatterns.js';
import { routeOf } from './routeOf.js';

/** What every error is answered with; success has the code 1000. */
export interface Envelope {
    code: number;
    message: string;
    data: unknown;
}

const GENERIC_MESSAGE = 'Something went wrong on our side. Please try again later.';

/** What a route may have set for the answer that it now won't give. */
const CONTENT_HEADERS = [
    'Accept-Ranges',
    'Cache-Control',
    'Content-Disposition',
    'Content-Encoding',
    'Content-Language',
    'Content-Length',
    'Content-Range',
    'Content-Type',
    'ETag',
    'Expires',
    'Last-Modified',
    'Location',
    'Transfer-Encoding',
];

/** Errors that came after the answer, whose status is not theirs. Kept, as an override of report() may wait before it asks. */
const late = new WeakSet<Error>();

/** The last error of each request: one that a route throws after it has destroyed its answer with it comes twice. */
const told = new WeakMap<Request, Error>();

/**
 * Says where an error is reported (`report`) and what the client reads (`render`). `src/app/Exceptions/Handler.ts`
 * extends it; an override that fails breaks neither the process nor the answer.
 */
export class ExceptionHandler {
    public constructor(protected readonly app: ApplicationKernel) {}

    /** Server errors go to the log as errors, the client's own mistakes at debug level; of a refused form the access log tells. */
    public report(error: Error, request: Request): void | Promise<void> {
        if (error instanceof ValidationException && error.status < 500) {
            return;
        }
        const logger = this.app.container.make(Logger);
        const context = { requestId: request.requestId, method: request.method, route: this.routeOf(request) };
        if (error instanceof ResponseTimeoutException) {
            logger.warning(error.detail, { ...context, errorCode: error.errorCode });
        } else if (
            traitsOf(error, late.has(error) ? undefined : request.res).status >= 500 &&
            !(error instanceof Exception && error.isLogged)
        ) {
            const fix = this.fixOf(error, request);
            logger.error(error.message, { ...context, ...(fix !== undefined && { fix }), error });
        } else {
            logger.debug(error.message, { ...context, error });
        }
    }

    /**
     * Answers with the error's HTTP status: with the envelope `{ code, message, data }`, or with a page where a browser
     * would show the answer to its visitor. A refused form goes back to its page, or tells what was refused.
     */
    public render(error: Error, request: Request, response: Response): void | Promise<void> {
        if (error instanceof ValidationException && this.sendBack(error, request, response)) {
            return;
        }
        const { status, headers } = traitsOf(error, response);
        response.set(headers);
        response.status(status).vary('Accept');
        const own = this.ownPageFor(error, request, response);
        if (own === undefined) {
            this.renderBuiltIn(error, request, response);
            return;
        }
        return this.renderOwn(own, error, request, response);
    }

    /** The envelope of an error. What a client is not meant to read is shown in development only. */
    protected envelope(error: Error, request: Request): Envelope {
        const { status, code, expose, data } = traitsOf(error, request.res);
        if (expose) {
            return { code, message: String(error.message), data };
        }
        const { requestId } = request;
        if (this.app.environment.isDevelopment && mayReadDetails(this.app, request)) {
            const fix = this.fixOf(error, request);
            return {
                code,
                message: error.message,
                data: { requestId, ...(fix !== undefined && { fix }), error: explain(error) },
            };
        }
        if (status < 500) {
            return { code, message: http.STATUS_CODES[status] ?? 'Bad Request', data: null };
        }
        return { code, message: GENERIC_MESSAGE, data: { requestId } };
    }

    private sendBack(error: ValidationException, request: Request, response: Response): boolean {
        return this.app.container.find(RefusedForms)?.sendBack(error, request, response) ?? false;
    }

    private renderBuiltIn(error: Error, request: Request, response: Response): void {
        if (!wantsPage(request) || !this.renderPage(error, request, response)) {
            response.json(this.envelope(error, request));
        }
    }

    /** The application's own page for an error. Undefined where there is none, or its developer gets the details. */
    private ownPageFor(error: Error, request: Request, response: Response): string | undefined {
        const file = this.app.container.find(OwnErrorPages)?.fileFor(traitsOf(error, response).status);
        return file && wantsPage(request) && !this.showsDetails(error, request, response) ? file : undefined;
    }

    /** In place of a page that can't be made stands the framework's, which needs nothing. */
    private async renderOwn(file: string, error: Error, request: Request, response: Response): Promise<void> {
        try {
            const { status } = traitsOf(error, response);
            const { message } = this.envelope(error, request);
            const title = http.STATUS_CODES[status] ?? 'Error';
            const data = { status, title, message, details: detailsOf(error), requestId: request.requestId };
            const text = await this.app.container.make(OwnErrorPages).text(file, data, response);
            if (!response.headersSent) {
                response.type('html').send(text);
            }
        } catch (failure) {
            const { requestId } = request;
            const failed = `The error page ${file} failed itself.`;
            this.app.container.make(Logger).error(failed, { requestId, error: toError(failure) });
            if (!response.headersSent) {
                this.renderBuiltIn(error, request, response);
            }
        }
    }

    private showsDetails(error: Error, request: Request, response: Response): boolean {
        const { status, expose } = traitsOf(error, response);
        return this.developmentPage !== undefined && (status >= 500 || !expose) && mayReadDetails(this.app, request);
    }

    /** False where the page can't be made: that is logged, and must not hide the error itself. */
    private renderPage(error: Error, request: Request, response: Response): boolean {
        try {
            const { status } = traitsOf(error, response);
            const page = this.developmentPage;
            if (page && this.showsDetails(error, request, response)) {
                page.send(error, request, response);
            } else {
                const isOpen = page !== undefined && mayReadDetails(this.app, request);
                const { message } = this.envelope(error, request);
                const fix = isOpen ? this.fixOf(error, request) : page && DETAILS_ELSEWHERE;
                const { requestId } = request;
                sendPage(response, plainErrorPage({ status, message, details: detailsOf(error), requestId, fix }));
            }
            return true;
        } catch (failure) {
            this.app.container.make(Logger).error('The error page failed itself.', { error: toError(failure) });
            return false;
        }
    }

    /** Express has forgotten by now where the router of the route is mounted. */
    private routeOf(request: Request): string {
        return this.app.container.find(RoutePatterns)?.of(request) ?? routeOf(request);
    }

    /** In development only. What is known of an error must not depend on it. */
    private fixOf(error: Error, request: Request): string | undefined {
        try {
            return this.developmentPage?.fixOf(error, request);
        } catch {
            return undefined;
        }
    }

    private get developmentPage(): ErrorPage | undefined {
        return this.app.container.find(ErrorPage);
    }

    /** Reports and answers whatever was thrown. Never throws or rejects: it is the last one to be asked. */
    public async handle(thrown: unknown, request: Request, response: Response): Promise<void> {
        const error = toError(thrown, response.headersSent ? undefined : response);
        if (response.headersSent) {
            late.add(error);
            endSocket(response);
        }
        const preparing = this.app.container.find(ErrorSessions)?.prepare(request, response);
        if (preparing) {
            await preparing;
            if (error instanceof ResponseTimeoutException && response.headersSent) {
                return; // the route has answered meanwhile
            }
        }
        this.tell(error, request);
        if (response.headersSent) {
            endSocket(response);
            return;
        }
        for (const header of CONTENT_HEADERS) {
            response.removeHeader(header);
        }
        response.statusMessage = '';
        request.next = this.afterRender(error, request, response);
        const rendered = await this.attempt('render', () => this.render(error, request, response));
        const forgotten = error instanceof ResponseTimeoutException && !response.headersSent;
        if (!rendered || forgotten) {
            answerPlainly(forgotten ? 503 : 500, request, response);
        }
    }

    /** Where `response.render()` and `sendFile()` of an overridden `render()` go with their errors: this is the last stage. */
    private afterRender(error: Error, request: Request, response: Response): NextFunction {
        return (failure?: unknown) => {
            const { requestId } = request;
            const reason = toError(failure ?? new Error('It called next() in place of an answer.'));
            const failed = "The exception handler's render() failed itself.";
            this.app.container.make(Logger).error(failed, { requestId, error: reason });
            if (!response.headersSent) {
                this.renderBuiltIn(error, request, response);
            }
        };
    }

    /** Reports an error whose client can't be answered, once. Never throws. */
    public tell(thrown: unknown, request: Request): void {
        const error = toError(thrown);
        if (told.get(request) !== error) {
            told.set(request, error);
            void this.attempt('report', () => this.report(error, request));
        }
    }

    /** Runs a step that a user may have overridden. False when it failed, which is logged. */
    private async attempt(step: 'report' | 'render', run: () => void | Promise<void>): Promise<boolean> {
        try {
            await run();
            return true;
        } catch (failure) {
            try {
                this.app.container
                    .make(Logger)
                    .error(`The exception handler's ${step}() failed itself.`, { error: toError(failure) });
            } catch {
                // Nothing is left to tell it to.
            }
            return false;
        }
    }
}

/** What was wrong with a form: the messages by field. */
function detailsOf(error: Error): Readonly<Record<string, readonly string[]>> {
    return error instanceof ValidationException ? error.errors : {};
}

/** With what every client understands, whatever an overridden `render()` has left of its own answer. */
export function answerPlainly(status: 500 | 503, request: Request, response: Response): void {
    if (response.headersSent) {
        endSocket(response);
        return;
    }
    const body: Envelope = { code: status, message: GENERIC_MESSAGE, data: { requestId: request.requestId } };
    response.statusCode = status;
    response.removeHeader('Content-Length');
    response.setHeader('Content-Type', 'application/json; charset=utf-8');
    response.end(JSON.stringify(body));
}

/** An answer cut short must not look complete. One that is complete may share its socket with the next: leave it alone. */
function endSocket(response: Response): void {
    if (!response.writableEnded) {
        response.destroy();
    }
}

interface Explanation {
    name: string;
    message: string;
    stack: string[];
    cause?: Explanation | string;
}

function explain(error: Error, depth = 0): Explanation {
    const stack = String(error.stack ?? '')
        .split('\n')
        .slice(1);
    return {
        name: error.name,
        message: error.message,
        stack: stack.map((line) => line.trim()),
        ...(error.cause !== undefined && depth < 5 ? { cause: explainCause(error.cause, depth + 1) } : {}),
    };
}

/** What is no error is shown as it is. */
function explainCause(cause: unknown, depth: number): Explanation | string {
    return cause instanceof Error ? explain(cause, depth) : describe(cause);
}

const DESTINATIONS = ['document', 'iframe', 'frame'];

/** Whether a browser goes to this address, and would show the answer: clients and scripts that ask for anything get JSON. */
function wantsPage(request: Request): boolean {
    const destination = request.headers['sec-fetch-dest'] ?? 'document';
    return DESTINATIONS.includes(String(destination)) && request.accepts(['json', 'html']) === 'html';
}
