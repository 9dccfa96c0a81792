import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Express, Response } from 'express';
import { LifecycleError } from '../Exceptions/errors.js';
import type { ApplicationKernel } from '../Kernel/ApplicationKernel.js';
import { Logger } from '../Logging/Logger.js';
import { http } from '../Support/http.js';
import { ConnectionBurst } from './ConnectionBurst.js';
import { Connections } from './Connections.js';
import { answerClientError, destroyedBy, isOfClient } from './clientError.js';
import { ExceptionHandler } from './Errors/ExceptionHandler.js';
import { readyPrototypes } from './Fast/readyPrototypes.js';
import type { HttpConfig } from './HttpConfig.js';
import { HttpPipeline } from './HttpPipeline.js';
import { hearErrors } from './hearErrors.js';
import { ListenError } from './ListenError.js';
import { originForm } from './originForm.js';
import { Readiness } from './Readiness.js';
import { ResponseTimeout } from './ResponseTimeout.js';
import { removeAbandoned } from './removeAbandoned.js';
import { type UpgradeHandler, Upgrades } from './Upgrades.js';

export interface ListenOptions {
    /** 0 takes any free port; a text is the path of a socket or pipe. Default: `port` in src/config/http.ts. */
    port?: number | string;
    /** Default: `host` in src/config/http.ts. */
    host?: string;
}

/**
 * Connections that the system holds until this process accepts them. Node's 511 fill up in a burst, and a browser whose
 * connection was dropped tries again after a second. Linux takes no more than `net.core.somaxconn`.
 */
const BACKLOG = 4_096;

/** Listens, hands requests to the pipeline, and stops without losing those in flight. */
export class HttpServer {
    private readonly config: HttpConfig;
    private readonly connections = new Connections();
    private readonly responseTimeout: ResponseTimeout;
    private readonly upgrades = new Upgrades();
    private readonly attachments: ((server: Server) => void)[] = [];
    private readonly ending = new AbortController();
    private server?: Server;
    private listening?: Promise<AddressInfo>;
    private closing?: Promise<void>;

    public constructor(private readonly app: ApplicationKernel) {
        this.config = app.config.get<HttpConfig>('http');
        this.responseTimeout = new ResponseTimeout(this.config.answerTimeoutMs, this.connections, () =>
            app.container.make(ExceptionHandler),
        );
    }

    /** The pipeline as one Express application, without a port: made when it is first asked for. */
    public get handler(): Express {
        return this.app.container.make(HttpPipeline).compose();
    }

    /** Aborts when the server begins to stop: for streams and sockets, which nobody else would end. */
    public get stopping(): AbortSignal {
        return this.ending.signal;
    }

    /**
     * Hands requests for a path over that ask for an upgrade, as WebSockets do. They pass no stage of the pipeline; what the
     * handler throws is answered as a route's errors are. For `boot()` of a provider.
     */
    public onUpgrade(path: string, handler: UpgradeHandler): this {
        if (this.server) {
            throw new LifecycleError(
                `The server listens already: call onUpgrade('${path}', …) in a provider's boot().`,
            );
        }
        this.upgrades.add(path, handler);
        return this;
    }

    /**
     * Hands Node.js's own server to what attaches itself to it, as Socket.IO does, before it listens. What is attached sees
     * requests first; those it takes pass no stage of the pipeline. For `boot()` of a provider.
     */
    public attach(to: (server: Server) => void): this {
        if (this.server) {
            throw new LifecycleError("The server listens already: call attach(…) in a provider's boot().");
        }
        this.attachments.push(to);
        return this;
    }

    /**
     * Begins to accept requests; a second call gives the same address (of a socket its path, with port 0). Throws a
     * ListenError that names the fix.
     */
    public listen(options: ListenOptions = {}): Promise<AddressInfo> {
        if (!this.listening) {
            this.listening = this.open(options);
            this.listening.catch(() => {
                this.listening = undefined; // may be tried again, on another port
            });
        }
        return this.listening;
    }

    /**
     * Stops accepting, drops idle connections, and waits for requests in flight for at most `shutdownTimeoutMs`;
     * what is left then is cut. A second call waits for the first.
     */
    public close(): Promise<void> {
        this.closing ??= this.server ? this.stop(this.server) : this.stopLater();
        return this.closing;
    }

    private async open({ port = this.config.port, host = this.config.host }: ListenOptions): Promise<AddressInfo> {
        if (this.closing) {
            throw new LifecycleError('The server was closed: make a new application to listen again.');
        }
        const server = this.create(this.handler);
        const bind = () =>
            new Promise<void>((resolve, reject) => {
                server.once('error', (error: NodeJS.ErrnoException) => reject(new ListenError(error, port, host)));
                server.listen(
                    { ...(typeof port === 'string' ? { path: port } : { port, host }), backlog: BACKLOG },
                    resolve,
                );
            });
        await bind().catch(async (error: ListenError) => {
            if (typeof port !== 'string' || !(await removeAbandoned(port))) {
                throw error;
            }
            await bind();
        });
        server.removeAllListeners('error');
        server.on('error', (error) => this.app.container.make(Logger).error('The server has a problem.', { error }));
        this.server = server;
        this.responseTimeout.start();
        const address = server.address();
        return typeof address === 'object' && address ? address : { address: String(address), family: 'path', port: 0 };
    }

