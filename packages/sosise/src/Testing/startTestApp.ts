import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Router } from 'express';
import type { ConfigOverrides } from '../ConfigOverrides.js';
import { HttpPipeline } from '../Http/HttpPipeline.js';
import { HttpServer } from '../Http/HttpServer.js';
import type { ApplicationKernel } from '../Kernel/ApplicationKernel.js';
import { InsideRequests } from './InsideRequests.js';
import { type CreateApplication, type OwnStorage, ownStorage } from './ownStorage.js';
import { StoredSessions } from './StoredSessions.js';
import { type ClientOptions, TestClient } from './TestClient.js';
import { travel, travelBack, whenTestFinished } from './travel.js';

export interface TestApp {
    /** `http://127.0.0.1:…`, without a slash at the end. */
    readonly url: string;
    readonly app: ApplicationKernel;
    /** The folder that stands in for `storage`, removed by `close()`. */
    readonly storage: string;
    /** A new visitor, with a browser of its own. */
    client(options?: ClientOptions): TestClient;
    /**
     * Lets time pass at once: `'3 hours'`, or ms. Sessions and cookies expire by it. The clock is set right when the test
     * is over.
     */
    travel(time: string | number): void;
    /** Stops the server and the application. */
    close(): Promise<void>;
}

export interface TestAppOptions {
    /** Routes for the test, ahead of the application's own. */
    routes?(router: Router): unknown;
    /** Runs when every provider has booted, before the first request: `app.container.instance(Mailer, fake)`. */
    booted?(app: ApplicationKernel): unknown;
}

/** What createTestApp does, for any application. */
export async function startTestApp(
    createApplication: CreateApplication,
    overrides: ConfigOverrides,
    options: TestAppOptions,
): Promise<TestApp> {
    const storage = await mkdtemp(join(tmpdir(), 'sosise-test-'));
    let app: ApplicationKernel | undefined;
    let own: OwnStorage | undefined;
    const close = async () => {
        travelBack();
        await app?.shutdown();
        await own?.remove();
        await rm(storage, { recursive: true, force: true });
    };
    try {
        own = await ownStorage(createApplication, storage, overrides);
        app = inFolder(await createApplication(own.overrides), storage);
        const made = { app, storage, close, ...(await start(app, options)) };
        whenTestFinished(close);
        return made;
    } catch (error) {
        await close().catch(() => undefined);
        throw error;
    }
}

/** `app.path('storage')` leads there, too. Nothing has asked for a path before it boots. */
function inFolder(app: ApplicationKernel, storage: string): ApplicationKernel {
    const { environment } = app;
    const { manifest } = environment;
    const own = { storage, logs: join(storage, 'logs'), sessions: join(storage, 'sessions') };
    const paths = Object.freeze({ ...manifest.paths, ...own });
    return Object.assign(app, {
        environment: Object.freeze({ ...environment, manifest: Object.freeze({ ...manifest, paths }) }),
    });
}

async function start(app: ApplicationKernel, { routes, booted }: TestAppOptions) {
    await app.boot();
    const clientsAt = readyForClients(app);
    if (routes) {
        const router = Router();
        await routes(router);
        app.container.make(HttpPipeline).before('routes', router);
    }
    await booted?.(app);
    const { port } = await app.container.make(HttpServer).listen({ port: 0, host: '127.0.0.1' });
    return { url: `http://127.0.0.1:${port}`, client: clientsAt(port), travel };
}

/** Readies an application that has booted and does not listen yet. Gives what makes clients, once its port is known. */
export function readyForClients(app: ApplicationKernel): (port: number) => (options?: ClientOptions) => TestClient {
    const [inside, sessions] = [new InsideRequests(), new StoredSessions(app)];
    app.container.make(HttpPipeline).use('session', inside.handler);
    return (port) => (options) => new TestClient({ port, inside, sessions }, options);
}
