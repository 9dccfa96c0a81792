import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApplication } from '../../src/bootstrap/app.js';
import { type ApplicationKernel, type ConfigOverrides, HttpServer } from '../../src/framework/index.js';

export interface TestApp {
    /** `http://127.0.0.1:…`, without a slash at the end. */
    readonly url: string;
    readonly app: ApplicationKernel;
    /** The folder that stands in for `storage`, removed by `close()`. */
    readonly storage: string;
    /** Stops the server and the application. */
    close(): Promise<void>;
}

/**
 * Your whole application on a free port, with storage of its own; only errors are logged, to the console:
 * `const { url, close } = await createTestApp({ session: { enabled: true } });`
 */
export async function createTestApp(overrides: ConfigOverrides = {}): Promise<TestApp> {
    const storage = await mkdtemp(join(tmpdir(), 'sosise-test-'));
    const { session, logging } = overrides;
    const file = { path: join(storage, 'sessions'), ...session?.drivers?.file };
    const app = await createApplication({
        ...overrides,
        logging: { console: 'readable', level: 'error', files: { enabled: false }, ...logging },
        session: { ...session, drivers: { ...session?.drivers, file } },
    });
    const close = async () => {
        await app.shutdown();
        await rm(storage, { recursive: true, force: true });
    };
    try {
        await app.boot();
        const { port } = await app.container.make(HttpServer).listen({ port: 0, host: '127.0.0.1' });
        return { url: `http://127.0.0.1:${port}`, app, storage, close };
    } catch (error) {
        await close().catch(() => undefined);
        throw error;
    }
}