    private create(handler: Express): Server {
        const { headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs } = this.config;
        const handle = (request: IncomingMessage, response: ServerResponse): void => {
            this.connections.requested(response);
            request.url = originForm(request.url ?? '/');
            handler(request, response);
        };
        const burst = new ConnectionBurst();
        const accept = (request: IncomingMessage, response: ServerResponse): void => {
            if (burst.holds) {
                burst.hold(response, () => handle(request, response));
            } else {
                handle(request, response);
            }
        };
        const options = {
            ...readyPrototypes(handler),
            headersTimeout: headersTimeoutMs,
            requestTimeout: requestTimeoutMs,
            keepAliveTimeout: keepAliveTimeoutMs,
            // How often Node looks for requests over their time; its own 30 s would let short limits run over.
            connectionsCheckingInterval: Math.max(50, Math.min(10_000, Math.ceil(headersTimeoutMs / 4))),
            requireHostHeader: false, // properRequest() refuses these requests, with our headers and in the log
        };
        const server = http
            .createServer(options, accept)
            .on('connection', (socket) => {
                burst.add();
                this.connections.connected(socket);
            })
            .on('clientError', (error, socket) => {
                const response = destroyedBy(error, socket as Socket, this.connections) as Response | undefined;
                if (response) {
                    void this.app.container.make(ExceptionHandler).handle(error, response.req, response);
                }
                void answerClientError(error, socket as Socket, this.connections);
            });
        const { isShared } = this.handTo(server, handler);
        if (!this.upgrades.isEmpty) {
            const hear = hearErrors(this.app);
            // Who listens for this gets all such requests: without need, Node.js had better answer them.
            server.on('upgrade', (request, socket, head) => {
                if (isShared && !this.upgrades.takes(request)) {
                    return; // what is attached may have taken it
                }
                void this.upgrades.accept(request, socket, head, {
                    app: handler,
                    answered: (on) => this.connections.answered(on as Socket),
                    decline: (on) => void server.emit('connection', on),
                    answer: accept,
                    refuse: (error, declined, response) => {
                        hear(response);
                        return this.app.container.make(ExceptionHandler).handle(error, declined, response);
                    },
                    broke: (error, taken) => {
                        if (!isOfClient(error)) {
                            this.app.container.make(ExceptionHandler).tell(error, taken);
                        }
                    },
                });
            });
        }
        return server;
    }

    /** Attaches what wants the server itself. `isShared`: it takes upgrades. */
    private handTo(server: Server, { request: prototype }: Express): { isShared: boolean } {
        for (const attach of this.attachments) {
            attach(server);
        }
        const isShared = server.listenerCount('upgrade') > 0;
        // First of all, so that what is attached may ask for the session of a request that it takes.
        const prepare = (message: IncomingMessage) => Object.setPrototypeOf(message, prototype);
        if (this.attachments.length > 0) {
            server.prependListener('request', prepare);
        }
        if (isShared) {
            server.prependListener('upgrade', prepare);
        }
        return { isShared };
    }

    /** A listen() under way is finished first. */
    private async stopLater(): Promise<void> {
        await this.listening?.catch(() => undefined);
        if (this.server) {
            await this.stop(this.server);
        }
    }

    private async stop(server: Server): Promise<void> {
        this.app.container.make(Readiness).stop();
        // Load balancers ask /ready now and then: until they know, this server goes on serving.
        if (this.config.stopDelayMs > 0) {
            await sleep(this.config.stopDelayMs);
        }
        // Not http's own close(): it also cuts connections whose answer is complete but not yet sent in full.
        this.ending.abort();
        const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
        await this.connections.drain();
        if (this.app.environment.isDevelopment) {
            this.connections.cutEventStreams(); // whoever has saved a file waits for the next run
        }
        const bound = setTimeout(() => this.cut(), this.config.shutdownTimeoutMs);
        await closed;
        clearTimeout(bound);
        this.responseTimeout.stop();
        server.close(); // nothing is left to cut: this ends the timer that looks for slow requests
    }

    private cut(): void {
        const { size } = this.connections;
        const cut = size === 1 ? '1 connection was' : `${size} connections were`;
        this.app.container
            .make(Logger)
            .warning(`${cut} cut, whose requests did not finish within shutdownTimeoutMs (src/config/http.ts).`);
        this.connections.destroy();
    }
}
