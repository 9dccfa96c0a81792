import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import express, { type NextFunction, type Request, type Response } from 'express';
import {
    ApplicationKernel,
    HttpPipeline,
    HttpServer,
    HttpServiceProvider,
    Logger,
    ServiceProvider,
    SessionServiceProvider,
} from 'sosise';
import { loadManifest } from '../helpers/inside/Config.js';
import { called, traceCalls } from './recorder.js';
import type { Call } from './traceRequests.js';

/*
 * The traced application: sessions in files, a route that reads and one that changes. It makes one request of each kind with a
 * session that is a few requests old, and writes the calls of each as JSON. `node --import ./recorder.js server.js PROJECT`.
 */
const root = mkdtempSync(join(tmpdir(), 'sosise-trace-'));
const project = loadManifest(process.argv[2] as string);

class Routes extends ServiceProvider {
    public override register(): void {
        const levels = ['debug', 'info', 'warning', 'error', 'critical', 'close'];
        const logger = Object.fromEntries(levels.map((level) => [level, (message: string) => console.error(message)]));
        this.app.container.instance(Logger, logger as unknown as Logger);
    }

    public override boot(): void {
        const router = express.Router();
        router.get('/read', (request, response) => response.json(request.session['count'] ?? null));
        router.post('/change', (request, response) => {
            request.session['count'] = Number(request.session['count'] ?? 0) + 1;
            response.json(request.session['count']);
        });
        this.app.container
            .make(HttpPipeline)
            .before('session', (_request: Request, response: Response, next: NextFunction) => {
                traceCalls(true);
                response.once('finish', () => {
                    traceCalls(false);
                });
                next();
            })
            .use('routes', router);
    }
}

const app = new ApplicationKernel({
    environment: {
        root,
        name: 'production',
        isProduction: true,
        isDevelopment: false,
        manifest: {
            ...project,
            paths: { ...project.paths, sessions: join(root, 'sessions'), logs: join(root, 'logs') },
        },
        notices: [],
    },
    providers: [HttpServiceProvider, SessionServiceProvider, Routes],
    config: {
        app: {},
        http: { port: 0 },
        session: {
            enabled: true,
            driver: 'file',
            secret: 'Trace7kQ2vX9mZ4rT8wN3pL6sB1dF5hJ0',
            cookie: { secure: false },
        },
    },
});
await app.boot();
const server = app.container.make(HttpServer);
const { port } = await server.listen({ port: 0, host: '127.0.0.1' });

let cookie = '';
async function callsOf(method: 'GET' | 'POST', path: string): Promise<Call[]> {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers: { cookie } });
    await answer.text();
    cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? cookie;
    return called.splice(0);
}

for (let requests = 0; requests < 4; requests += 1) {
    await callsOf('POST', '/change'); // the caches are warm, as they are for nearly all requests
    await callsOf('GET', '/read');
}
/** A timer of the process may be due while a request runs, the more so on a busy machine: that is none of its own. */
const shortest = (tries: readonly Call[][]) => tries.reduce((one, other) => (other.length < one.length ? other : one));
const reads: Call[][] = [];
const changes: Call[][] = [];
for (let tries = 0; tries < 5; tries += 1) {
    await sleep(100); // so old, a file is known to be unchanged by its times alone, once it was looked at
    await callsOf('GET', '/read');
    reads.push(await callsOf('GET', '/read'));
    changes.push(await callsOf('POST', '/change'));
}
const [read, change] = [shortest(reads), shortest(changes)];
process.stdout.write(JSON.stringify({ read, change }));
await server.close();
await app.shutdown();
rmSync(root, { recursive: true, force: true });
