import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Express, Request, Response } from 'express';
import { ConfigError } from '../Exceptions/errors.js';
import { http } from '../Support/http.js';
import { originForm } from './originForm.js';

/** Takes a connection over from HTTP. What it throws, or rejects with, is the answer, as from a route. */
export type UpgradeHandler = (request: Request, socket: Duplex, head: Buffer) => void | Promise<void>;

export interface UpgradeAnswers {
    /** The application, whose prototypes requests get. */
    readonly app: Express;
    /** Resolves when what the connection was asked for before is answered. */
    answered(socket: Duplex): Promise<void>;
    /** Takes a connection from its beginning, with a request on it that asks for no upgrade any more. */
    decline(socket: Duplex): void;
    /** Answers a request as any other. */
    answer(request: IncomingMessage, response: ServerResponse): void;
    /** Answers a request whose handler failed. */
    refuse(error: unknown, request: Request, response: Response): Promise<void>;
    /** A connection broke that a handler has taken over. */
    broke(error: Error, request: Request): void;
}

/** Who takes connections over, by path. Such requests, as those of WebSockets, pass no stage of the pipeline. */
export class Upgrades {
    private readonly handlers = new Map<string, UpgradeHandler>();

    public get isEmpty(): boolean {
        return this.handlers.size === 0;
    }

    public add(path: string, handler: UpgradeHandler): void {
        if (!path.startsWith('/') || /[?#]/.test(path)) {
            throw new ConfigError(`onUpgrade() needs a path such as '/live', and got [${path}].`, {
                errorCode: 'E_UPGRADE_PATH',
            });
        }
        if (this.handlers.has(path)) {
            throw new ConfigError(`onUpgrade('${path}', …) was called twice: one handler takes a path.`, {
                errorCode: 'E_UPGRADE_PATH',
            });
        }
        this.handlers.set(path, handler);
    }

    /** Whether somebody takes requests for this path over. */
    public takes({ url = '/' }: IncomingMessage): boolean {
        return this.handlers.has(originForm(url).replace(/[?#].*$/s, ''));
    }

    /** A request came that asks for an upgrade. Never throws or rejects. */
    public async accept(
        message: IncomingMessage,
        socket: Duplex,
        head: Buffer,
        answers: UpgradeAnswers,
    ): Promise<void> {
        // Node.js has let go of the connection: an error that nobody hears would end the process.
        const broken = () => socket.destroy();
        socket.on('error', broken);
        const connection = message.socket;
        await answers.answered(connection); // requests that were sent before, whose answers must not mix with this one
        if (socket.destroyed || !socket.writable) {
            return; // the last of those answers ended it
        }
        const { request, handler } = this.find(message, answers.app);
        if (!handler) {
            if (socket !== connection) {
                // Node.js 26 reads the body itself, and more of it is to come: the connection ends with the answer.
                Object.assign(message, { upgrade: false }); // who reads bodies takes one that has it for read
                answers.answer(message, responseOn(connection, request, answers.app));
                return;
            }
            socket.off('error', broken);
            socket.unshift(Buffer.concat([withoutUpgrade(message), bodyRead(message), head]));
            answers.decline(socket);
            return;
        }
        socket.on('error', (error) => answers.broke(error, request));
        try {
            await handler(request, socket, head);
        } catch (error) {
            await answers.refuse(error, request, responseOn(socket, request, answers.app));
        }
    }

    private find(message: IncomingMessage, app: Express): { request: Request; handler: UpgradeHandler | undefined } {
        const request = message as Request;
        Object.setPrototypeOf(request, app.request); // as Express does it: path, host, ip, secure
        const asSent = message.url;
        request.url = originForm(asSent ?? '/');
        const handler = this.handlers.get(request.path);
        if (handler) {
            request.originalUrl = request.url;
        } else {
            request.url = asSent as string;
        }
        return { request, handler };
    }
}

/**
 * The head of a request that nobody takes over, as it was sent, but for its wish: to HTTP it is no more, and Node.js, which
 * reads no body of one that has it, reads this one and those behind it as ever.
 */
function withoutUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
    const lines = [`${method} ${url} HTTP/${httpVersion}`];
    for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
        const [name = '', value = ''] = rawHeaders.slice(index, index + 2);
        if (name.toLowerCase() !== 'upgrade') {
            lines.push(`${name}: ${value}`);
        }
    }
    return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

/** What Node.js 26 has read of the body already, which is all of it, as it is to be sent: others leave it where it was. */
function bodyRead(message: IncomingMessage): Buffer {
    const body = message.read() as Buffer | null;
    const isChunked = body !== null && message.headers['transfer-encoding'] !== undefined;
    const [before, behind] = isChunked ? [`${body.length.toString(16)}\r\n`, '\r\n0\r\n\r\n'] : ['', ''];
    return Buffer.concat([Buffer.from(before), body ?? Buffer.alloc(0), Buffer.from(behind)]);
}

/** An ordinary answer on a connection that Node.js has given away; the connection ends with it. */
function responseOn(socket: Duplex, request: Request, app: Express): Response {
    const response = new http.ServerResponse(request) as Response;
    Object.setPrototypeOf(response, app.response);
    Object.assign(response, { locals: Object.create(null) });
    Object.assign(request, { res: response });
    response.shouldKeepAlive = false;
    response.assignSocket(socket as never);
    response.on('finish', () => {
        response.detachSocket(socket as never);
        socket.end();
        socket.resume(); // what is not read off would keep it from closing
        request.resume();
        process.nextTick(() => response.emit('close')); // as Node.js does it: turns end by it
    });
    return response;
}
