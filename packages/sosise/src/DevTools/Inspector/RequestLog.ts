import type { NextFunction, Request, Response } from 'express';
import { FAVICON } from '../favicon.js';
import type { Change, Outcome } from './RequestTrace.js';
import { RequestTrace } from './RequestTrace.js';
import { StoreUse } from './StoreUse.js';
import { whyNoCookie } from './whyNoCookie.js';

/** What a request did with its session. */
export interface LoggedRequest {
    /** Counts up. */
    readonly number: number;
    readonly at: number;
    readonly method: string;
    /** Without the query, which may hold anything. */
    readonly path: string;
    /** Undefined: the client went away before the answer began. */
    readonly status: number | undefined;
    readonly ms: number;
    /** The session it came with, and the one it left behind, by their fingerprints. */
    readonly from: string | undefined;
    readonly to: string | undefined;
    readonly looked: boolean;
    readonly reads: readonly string[];
    readonly changes: readonly Change[];
    readonly outcome: Outcome;
    readonly merged: boolean;
    readonly store: StoreUse;
    readonly cookie: SentCookie | string;
}

const MOST_REQUESTS = 50;
const LONGEST_PATH = 200;

/** What a request asked for: routes may change it later. */
type Asked = Pick<Request, 'method' | 'originalUrl'>;

/** The last requests that came to the session stage, and what all of them did together. */
export class RequestLog {
    /** Oldest first. */
    public readonly requests: LoggedRequest[] = [];
    public readonly outcomes: Record<Outcome, number> = {
        created: 0,
        saved: 0,
        touched: 0,
        skipped: 0,
        none: 0,
        ended: 0,
        discarded: 0,
        failed: 0,
    };
    public merges = 0;
    private number = 0;

    /**
     * @param cookieName Of the session; undefined: sessions are off.
     * @param changed Called after each request.
     */
    public constructor(
        private readonly cookieName: () => string | undefined,
        private readonly changed: () => void,
    ) {}

    /** A stage right before the sessions': what ends earlier has nothing to do with them. */
    public readonly recorder = (request: Request, response: Response, next: NextFunction): void => {
        if (request.path === FAVICON) {
            next();
            return;
        }
        const trace = RequestTrace.of(request);
        const { method, originalUrl } = request;
        const at = Date.now();
        const start = performance.now();
        response.once('close', () =>
            this.add(this.logged(trace, { method, originalUrl }, response, at, performance.now() - start)),
        );
        trace.store.run(next);
    };

    /** Those after a number, oldest first. */
    public after(number: number): LoggedRequest[] {
        return this.requests.filter((request) => request.number > number);
    }

    private add(request: LoggedRequest): void {
        this.requests.push(request);
        this.requests.splice(0, this.requests.length - MOST_REQUESTS);
        this.outcomes[request.outcome] += 1;
        this.merges += request.merged ? 1 : 0;
        this.changed();
    }

    private logged(trace: RequestTrace, asked: Asked, response: Response, at: number, ms: number): LoggedRequest {
        const { outcome } = trace;
        return {
            number: ++this.number,
            at,
            method: asked.method,
            path: asked.originalUrl.replace(/[?#].*/s, '').slice(0, LONGEST_PATH),
            status: response.headersSent ? response.statusCode : undefined,
            ms,
            from: trace.from,
            to: trace.to,
            looked: trace.session?.object !== undefined,
            reads: [...trace.reads],
            changes: trace.changes,
            outcome,
            merged: outcome === 'saved' && trace.store.conflicts > 0,
            store: trace.store,
            cookie: this.cookieOf(trace, response),
        };
    }

    private cookieOf(trace: RequestTrace, response: Response): SentCookie | string {
        const name = this.cookieName();
        if (name === undefined) {
            return 'Sessions are off.';
        }
        const sent = response.headersSent ? sentCookie(response.getHeader('set-cookie'), name) : undefined;
        if (sent) {
            return sent;
        }
        if (!response.headersSent) {
            return 'The client went away before it was answered.';
        }
        return whyNoCookie(trace);
    }
}

/** A cookie as it was sent, without its value. */
interface SentCookie {
    readonly name: string;
    /** `Path=/`, `HttpOnly`, … */
    readonly attributes: readonly string[];
    /** It takes the browser's cookie away. */
    readonly clears: boolean;
}

/** The cookie of a name in a response's Set-Cookie headers; the last one counts, as it does for browsers. */
function sentCookie(header: number | string | readonly string[] | undefined, name: string): SentCookie | undefined {
    const lines = header === undefined ? [] : [header].flat().map(String);
    const line = lines.findLast((text) => text.startsWith(`${name}=`));
    if (line === undefined) {
        return undefined;
    }
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
    return { name, attributes, clears: pair === `${name}=` };
}
