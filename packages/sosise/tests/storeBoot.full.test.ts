import { describe, expect, test } from 'vitest';
import { ConsoleProject, type Ran } from './consoleProject.js';
import { freePort } from './helpers/redis.js';
import { productionPackages } from './stock.js';

describe.each([
    {
        driver: 'redis',
        optionsAt: (port: number) => `port: ${port}, password: 'Geheim7kQ2vX9'`,
        host: 'localhost',
        server: 'Redis',
        packages: 'connect-redis redis',
    },
    {
        driver: 'database',
        optionsAt: (port: number) => `url: 'postgres://shop:Geheim7kQ2vX9@127.0.0.1:${port}/shop'`,
        host: '127.0.0.1',
        server: 'PostgreSQL',
        packages: 'pg',
    },
])('an application whose sessions are in $server', ({ driver, optionsAt, host, server, packages }) => {
    /** Starts the server of a copy, and waits for its end. */
    const start = (project: ConsoleProject, port: number): Promise<Ran> => {
        project.put(
            'src/config/session.ts',
            project
                .get('src/config/session.ts')
                .replace('enabled: false', 'enabled: true')
                .replace("driver: 'file'", `driver: '${driver}'`)
                .replace('file: {},', `${driver}: { ${optionsAt(port)}, connectTimeoutMs: 700 },`),
        );
        return project.run(process.execPath, '--import', 'tsx', 'src/server.ts');
    };

    test('waits for it, says one sentence, and ends with 1, without its server', async () => {
        const port = await freePort();
        const { code, output, errors } = await start(new ConsoleProject(), port);
        expect(code).toBe(1);
        expect(errors).toBe(
            `[E_CONFIG_INVALID] Session driver [${driver}]: ${host}:${port} did not answer within 700 ms (ECONNREFUSED): start ${server}, or correct drivers.${driver} in src/config/session.ts.\n`,
        );
        expect(output).not.toContain('is running');
    });

    test('says how they are installed, without its packages', async () => {
        const { code, errors } = await start(new ConsoleProject([...productionPackages, 'tsx']), await freePort());
        expect(code).toBe(1);
        expect(errors).toBe(
            `[E_PACKAGE_MISSING] Session driver [${driver}] needs packages that are not installed: npm install ${packages} --save-prod\n`,
        );
    });
});
