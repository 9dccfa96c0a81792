import { performance } from 'node:perf_hooks';
import type { Request, Response } from 'express';
import { timestampOf } from './clock.js';
import { accessChannel, dim, head, painter } from './formats.js';

const maxPath = 1_024;
/** What both formats show as it is: `method path id`. */
const plain = /^[A-Z-]+ [!#-[\]-~]* [\w.:+/@-]{1,128}$/;

/** A request as the access log tells it. */
export class Access {
    private readonly start = performance.now();
    private knownPath: string | undefined;
    private requestId: string | undefined;
    /** When its answer was out, in ms since the epoch. */
    public ms = 0;
    private status = 0;
    private durationMs = 0;
    private isWhole = false;

    public constructor(
        private readonly method: string,
        private readonly url: string,
    ) {}

    /** Its answer is out, or its client is gone. */
    public end(response: Response): void {
        this.durationMs = Math.round((performance.now() - this.start) * 100) / 100;
        this.ms = Date.now();
        this.requestId = (response.req as Request & { requestId?: string }).requestId;
        this.isWhole = response.writableFinished;
        // Where no header was sent, no status was: the number in statusCode means nothing.
        this.status = this.isWhole || response.headersSent ? response.statusCode : 0;
    }

    private get path(): string {
        this.knownPath ??= pathOf(this.url); // when the line is made, and not before the next request
        return this.knownPath;
    }

    public get message(): string {
        const { method, path, status, durationMs } = this;
        return this.isWhole
            ? `${method} ${path} ${status} ${durationMs} ms`
            : `${method} ${path} ${status || '-'} aborted after ${durationMs} ms`;
    }

    public get context(): Record<string, unknown> {
        const { requestId, method, path, durationMs } = this;
        const status = this.status || undefined;
        return { requestId, method, path, status, durationMs, ...(!this.isWhole && { aborted: true }) };
    }

    /** Whether `json` and `readable` may be used: nothing in it is to be escaped, quoted, shortened or left out. */
    public get isPlain(): boolean {
        return (
            this.isWhole &&
            typeof this.requestId === 'string' &&
            plain.test(`${this.method} ${this.path} ${this.requestId}`)
        );
    }

    /** What jsonFormat makes of it, for a third of the work. */
    public json(): string {
        const { ms, message, requestId, method, path, status, durationMs } = this;
        return `{"timestamp":"${timestampOf(ms)}","level":"info","channel":"${accessChannel}","message":"${message}","context":{"requestId":"${requestId}","method":"${method}","path":"${path}","status":${status},"durationMs":${durationMs}}}`;
    }

    /** What readableFormat makes of it. */
    public readable(colours: boolean): string {
        const { ms, message, requestId } = this;
        return `${headAt(ms, colours)} ${message} ${painter(colours)(dim, `requestId=${requestId}`)}`;
    }
}

let headMs = Number.NaN;
let heads: readonly string[] = [];

/** What stands before the message: the same for all of a millisecond. */
function headAt(ms: number, colours: boolean): string {
    if (ms !== headMs) {
        headMs = ms;
        const entry = { timestamp: timestampOf(ms), level: 'info', channel: accessChannel } as const;
        heads = [head(entry, painter(false)), head(entry, painter(true))];
    }
    return heads[Number(colours)] as string;
}

/** The path alone: no query or fragment, and of `http://user:password@host/path` no more than `/path`. */
function pathOf(url: string): string {
    let path = before('#', before('?', url));
    if (!path.startsWith('/')) {
        path = path.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, '') || '/';
    }
    return path.length > maxPath ? `${path.slice(0, maxPath)}…` : path;
}

function before(mark: string, text: string): string {
    const end = text.indexOf(mark);
    return end === -1 ? text : text.slice(0, end);
}
