import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { http } from '../Support/http.js';

type Call = { method: 'writeHead' | 'write' | 'end' | 'flushHeaders'; args: unknown[] };
type Headers = OutgoingHttpHeaders | OutgoingHttpHeader[] | undefined;

/** What the gate asks before an answer may leave. */
export interface Gatekeeper {
    /** Called when the headers are about to leave. Undefined: let them go. A promise: hold everything until it is done. */
    beforeHeaders(status: number): Promise<void> | undefined;
    /** The headers leave now: the last moment to set one. */
    leaving(): void;
    /** As `beforeHeaders`, before the end of an answer whose headers left earlier. */
    beforeEnd(): Promise<void> | undefined;
    /** What may leave has left: the headers, or all of the answer. */
    answered(): void;
    /** What was waited for has failed; nothing of the route's answer was sent when `headersSent` is false. */
    failed(error: unknown, headersSent: boolean): void;
}

/**
 * How much of a stream is taken before it is told to wait. Well over the buffers of sockets and of compression, so that
 * these, once they get it all, say themselves when to go on: what listens for that may not listen on the response.
 */
const HELD_BYTES = 1_048_576;

const GATE = Symbol('gate of this response');
type Guarded = ServerResponse & { [GATE]: ResponseGate };

/** The same functions for all responses: `endsPlainly` knows them. */
function writeHead(this: Guarded, ...args: unknown[]): unknown {
    return this[GATE].call('writeHead', args);
}

function write(this: Guarded, ...args: unknown[]): unknown {
    return this[GATE].call('write', args);
}

function end(this: Guarded, ...args: unknown[]): unknown {
    return this[GATE].call('end', args);
}

/** Before the function of somebody who looks at what is sent. */
function endBeforeOthers(this: Guarded, ...args: unknown[]): unknown {
    return this[GATE].call('end', args);
}

function flushHeaders(this: Guarded): void {
    this[GATE].call('flushHeaders', []);
}

const PLAIN_ENDS = new Set<unknown>([http.ServerResponse.prototype.end, end]);

/** Whether nobody else sees what an answer ends with: middlewares that keep bodies put their own function in its place. */
export function endsPlainly(response: Pick<ServerResponse, 'end'>): boolean {
    return PLAIN_ENDS.has(response.end);
}

type HeaderCall = 'setHeader' | 'appendHeader' | 'setHeaders' | 'removeHeader';

/*
 * What an answer that is held seems to be: sent already. Changing its headers fails as Node says, instead of changing a kept
 * answer. These stay on the response when it is no longer held: deleting them would make all access to it slow, which takes 10 % of
 * a request whose session is stored (Node.js 24; on 26 no more than the noise).
 */
function setHeader(this: Guarded, ...args: unknown[]): unknown {
    return this[GATE].changeHeaders('setHeader', 'set', args);
}

function appendHeader(this: Guarded, ...args: unknown[]): unknown {
    return this[GATE].changeHeaders('appendHeader', 'set', args);
}

function setHeaders(this: Guarded, ...args: unknown[]): unknown {
    return this[GATE].changeHeaders('setHeaders', 'set', args);
}

function removeHeader(this: Guarded, ...args: unknown[]): unknown {
    return this[GATE].changeHeaders('removeHeader', 'remove', args);
}

const HEADERS_SENT: PropertyDescriptor = {
    configurable: true,
    get(this: Guarded) {
        return this[GATE].isHeld || Reflect.get(Object.getPrototypeOf(this), 'headersSent', this);
    },
};
const WRITABLE_ENDED: PropertyDescriptor = {
    configurable: true,
    get(this: Guarded) {
        return this[GATE].hasHeldEnd || Reflect.get(Object.getPrototypeOf(this), 'writableEnded', this);
    },
};

/**
 * Not `headersSent`, which other hosts may give a meaning of their own: with @fastify/express it is true as soon as an answer
 * is asked for. express-session looks at the same.
 */
export function headersHaveLeft(response: ServerResponse): boolean {
    const { _header: header } = response as { _header?: string | null };
    return header === undefined ? response.headersSent : Boolean(header);
}

