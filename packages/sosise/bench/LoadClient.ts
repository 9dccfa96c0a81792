import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** An answer, as far as the checks need it. */
export interface Answer {
    readonly status: number;
    readonly head: string;
    readonly body: string;
}

export interface Visit {
    readonly path: string;
    /** The Cookie header; '' for none. */
    readonly cookie: string;
    /** What `posted()` made, for a POST. */
    readonly post?: string;
}

/** What one connection sends, and what it expects. */
export interface Visits {
    next(): Visit;
    /** Throws where the answer is wrong. */
    check(answer: Answer): void;
}

export interface Measured {
    /** Answers within the time, and how long that was. */
    requests: number;
    seconds: number;
    /** In milliseconds, sorted. */
    latencies: Float64Array;
}

const FINISH_LIMIT_MS = 10_000;
const CONTENT_LENGTH = 'content-length: ';

/** The end of a POST that sends this text. A form's comes from a page of the same site, as browsers say with each request. */
export function posted(type: string, text: string): string {
    const length = Buffer.byteLength(text);
    return `Sec-Fetch-Site: same-origin\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n${text}`;
}

/**
 * Keeps one request in flight on each of its keep-alive connections, and checks every answer. On raw sockets, because a
 * full HTTP client would need more time for a request than the servers do, and be what is measured.
 */
export class LoadClient {
    private constructor(private readonly lanes: readonly Lane[]) {}

    /** Opens the connections. They are for one use: a server may close what is idle for a few seconds. */
    public static async connect(port: number, connections: number): Promise<LoadClient> {
        const lanes = Array.from({ length: connections }, () => new Lane(port));
        await withLimit(Promise.all(lanes.map((lane) => lane.connected())), FINISH_LIMIT_MS);
        return new LoadClient(lanes);
    }

    /** Sends requests for a time. `visits` has one entry per connection. Rejects at the first wrong answer. */
    public async run(visits: readonly Visits[], seconds: number): Promise<Measured> {
        const started = performance.now();
        const end = started + seconds * 1000;
        const runs = await withLimit(
            Promise.all(this.lanes.map((lane, index) => lane.run(visits[index] as Visits, end))),
            seconds * 1000 + FINISH_LIMIT_MS,
        );
        const latencies = Float64Array.from(runs.flat()).sort();
        // A server slower than the time is measured by the requests that it did answer.
        const spent = Math.max(seconds * 1000, ...this.lanes.map((lane) => lane.lastAnswer - started));
        return { requests: latencies.length, seconds: spent / 1000, latencies };
    }

    /** One request, over the first connection. */
    public async first(visits: Visits): Promise<void> {
        await withLimit((this.lanes[0] as Lane).run(visits, 0), FINISH_LIMIT_MS);
    }

    /** One request after another for each of these, over all connections. */
    public async each(visits: Generator<Visits>): Promise<void> {
        await Promise.all(
            this.lanes.map(async (lane) => {
                for (let next = visits.next(); !next.done; next = visits.next()) {
                    await lane.run(next.value, 0);
                }
            }),
        );
    }

    public close(): void {
        for (const lane of this.lanes) {
            lane.close();
        }
    }
}

/** One connection with at most one request in flight. */
class Lane {
    public lastAnswer = 0;
    private readonly socket: Socket;
    private received = '';
    private onAnswer: (answer: Answer) => void = () => undefined;
    private onError: (error: Error) => void = () => undefined;

    public constructor(port: number) {
        this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
        this.socket.on('data', (chunk) => this.receive(chunk));
        this.socket.on('error', (error) => this.onError(error));
        this.socket.on('close', () => this.onError(new Error('the server closed the connection')));
    }

    public async connected(): Promise<void> {
        await once(this.socket, 'connect');
    }

    /** Asks until `end` (once, where that is past). Gives the latencies in milliseconds. */
    public run(visits: Visits, end: number): Promise<number[]> {
        return new Promise((resolve, reject) => {
            const latencies: number[] = [];
            let sent = 0;
            const send = (): void => {
                const { path, cookie, post } = visits.next();
                sent = performance.now();
                this.socket.write(
                    `${post ? 'POST' : 'GET'} ${path} HTTP/1.1\r\nHost: bench\r\n${cookie && `Cookie: ${cookie}\r\n`}${post ?? '\r\n'}`,
                    'latin1',
                );
            };
            this.onError = reject;
            this.onAnswer = (answer) => {
                const now = performance.now();
                this.lastAnswer = now;
                latencies.push(now - sent);
                try {
                    visits.check(answer);
                } catch (error) {
                    reject(error);
                    return;
                }
                if (now < end) {
                    send();
                } else {
                    resolve(latencies);
                }
            };
            send();
        });
    }

    public close(): void {
        this.socket.destroy();
    }

    private receive(chunk: Buffer): void {
        this.received += chunk.toString('latin1');
        const { received } = this;
        const headEnd = received.indexOf('\r\n\r\n');
        if (headEnd === -1) {
            return;
        }
        const head = received.slice(0, headEnd);
        const length = contentLength(head);
        const bodyStart = headEnd + 4;
        if (length === undefined) {
            this.onError(new Error(`an answer without Content-Length: ${head.split('\r\n')[0]}`));
            return;
        }
        if (received.length < bodyStart + length) {
            return;
        }
        const body = received.slice(bodyStart, bodyStart + length);
        this.received = received.slice(bodyStart + length);
        this.onAnswer({ status: Number(received.slice(9, 12)), head, body });
    }
}

function contentLength(head: string): number | undefined {
    let at = head.indexOf('Content-Length: ');
    at = at === -1 ? head.toLowerCase().indexOf(CONTENT_LENGTH) : at;
    return at === -1 ? undefined : Number.parseInt(head.slice(at + CONTENT_LENGTH.length), 10);
}

async function withLimit<T>(work: Promise<T>, ms: number): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
    });
    try {
        return await Promise.race([work, late]);
    } finally {
        clearTimeout(timer);
    }
}
