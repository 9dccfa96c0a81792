import { realpathSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ConsoleProject, type Ran } from './consoleProject.js';
import { freePort } from './helpers/redis.js';
import { productionPackages } from './stock.js';

const _root = realpathSync(new URL('../../..', import.meta.url));

/** Starts the server of a copy whose sessions are in Redis, and waits for its end. */
function start(project: ConsoleProject, port: number): Promise<Ran> {
    const config = project.get('src/config/session.ts');
    project.put(
        'src/config/session.ts',
        config
            .replace('enabled: false', 'enabled: true')
            .replace("driver: 'file'", "driver: 'redis'")
            .replace('file: {},', `redis: { port: ${port}, password: 'Geheim7kQ2vX9', connectTimeoutMs: 700 },`),
    );
    return project.run(process.execPath, '--import', 'tsx', 'src/server.ts');
}

test('without its server, the application waits for it, says one sentence, and ends with 1', async () => {
    const port = await freePort();
    const { code, output, errors } = await start(new ConsoleProject(), port);
    expect(code).toBe(1);
    expect(errors).toBe(
        `[E_CONFIG_INVALID] Session driver [redis]: localhost:${port} did not answer within 700 ms (ECONNREFUSED): start Redis, or correct drivers.redis in src/config/session.ts.\n`,
    );
    expect(output).not.toContain('is running');
});

test('without its packages, it says how they are installed', async () => {
    const { code, errors } = await start(new ConsoleProject([...productionPackages, 'tsx']), await freePort());
    expect(code).toBe(1);
    expect(errors).toBe(
        '[E_PACKAGE_MISSING] Session driver [redis] needs packages that are not installed: npm install connect-redis redis --save-prod\n',
    );
});