function headersSentError(action: 'set' | 'remove' | 'write'): Error {
    const error = new Error(`Cannot ${action} headers after they are sent to the client`);
    return Object.assign(error, { code: 'ERR_HTTP_HEADERS_SENT' });
}

/**
 * Stands between a route and its response: the first thing that would send headers (or the end of a stream) waits
 * until the session is stored. Calls that come meanwhile are kept and played in order, so that a small answer still
 * leaves in one write; when storing fails, none of them is played.
 */
export class ResponseGate {
    private held: Call[] | undefined;
    private heldEnd = false;
    private rawHeaders: Pick<ServerResponse, HeaderCall> | undefined;
    private passed = false;
    private closed = false;
    private heldBytes = 0;
    private drainOwed = false;
    private status: { statusCode?: number; statusMessage?: string } = {};
    private readonly raw: Pick<ServerResponse, 'writeHead' | 'write' | 'end' | 'flushHeaders'>;
    /** What the answer had before the route looked at the session: all that it keeps where the route's can't be given. */
    private readonly statusBefore: number;
    private readonly headersBefore: readonly string[];

    public constructor(
        private readonly response: ServerResponse,
        private readonly keeper: Gatekeeper,
    ) {
        this.raw = {
            writeHead: response.writeHead,
            write: response.write,
            end: response.end,
            flushHeaders: response.flushHeaders,
        };
        this.statusBefore = response.statusCode;
        this.headersBefore = response.getHeaderNames();
        const guarded = response as Guarded;
        guarded[GATE] = this;
        guarded.writeHead = writeHead as Guarded['writeHead'];
        guarded.write = write as Guarded['write'];
        guarded.end = (endsPlainly(this.raw) ? end : endBeforeOthers) as Guarded['end'];
        guarded.flushHeaders = flushHeaders;
    }

    public get isHeld(): boolean {
        return this.held !== undefined;
    }

    public get hasHeldEnd(): boolean {
        return this.heldEnd;
    }

    /** A call that changes headers, since the answer was held. */
    public changeHeaders(method: HeaderCall, action: 'set' | 'remove', args: unknown[]): unknown {
        if (this.held) {
            throw headersSentError(action);
        }
        const raw = this.rawHeaders?.[method] as unknown as (...args: unknown[]) => unknown;
        return raw.apply(this.response, args);
    }

    /** One of the four calls that send something. */
    public call(method: Call['method'], args: unknown[]): unknown {
        if (this.held) {
            return this.hold(method, args);
        }
        if (this.closed) {
            return this.afterFailure(method, args);
        }
        const headersSent = headersHaveLeft(this.response);
        if (!this.passed && !headersSent) {
            if (method === 'writeHead') {
                args = this.applyHead(args);
            }
            this.passed = true;
            const status = method === 'writeHead' ? Number(args[0]) : this.response.statusCode;
            const waiting = this.keeper.beforeHeaders(status);
            if (waiting) {
                return this.wait(waiting, method, args);
            }
            try {
                this.keeper.leaving();
            } catch (error) {
                // Not to the caller, who may be a stream's event that nobody catches.
                this.fail(error);
                return method === 'write' ? true : this.response;
            }
        } else if (method === 'end' && headersSent) {
            const waiting = this.keeper.beforeEnd();
            if (waiting) {
                return this.wait(waiting, method, args);
            }
        }
        const result = this.play({ method, args });
        this.keeper.answered();
        return result;
    }

    /** Headers given to writeHead would replace the session's cookie: set them first, as `on-headers` does. */
    private applyHead(args: unknown[]): unknown[] {
        const [status, second, third] = args as [number, string | Headers, Headers];
        const headers = typeof second === 'string' ? third : second;
        if (Array.isArray(headers)) {
            const pairs = (Array.isArray(headers[0]) ? headers.flat() : headers) as string[];
            const names = new Set<string>();
            for (let index = 0; index + 1 < pairs.length; index += 2) {
                const [name, value] = [pairs[index] as string, pairs[index + 1] as string];
                if (names.has(name.toLowerCase())) {
                    this.response.appendHeader(name, value);
                } else {
                    this.response.setHeader(name, value);
                }
                names.add(name.toLowerCase());
            }
        } else if (headers) {
            for (const [name, value] of Object.entries(headers)) {
                if (value !== undefined) {
                    this.response.setHeader(name, value);
                }
            }
        }
        return typeof second === 'string' ? [status, second] : [status];
    }

