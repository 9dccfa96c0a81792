import { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Express, Request, Response } from 'express';
import { ConfigError } from '../Exceptions/errors.js';

/** Takes a connection over from HTTP. What it throws, or rejects with, is the answer, as from a route. */
export type UpgradeHandler = (request: Request, socket: Duplex, head: Buffer) => void | Promise<void>;

export interface UpgradeAnswers {
    /** The application, whose prototypes requests get. */
    readonly app: Express;
    /** Answers a request that nobody takes over: to HTTP, asking for an upgrade is a wish. */
    decline(request: Request, response: Response): void;
    /** Answers a request whose handler failed. */
    refuse(error: unknown, request: Request, response: Response): Promise<void>;
}

/** Who takes connections over, by path. Such requests, as those of WebSockets, pass no stage of the pipeline. */
export class Upgrades {
    private readonly handlers = new Map<string, UpgradeHandler>();

    public get isEmpty(): boolean {
        return this.handlers.size === 0;
    }

    public add(path: string, handler: UpgradeHandler): void {
        if (!path.startsWith('/') || /[?#]/.test(path)) {
            throw new ConfigError(`onUpgrade() needs a path such as '/live', and got [${path}].`);
        }
        if (this.handlers.has(path)) {
            throw new ConfigError(`onUpgrade('${path}', …) was called twice: one handler takes a path.`);
        }
        this.handlers.set(path, handler);
    }

    /** A request came that asks for an upgrade. Never throws or rejects. */
    public async accept(request: Request, socket: Duplex, head: Buffer, answers: UpgradeAnswers): Promise<void> {
        // Node.js has let go of the connection: an error that nobody hears would end the process.
        socket.on('error', () => socket.destroy());
        Object.setPrototypeOf(request, answers.app.request); // as Express does it: path, host, ip, secure
        request.originalUrl = request.url;
        const handler = this.handlers.get(request.path);
        if (!handler) {
            answers.decline(request, responseOn(socket, request, answers.app));
            return;
        }
        try {
            await handler(request, socket, head);
        } catch (error) {
            await answers.refuse(error, request, responseOn(socket, request, answers.app));
        }
    }
}

/** An ordinary answer on a connection that Node.js has given away; the connection ends with it. */
function responseOn(socket: Duplex, request: Request, app: Express): Response {
    const response = new ServerResponse(request) as Response;
    Object.setPrototypeOf(response, app.response);
    Object.assign(response, { locals: Object.create(null) });
    Object.assign(request, { res: response });
    response.shouldKeepAlive = false;
    response.assignSocket(socket as never);
    response.on('finish', () => {
        response.detachSocket(socket as never);
        socket.end();
        process.nextTick(() => response.emit('close')); // as Node.js does it: turns end by it
    });
    return response;
}
