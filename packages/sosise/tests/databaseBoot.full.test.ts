import { expect, test } from 'vitest';
import { ConsoleProject, type Ran } from './consoleProject.js';
import { freePort } from './helpers/redis.js';
import { productionPackages } from './stock.js';

/** Starts the server of a copy whose sessions are in PostgreSQL, and waits for its end. */
function start(project: ConsoleProject, port: number): Promise<Ran> {
    const url = `postgres://shop:Geheim7kQ2vX9@127.0.0.1:${port}/shop`;
    project.put(
        'src/config/session.ts',
        project
            .get('src/config/session.ts')
            .replace('enabled: false', 'enabled: true')
            .replace("driver: 'file'", "driver: 'database'")
            .replace('file: {},', `database: { url: '${url}', connectTimeoutMs: 700 },`),
    );
    return project.run(process.execPath, '--import', 'tsx', 'src/server.ts');
}

test('without its server, the application waits for it, says one sentence, and ends with 1', async () => {
    const port = await freePort();
    const { code, output, errors } = await start(new ConsoleProject(), port);
    expect(code).toBe(1);
    expect(errors).toBe(
        `[E_CONFIG_INVALID] Session driver [database]: 127.0.0.1:${port} did not answer within 700 ms (ECONNREFUSED): start PostgreSQL, or correct drivers.database in src/config/session.ts.\n`,
    );
    expect(output).not.toContain('is running');
});

test('without its package, it says how it is installed', async () => {
    const { code, errors } = await start(new ConsoleProject([...productionPackages, 'tsx']), await freePort());
    expect(code).toBe(1);
    expect(errors).toBe(
        '[E_PACKAGE_MISSING] Session driver [database] needs packages that are not installed: npm install pg --save-prod\n',
    );
});