    private wait(waiting: Promise<void>, method: Call['method'], args: unknown[]): unknown {
        const { statusCode, statusMessage } = this.response;
        const headersSent = headersHaveLeft(this.response);
        this.status = headersSent ? {} : { statusCode, statusMessage };
        this.held = [];
        this.seemSent();
        // What Node refuses, such as a body of a wrong type, is thrown while the calls are played: that fails as well.
        waiting.then(() => this.open(headersSent)).catch((error) => this.fail(error));
        return this.hold(method, args);
    }

    /** What comes after the end is played, too: Node.js refuses it then, by its 'error' event and its callback. */
    private hold(method: Call['method'], args: unknown[]): unknown {
        const held = this.held as Call[];
        if (method === 'writeHead' && held.length > 0) {
            throw headersSentError('write');
        }
        held.push({ method, args });
        if (method === 'end') {
            this.heldEnd = true;
            this.response.finished = true;
        }
        if (method === 'write') {
            this.heldBytes += (args[0] as string | Buffer | undefined)?.length ?? 0;
            this.drainOwed ||= this.heldBytes > HELD_BYTES;
            return !this.drainOwed;
        }
        return this.response;
    }

    private open(headersSent: boolean): void {
        const calls = this.held ?? [];
        this.release();
        Object.assign(this.response, this.status); // as it was when the route answered
        if (!headersSent) {
            this.keeper.leaving();
        }
        let flowing = true;
        for (const call of calls) {
            const result = this.play(call);
            flowing = call.method === 'write' ? result === true : flowing;
        }
        if (this.drainOwed && flowing && !this.response.writableEnded) {
            this.response.emit('drain');
        }
        this.drainOwed = false;
        this.keeper.answered();
    }

    private fail(error: unknown): void {
        if (this.drainOwed) {
            this.response.once('close', () => this.response.emit('drain')); // lets a stream that was piped run out
        }
        this.release();
        const headersSent = headersHaveLeft(this.response);
        if (!headersSent) {
            this.restore();
        }
        this.closed = true;
        this.keeper.failed(error, headersSent);
        this.keeper.answered();
    }

    /**
     * The error handler answers through the same response. A route that goes on writing is not heard: its answer would
     * be a success, which the handler's never is.
     */
    private afterFailure(method: Call['method'], args: unknown[]): unknown {
        const status = method === 'writeHead' ? Number(args[0]) : this.response.statusCode;
        if (this.closed && status >= 300 && !this.response.writableEnded && !this.response.destroyed) {
            return this.play({ method, args });
        }
        return method === 'write' ? true : this.response;
    }

    private play({ method, args }: Call): unknown {
        return (this.raw[method] as (...args: unknown[]) => unknown).apply(this.response, args);
    }

    private restore(): void {
        for (const name of this.response.getHeaderNames()) {
            if (!this.headersBefore.includes(name)) {
                this.response.removeHeader(name);
            }
        }
        this.response.statusCode = this.statusBefore;
        this.response.statusMessage = '';
    }

    private seemSent(): void {
        if (this.rawHeaders) {
            return;
        }
        const response = this.response as Guarded;
        const { setHeader: set, appendHeader: append, setHeaders: setAll, removeHeader: remove } = response;
        this.rawHeaders = { setHeader: set, appendHeader: append, setHeaders: setAll, removeHeader: remove };
        response.setHeader = setHeader as Guarded['setHeader'];
        response.appendHeader = appendHeader as Guarded['appendHeader'];
        response.setHeaders = setHeaders as Guarded['setHeaders'];
        response.removeHeader = removeHeader as Guarded['removeHeader'];
        Object.defineProperty(response, 'headersSent', HEADERS_SENT);
        Object.defineProperty(response, 'writableEnded', WRITABLE_ENDED);
    }

    private release(): void {
        this.held = undefined;
        this.heldEnd = false;
        this.response.finished = false; // held only until its first end, which Node.js has not seen
    }
}
