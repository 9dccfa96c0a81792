import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';

interface Connection {
    /** The answers that are not finished; several where a client pipelines. */
    readonly answers: Set<ServerResponse>;
    /** The bytes received with the requests that are answered: more than these are a request that is on its way. */
    quietAt: number;
}

/** The server's open connections, and the answers in flight on them. */
export class Connections {
    private readonly open = new Map<Socket, Connection>();
    /** The unfinished answers, oldest first, with the time (ms) from which on they are waited for. */
    private readonly since = new Map<ServerResponse, number>();
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
        this.open.set(socket, { answers: new Set(), quietAt: 0 });
        socket.on('close', this.onSocketClose);
    }

    /** A request came in: its answer is in flight from now on. */
    public requested(response: ServerResponse): void {
        this.open.get(response.req.socket)?.answers.add(response);
        this.since.set(response, performance.now());
        response.on('close', this.onAnswerClose);
        if (this.draining) {
            response.shouldKeepAlive = false;
        }
    }

    /** The answers in flight, oldest first, with the time from which on they are waited for. */
    public inFlight(): IterableIterator<[ServerResponse, number]> {
        return this.since.entries();
    }

    /** Begins to wait anew for an answer, which so becomes the youngest. */
    public waitAnew(response: ServerResponse): void {
        this.since.delete(response);
        this.since.set(response, performance.now());
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
        for (const response of this.since.keys()) {
            response.shouldKeepAlive = false; // says so in the header, too, where that has not left
        }
        // Requests that have arrived, but were not read yet, are still answered: the second turn comes after reading.
        await nextTurn();
        await nextTurn();
        for (const [socket, connection] of this.open) {
            if (connection.answers.size === 0 && socket.bytesRead === connection.quietAt) {
                socket.destroy();
            }
        }
    }

    /** Cuts what is left. */
    public destroy(): void {
        for (const socket of this.open.keys()) {
            socket.destroy();
        }
    }

    private answersOn(socket: Socket): ServerResponse[] {
        return [...(this.open.get(socket)?.answers ?? [])];
    }

    private finish(response: ServerResponse): void {
        this.since.delete(response);
        const { req: request } = response;
        const { socket } = request;
        const connection = this.open.get(socket);
        if (connection) {
            connection.answers.delete(response);
            connection.quietAt = socket.bytesRead;
            if (!request.complete) {
                // Answered before it had arrived, as one that is too large is: Node.js reads off the rest.
                request.once('close', () => {
                    connection.quietAt = socket.bytesRead;
                });
            }
            if (this.draining && connection.answers.size === 0) {
                socket.destroySoon(); // kept alive by headers that had left before
            }
        }
    }

    /** Answers that wait behind another one of their connection are not told when that closes. */
    private forget(socket: Socket): void {
        for (const response of this.answersOn(socket)) {
            this.since.delete(response);
        }
        this.open.delete(socket);
    }
}
