import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express, { type Router } from 'express';
import {
    ApplicationKernel,
    ExceptionHandler,
    HttpPipeline,
    HttpServer,
    HttpServiceProvider,
    Logger,
    type MiddlewareClass,
    middleware,
    ServiceProvider,
    type ServiceProviderClass,
} from 'sosise';
import { loadManifest } from './helpers/inside/Config.js';
import { STOCK } from './stock.js';

export interface LogLine {
    level: string;
    message: string;
    context: Record<string, unknown>;
}

/** A logger that keeps its lines. */
export class MemoryLogger extends Logger {
    public readonly lines: LogLine[] = [];
    private waiting: { pattern: RegExp; resolve: (line: LogLine) => void }[] = [];

    public constructor() {
        super({ level: 'debug', console: false });
        for (const level of ['debug', 'info', 'warning', 'error', 'critical'] as const) {
            this[level] = (message: string, context: Record<string, unknown> = {}) => {
                const line = { level, message, context };
                this.lines.push(line);
                for (const { pattern, resolve } of this.waiting) {
                    if (pattern.test(message)) {
                        resolve(line);
                    }
                }
            };
        }
    }

    /** The first line that matches, as soon as there is one. */
    public line(pattern: RegExp): Promise<LogLine> {
        const line = this.lines.find(({ message }) => pattern.test(message));
        return line ? Promise.resolve(line) : new Promise((resolve) => this.waiting.push({ pattern, resolve }));
    }
}

export interface HttpAppOptions {
    http?: Record<string, unknown>;
    environment?: string;
    routes?: (router: Router) => void;
    middlewares?: MiddlewareClass[];
    Handler?: new (app: ApplicationKernel) => ExceptionHandler;
    pipeline?: (pipeline: HttpPipeline) => void;
    /** Called with the folder that stands in for the project, before boot. */
    prepare?: (root: string) => void;
    providers?: ServiceProviderClass[];
}

export interface HttpApp {
    url: string;
    port: number;
    app: ApplicationKernel;
    server: HttpServer;
    log: MemoryLogger;
    close(): Promise<void>;
}

/** A kernel built by hand around the HTTP parts alone; not booted. */
export function httpKernel(options: HttpAppOptions = {}): { app: ApplicationKernel; log: MemoryLogger; root: string } {
    const root = join(tmpdir(), `sosise-http-${randomUUID()}`); // made only where a test puts something there
    if (options.prepare) {
        mkdirSync(root);
        options.prepare(root);
    }
    const name = options.environment ?? 'test';
    const manifest = loadManifest(STOCK);
    const log = new MemoryLogger();

    class AppServiceProvider extends ServiceProvider {
        public override register(): void {
            const { Handler } = options;
            this.app.container.instance(Logger, log);
            if (Handler) {
                this.app.container.singleton(ExceptionHandler, () => new Handler(this.app));
            }
        }

        public override boot(): void {
            const router = express.Router();
            options.routes?.(router);
            const pipeline = this.app.container.make(HttpPipeline);
            pipeline.use('middlewares', ...(options.middlewares ?? []).map(middleware)).use('routes', router);
            options.pipeline?.(pipeline);
        }
    }

    const app = new ApplicationKernel({
        environment: {
            root,
            name,
            isProduction: name === 'production',
            isDevelopment: name === 'development',
            manifest: { ...manifest, paths: { ...manifest.paths, public: join(root, 'public') } },
            notices: [],
        },
        providers: [HttpServiceProvider, AppServiceProvider, ...(options.providers ?? [])],
        config: {},
        overrides: { http: options.http ?? {} },
    });
    return { app, log, root };
}

/** The same, booted and listening on a free port. */
export async function httpApp(options: HttpAppOptions = {}): Promise<HttpApp> {
    const { app, log, root } = httpKernel(options);
    await app.boot();
    const server = app.container.make(HttpServer);
    const { port } = await server.listen({ port: 0, host: '127.0.0.1' });
    const close = async () => {
        await app.shutdown();
        rmSync(root, { recursive: true, force: true });
    };
    return { url: `http://127.0.0.1:${port}`, port, app, server, log, close };
}

/** A plain socket, for what fetch would never send. */
export class RawClient {
    public text = '';
    public readonly closed: Promise<string>;
    private readonly socket: Socket;
    private waiting: { pattern: RegExp; resolve: () => void }[] = [];

    public constructor(port: number) {
        this.socket = connect(port, '127.0.0.1');
        this.socket.setEncoding('utf8');
        this.socket.on('error', () => undefined);
        this.closed = new Promise((resolve) => this.socket.on('close', () => resolve(this.text)));
        this.socket.on('data', (chunk: string) => {
            this.text += chunk;
            for (const { pattern, resolve } of this.waiting) {
                if (pattern.test(this.text)) {
                    resolve();
                }
            }
        });
    }

    public send(text: string): this {
        this.socket.write(text);
        return this;
    }

    public get(path: string): this {
        return this.send(`GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`);
    }

    /** Resolves with everything received when it matches. */
    public async received(pattern: RegExp): Promise<string> {
        if (!pattern.test(this.text)) {
            await new Promise<void>((resolve) => this.waiting.push({ pattern, resolve }));
        }
        return this.text;
    }

    public pause(): void {
        this.socket.pause();
    }

    public resume(): void {
        this.socket.resume();
    }

    public destroy(): void {
        this.socket.destroy();
    }
}
