import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';

interface Connection {
    /** How many answers are not finished; several where a client pipelines. */
    answers: number;
    /** The bytes received with the requests that are answered: more than these are a request that is on its way. */
    quietAt: number;
}

/** An answer in flight, as a link of the list of all of them. */
interface Flight {
    readonly response: ServerResponse;
    /** From when on it is waited for, by `performance.now()`. */
    since: number;
    older: Flight | undefined;
    younger: Flight | undefined;
}

const FLIGHT = Symbol('where this answer is in the list of those in flight');
type Flying = ServerResponse & { [FLIGHT]?: Flight | undefined };

/**
 * The server's open connections, and the answers in flight on them. The list is one of links, and not a Map or Set: V8's, where
 * entries come and go, keep what was in them alive until the next full collection. With a Map, a route that waits for anything
 * takes 110 in place of 80 µs (Node.js 24; 120 and 95 on 26, medians; 175 MB in place of 11 outlive 20,000 requests).
 */
export class Connections {
    private readonly open = new Map<Socket, Connection>();
    private oldest: Flight | undefined;
    private youngest: Flight | undefined;
    private draining = false;
    /** One listener each for all sockets and all answers: these run for every request. */
    private readonly onSocketClose: (this: Socket) => void;
    private readonly onAnswerClose: (this: ServerResponse) => void;

    public constructor() {
        const forget = (socket: Socket) => this.forget(socket);
        const finish = (response: ServerResponse) => this.finish(response);
        this.onSocketClose = function onSocketClose() {
            forget(this);
        };
        this.onAnswerClose = function onAnswerClose() {
            finish(this);
        };
    }

    /** The number of open connections. */
    public get size(): number {
        return this.open.size;
    }

    public connected(socket: Socket): void {
        if (this.open.has(socket)) {
            return; // one that nobody took over comes again
        }
        this.open.set(socket, { answers: 0, quietAt: 0 });
        socket.on('close', this.onSocketClose);
    }

    /** A request came in: its answer is in flight from now on. */
    public requested(response: ServerResponse): void {
        const { socket } = response.req;
        const connection = this.open.get(socket);
        if (connection) {
            connection.answers += 1;
        }
        this.append({ response, since: performance.now(), older: undefined, younger: undefined });
        response.on('close', this.onAnswerClose);
        if (this.draining) {
            response.shouldKeepAlive = false;
        }
    }

    /** The answers in flight, oldest first, with the time from which on they are waited for. */
    public inFlight(): [ServerResponse, number][] {
        const all: [ServerResponse, number][] = [];
        for (let flight = this.oldest; flight; flight = flight.younger) {
            all.push([flight.response, flight.since]);
        }
        return all;
    }

    /** Restarts the wait for an answer, which becomes the youngest. */
    public restartWait(response: ServerResponse): void {
        const flight = this.remove(response);
        if (flight) {
            flight.since = performance.now();
            this.append(flight);
        }
    }

    /** Takes time off that did not count: all in flight are waited for so much longer, but none more than its whole time. */
    public forgive(ms: number): void {
        const now = performance.now();
        for (let flight = ms > 0 ? this.oldest : undefined; flight; flight = flight.younger) {
            flight.since = Math.min(now, flight.since + ms);
        }
    }

    /** Whether an answer on this connection has begun and is not complete. */
    public isAnswering(socket: Socket): boolean {
        return this.answersOn(socket).some((response) => response.headersSent && !response.writableEnded);
    }

    /** Resolves when the answers to all requests that have arrived whole are sent; never, if the connection closes first. */
    public async answered(socket: Socket): Promise<void> {
        const whole = this.answersOn(socket).filter((response) => response.req.complete);
        await Promise.all(whole.map((response) => new Promise((resolve) => response.once('close', resolve))));
    }

    /** Drops idle connections, and lets the others go when their answers are finished. */
    public async drain(): Promise<void> {
        this.draining = true;
        for (const [response] of this.inFlight()) {
            response.shouldKeepAlive = false; // says so in the header, too, where that has not left
        }
        // Requests that have arrived, but were not read yet, are still answered: the second turn comes after reading.
        await nextTurn();
        await nextTurn();
        for (const [socket, connection] of this.open) {
            if (connection.answers === 0 && socket.bytesRead === connection.quietAt) {
                socket.destroy();
            }
        }
    }

    /** Cuts streams of server-sent events, which end by no other means; browsers reconnect by themselves. */
    public cutEventStreams(): void {
        for (const [response] of this.inFlight()) {
            if (response.headersSent && String(response.getHeader('content-type')).startsWith('text/event-stream')) {
                response.req.socket.destroy();
            }
        }
    }

    /** Cuts what is left. */
    public destroy(): void {
        for (const socket of this.open.keys()) {
            socket.destroy();
        }
    }

    /** The answers that are not finished on this connection, oldest first. */
    public answersOn(socket: Socket): ServerResponse[] {
        return this.inFlight()
            .map(([response]) => response)
            .filter((response) => response.req.socket === socket);
    }

    private finish(response: ServerResponse): void {
        const { req: request } = response;
        const { socket } = request;
        const connection = this.remove(response) && this.open.get(socket);
        if (connection) {
            connection.answers -= 1;
            connection.quietAt = socket.bytesRead;
            if (!request.complete) {
                // Answered before it had arrived, as one that is too large is: Node.js reads off the rest.
                request.once('close', () => {
                    connection.quietAt = socket.bytesRead;
                });
            }
            if (this.draining && connection.answers === 0) {
                socket.destroySoon(); // kept alive by headers that had left before
            }
        }
    }

    /** Answers that wait behind another one of their connection are not told when that closes. */
    private forget(socket: Socket): void {
        const connection = this.open.get(socket);
        this.open.delete(socket);
        for (const response of connection?.answers ? this.answersOn(socket) : []) {
            this.remove(response);
        }
    }

    private append(flight: Flight): void {
        flight.older = this.youngest;
        if (this.youngest) {
            this.youngest.younger = flight;
        } else {
            this.oldest = flight;
        }
        this.youngest = flight;
        (flight.response as Flying)[FLIGHT] = flight;
    }

    /** Takes an answer out of the list. Undefined: it is not in it. */
    private remove(response: Flying): Flight | undefined {
        const flight = response[FLIGHT];
        if (!flight) {
            return undefined;
        }
        const { older, younger } = flight;
        if (older) {
            older.younger = younger;
        } else {
            this.oldest = younger;
        }
        if (younger) {
            younger.older = older;
        } else {
            this.youngest = older;
        }
        response[FLIGHT] = undefined;
        flight.older = undefined; // what is gone holds nothing that is alive
        flight.younger = undefined;
        return flight;
    }
}
