import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { type Express, type Router } from 'express';
import { onTestFinished } from 'vitest';
import { Browser } from './Browser.js';
import { type ConfigFiles, type Environment, loadManifest } from './inside/Config.js';
import { HttpPipeline, HttpServer, HttpServiceProvider } from './inside/Http.js';
import { ApplicationKernel, ServiceProvider, type ServiceProviderClass } from './inside/Kernel.js';
import { Logger, LoggingServiceProvider } from './inside/Logging.js';
import { SessionManager } from './inside/Session/Opening.js';
import { SessionServiceProvider } from './inside/Session.js';
import type { ClientOptions, TestClient } from './inside/Testing.js';
import { readyForClients } from './inside/Testing.js';

export interface LogLine {
    level: string;
    message: string;
    context: Record<string, unknown>;
}

export interface SessionAppOptions {
    /** Laid over `enabled: true`, a secret, and the driver. */
    session?: Record<string, unknown>;
    http?: Record<string, unknown>;
    /** The log is written to `storage/logs` as this says, without the console; `log` of the application stays empty. */
    logging?: Record<string, unknown>;
    environment?: 'test' | 'production' | 'development';
    /** Where the application keeps its files; a temporary folder unless given. */
    root?: string;
    routes?(router: Router): void;
    /** Behind the others, such as DevToolsServiceProvider. */
    providers?: ServiceProviderClass[];
    /** Runs with the others' boot(), for extend() and pipeline changes. */
    boot?(app: ApplicationKernel): void;
}

export interface SessionApp {
    readonly app: ApplicationKernel;
    readonly root: string;
    readonly folder: string;
    readonly url: string;
    readonly log: LogLine[];
    browser(): Browser;
    /** The visitor of docs/testing.md. */
    client(options?: ClientOptions): TestClient;
    close(): Promise<void>;
    handler: Express;
}

export const SECRET = 'Test7kQ2vX9mZ4rT8wN3pL6sB1dF5hJ0';

/** A real application with real sessions on a free port; gone when the test ends. */
export async function sessionApp(options: SessionAppOptions = {}): Promise<SessionApp> {
    const kernel = createKernel(options);
    const { app, log, root } = kernel;
    await app.boot();
    const clientsAt = readyForClients(app);
    const server = app.container.make(HttpServer);
    const { port } = await server.listen({ port: 0, host: '127.0.0.1' });
    const url = `http://127.0.0.1:${port}`;
    const close = async () => {
        await server.close();
        await app.shutdown();
    };
    onTestFinished(close);
    return {
        app,
        root,
        log,
        url,
        close,
        folder: app.environment.manifest.paths.sessions,
        browser: () => new Browser(url),
        client: clientsAt(port),
        handler: server.handler,
    };
}

/** The same application, not booted yet. */
export function createKernel(options: SessionAppOptions = {}): {
    app: ApplicationKernel;
    log: LogLine[];
    root: string;
} {
    const log: LogLine[] = [];
    const root = options.root ?? temporaryFolder();

    class TestProvider extends ServiceProvider {
        public override register(): void {
            if (!options.logging) {
                this.app.container.instance(Logger, recorder(log));
            }
        }

        public override boot(): void {
            const router = express.Router();
            options.routes?.(router);
            this.app.container.make(HttpPipeline).use('routes', router);
            options.boot?.(this.app);
        }
    }

    const config: ConfigFiles = {
        app: {},
        http: { port: 0, ...options.http },
        session: { enabled: true, secret: SECRET, name: 'sosise', ...options.session },
        ...(options.logging && { logging: { console: false, ...options.logging } }),
    };
    const logging = options.logging ? [LoggingServiceProvider] : [];
    const app = new ApplicationKernel({
        environment: environmentAt(root, options.environment ?? 'test'),
        providers: [
            ...logging,
            TestProvider,
            HttpServiceProvider,
            SessionServiceProvider,
            ...(options.providers ?? []),
        ],
        config,
    });
    return { app, log, root };
}

export function temporaryFolder(): string {
    const folder = mkdtempSync(join(tmpdir(), 'sosise-test-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    return folder;
}

export { SessionManager };

function environmentAt(root: string, name: string): Environment {
    const project = loadManifest(fileURLToPath(new URL('../stock', import.meta.url)));
    const manifest = {
        ...project,
        paths: {
            ...project.paths,
            storage: join(root, 'storage'),
            logs: join(root, 'storage/logs'),
            sessions: join(root, 'storage/sessions'),
            public: join(root, 'public'),
        },
    };
    return {
        root,
        name,
        isProduction: name === 'production',
        isDevelopment: name === 'development',
        manifest,
        notices: [],
    };
}

function recorder(lines: LogLine[]): Logger {
    const write =
        (level: string) =>
        (message: string, context: Record<string, unknown> = {}) => {
            lines.push({ level, message, context });
        };
    const levels = ['debug', 'info', 'warning', 'error', 'critical'];
    return Object.fromEntries([
        ...levels.map((level) => [level, write(level)]),
        ['close', async () => undefined],
    ]) as unknown as Logger;
}
