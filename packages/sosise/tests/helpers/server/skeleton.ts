import { basename, dirname } from 'node:path';
import express from 'express';
import { loadManifest } from '../inside/Config.js';
import { HttpPipeline, HttpServer, HttpServiceProvider } from '../inside/Http.js';

import { ApplicationKernel, ServiceProvider } from '../inside/Kernel.js';
import { Logger } from '../inside/Logging.js';
import { SessionManager } from '../inside/Session/Opening.js';
import { exclusive, increment, SessionServiceProvider } from '../inside/Session.js';
import { deviceRoutes } from '../loginRoutes.js';
import { limitRoutes } from '../manyLogins.js';
import { addRoutes } from './routes.js';
import type { ServerOptions } from './ServerOptions.js';

export type Say = (line: object) => void;

/** Our application with the same controllers; what it logs is said line by line. Gives its port. */
export async function skeleton(options: ServerOptions, say: Say): Promise<number> {
    const { store, folder, redisPort, database, idleMs, secret, project, session } = options;

    class PromisesProvider extends ServiceProvider {
        public override register(): void {
            this.app.container.instance(Logger, talking(say));
        }

        public override boot(): void {
            const router = express.Router();
            addRoutes(router, { exclusive, increment, migrate: (request) => request.session.migrate() });
            limitRoutes(router);
            deviceRoutes(router);
            this.app.container.make(HttpPipeline).use('routes', router);
            this.app.container.make(SessionManager).extend('connect-pg-simple', async () => {
                const { PostgresTable } = await import('../postgres.js');
                const table = new PostgresTable(basename(dirname(folder)).replaceAll(/\W/g, '_'));
                return (await table.create()).open();
            });
        }
    }

    const app = new ApplicationKernel({
        environment: {
            root: dirname(folder),
            name: 'test',
            isProduction: false,
            isDevelopment: false,
            manifest: loadManifest(project),
            notices: [],
        },
        providers: [PromisesProvider, HttpServiceProvider, SessionServiceProvider],
        config: {
            app: {},
            http: { port: 0 },
            session: {
                enabled: true,
                driver: database ? 'database' : store,
                secret,
                idle: idleMs,
                drivers: {
                    file: { path: folder },
                    ...(redisPort > 0 && { redis: { port: redisPort } }),
                    ...(database && { database }),
                },
                ...session,
            },
        },
    });
    await app.boot();
    const { port } = await app.container.make(HttpServer).listen({ port: 0, host: '127.0.0.1' });
    return port;
}

/** Says the level, the message, the reason, and whatever an error's chain of causes says. */
function talking(say: Say): Logger {
    const write =
        (level: string) =>
        (message: string, { reason, error }: Record<string, unknown> = {}) => {
            say({ level, message, reason, causes: causesOf(error) });
        };
    const levels = ['debug', 'info', 'warning', 'error', 'critical'];
    return Object.fromEntries([
        ...levels.map((level) => [level, write(level)]),
        ['close', async () => undefined],
    ]) as unknown as Logger;
}

function causesOf(error: unknown): string[] {
    const causes: string[] = [];
    for (let cause = error; cause instanceof Error; cause = cause.cause) {
        causes.push(cause.message);
    }
    return causes;
}
