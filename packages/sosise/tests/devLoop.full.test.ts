import { mkdirSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFailed, onTestFinished, test, vi } from 'vitest';
import { DevServer } from './DevServer.js';
import { CopiedApp } from './docs/CopiedApp.js';
import { Browser } from './helpers/Browser.js';
import type { Installed } from './stock.js';

const root = realpathSync(new URL('../../..', import.meta.url));
const CONTROLLER = 'src/app/Http/Controllers/IndexController.ts';
const TEXT = 'Sosise Skeleton is running';
const ENV = `SESSION_SECRET=${'0123456789abcdef'.repeat(2)}\n# LOG_LEVEL=debug\n`;
const ENDED = /The application ended \(1\)/;

/** Counts visits, and answers as slowly as it is asked to, with the count as it was before. */
const VISITS = `import { setTimeout as sleep } from 'node:timers/promises';
import { Request, Response, Router } from 'express';
import { increment } from 'sosise';

const router = Router();

router.get('/', async (request: Request, response: Response) => {
    const visits = increment(request, 'visits');
    console.log('visit begun');
    await sleep(Number(request.query['wait'] ?? 0));
    response.json({ visits });
});

export default router;
`;

interface Project extends Record<'folder', string> {
    server: DevServer;
}

async function develop(
    change: (copied: CopiedApp) => void = () => {},
    { listenPort, ...installed }: Installed & { listenPort?: string } = {},
): Promise<Project> {
    const copied = new CopiedApp(root, installed);
    onTestFinished(() => copied.remove());
    change(copied);
    const server = await DevServer.start(copied.folder, listenPort);
    onTestFinished(() => server.stop());
    onTestFailed(() => console.error(server.output));
    return { server, folder: copied.folder };
}

const withVisits = (driver: string) => (copied: CopiedApp) => {
    copied.write('src/routes/api.ts', VISITS);
    copied.write(
        'src/config/session.ts',
        `import { defineSessionConfig, env } from 'sosise';
export default defineSessionConfig({ enabled: true, driver: '${driver}', secret: env.string('SESSION_SECRET') });
`,
    );
};

const messageOf = async (server: DevServer) =>
    ((await (await fetch(server.url)).json()) as { message: string }).message;

test('a save of a controller, a new file, the framework or .env: the next answer has it', async () => {
    const { server, folder } = await develop(undefined, { ownFramework: true });
    expect(await messageOf(server)).toBe(TEXT);
    expect(server.output).toContain('.env was made from .env.example');
    expect(server.output, 'the .env that the first start makes').not.toContain('restarting');

    expect(await server.reloaded(() => server.save(CONTROLLER, TEXT, 'Hello'))).toContain(`${CONTROLLER} changed`);
    expect(await messageOf(server)).toBe('Hello');

    await server.reloaded(() => {
        mkdirSync(join(folder, 'src/app/Texts'));
        writeFileSync(join(folder, 'src/app/Texts/hello.ts'), "export default 'From a new folder';\n");
    });
    await server.reloaded(() => {
        server.save(CONTROLLER, "'Hello'", 'hello');
        server.save(CONTROLLER, 'import', "import hello from '../../Texts/hello.js';\nimport");
    });
    expect(await messageOf(server)).toBe('From a new folder');
    await server.reloaded(() => server.save('src/app/Texts/hello.ts', 'From', 'Saved in'));
    expect(await messageOf(server)).toBe('Saved in a new folder');

    await server.reloaded(() => server.save('packages/sosise/src/Http/banner.ts', 'is running', 'is up'));
    expect(server.output.match(/ is up\n/g)).toHaveLength(1);

    expect(await server.reloaded(() => server.save('.env', '# LOG_LEVEL=', 'LOG_LEVEL='))).toMatch(/^\n\.env changed/);
    expect(await server.reloaded(() => server.press('Enter'))).toContain('Enter: restarting');

    const said = await server.reloaded(() => rmSync(join(folder, 'src/app/Texts'), { recursive: true }), ENDED);
    expect(said).toMatch(/src\/app\/Texts.*changed[\s\S]*hello\.js/);
});

describe('a mistake shows in the terminal, with its place, and the save that fixes it starts the application', () => {
    let copied: CopiedApp;
    let server: DevServer;

    beforeAll(async () => {
        copied = new CopiedApp(root);
        copied.write('.env', ENV);
        server = await DevServer.start(copied.folder);
    });

    afterAll(async () => {
        await server.stop();
        await copied.remove();
    });

    test.each<[string, string, string, string, RegExp]>([
        [
            'a syntax error',
            CONTROLLER,
            'const json',
            'const const json',
            /IndexController\.ts:7:15: .*"const"\n\n +7 \| .*const const json.*\n +\| +\^\n/,
        ],
        [
            'a file that is not there',
            CONTROLLER,
            "'sosise'",
            "'./Missing.js'",
            /\nsrc\/app\/Http\/Controllers\/IndexController\.ts imports \.\/Missing\.js, and there is no such file: correct the path\.\n/,
        ],
        [
            'a misspelt file',
            CONTROLLER,
            "'sosise'",
            "'../Middlewares/Kernl.js'",
            /IndexController\.ts imports \.\.\/Middlewares\/Kernl\.js, and .*: did you mean \.\.\/Middlewares\/Kernel\.js\?\n/,
        ],
        [
            'a name that is not exported',
            CONTROLLER,
            'import {',
            "import { actoin } from 'sosise';\nconsole.log(actoin);\nimport {",
            /\nsrc\/app\/Http\/Controllers\/IndexController\.ts:1: .* does not provide an export named 'actoin': correct the import\.\n/,
        ],
        [
            'a default that is not exported',
            CONTROLLER,
            'import {',
            "import action from 'sosise';\nconsole.log(action);\nimport {",
            /IndexController\.ts:1: .* does not provide an export named 'default': correct the import\.\n/,
        ],
        [
            'a package that is not installed',
            CONTROLLER,
            'import {',
            "import x from '@shop/none/sub';\nconsole.log(x);\nimport {",
            /\nsrc\/app\/Http\/Controllers\/IndexController\.ts needs @shop\/none, which is not installed: npm install --save-prod @shop\/none\n/,
        ],
        [
            'a misspelt package',
            CONTROLLER,
            'import {',
            "import express from 'expresss';\nconsole.log(express);\nimport {",
            /needs expresss, which is not installed: did you mean express\? Otherwise npm install --save-prod expresss\n/,
        ],
        [
            'a part of a package that it does not export',
            CONTROLLER,
            'import {',
            "import x from 'commander/nope';\nconsole.log(x);\nimport {",
            /\nPackage subpath '\.\/nope' is not defined by "exports" in .*IndexController\.ts: correct the import\.\n/,
        ],
        [
            'a package that is required',
            CONTROLLER,
            'import {',
            "import { createRequire } from 'node:module';\ncreateRequire(import.meta.url)('none');\nimport {",
            /\nsrc\/.*IndexController\.ts needs none, which is not installed: npm install --save-prod none\n/,
        ],
        [
            'a name of package.json that it has not',
            CONTROLLER,
            'import {',
            "import x from '#none';\nconsole.log(x);\nimport {",
            /"#none" is not defined .*IndexController\.ts: correct the import\.\n/,
        ],
        [
            'an address',
            CONTROLLER,
            'import {',
            "import x from 'https://example.com/x.js';\nconsole.log(x);\nimport {",
            /Received protocol 'https:': correct the import\.\n/,
        ],
        [
            'a wrong config',
            'src/config/session.ts',
            "driver: 'file'",
            'driver: 7',
            /src\/config\/session\.ts[\s\S]*driver/,
        ],
        [
            'a throw at start',
            'src/app/Providers/AppServiceProvider.ts',
            'boot(): void {',
            "boot(): void {\n        throw new Error('no boot today');",
            /no boot today[\s\S]*AppServiceProvider\.ts:\d+/,
        ],
        ['a wrong .env', '.env', '# LOG_LEVEL=debug', 'LOG_LEVEL=loud', /(LOG_LEVEL|level)[\s\S]*loud/],
    ])('%s', async (_what, file, right, wrong, shown) => {
        const said = await server.reloaded(() => server.save(file, right, wrong), ENDED);
        expect(said).toMatch(shown);
        expect(said).toContain('The next save restarts it.');
        expect(said, 'of the loader').not.toMatch(/esbuild|tsx|node:internal/);

        await server.reloaded(() => server.save(file, wrong, right));
        expect(await messageOf(server)).toBe(TEXT);
    });

    test('and Ctrl-C ends what has not started', async () => {
        await server.reloaded(() => server.save(CONTROLLER, 'class', 'clas'), ENDED);
        server.press('Ctrl-C');

        await server.ended();
        await vi.waitFor(() => expect(server.isLeft()).toBe(false), 20_000);
    });
});

describe('while a mistake keeps the application from starting, its address answers', () => {
    const HTML = { headers: { accept: 'text/html,*/*;q=0.8' } };
    const SECRET = '0123456789abcdef'.repeat(2);
    const breakIt = (server: DevServer) =>
        server.reloaded(() => server.save(CONTROLLER, 'const json', `const const json = '<b>${SECRET}', old`), ENDED);
    /** It listens a moment after the terminal says that the application ended. */
    const answerOf = (server: DevServer, init?: RequestInit) =>
        vi.waitFor(() => fetch(`${server.url}/any/path`, init), 20_000);

    test('a browser with the error of the terminal, in which secrets of .env are hidden, and others in the envelope', async () => {
        const { server } = await develop((copied) => copied.write('.env', ENV));
        await breakIt(server);

        const response = await answerOf(server, HTML);
        const page = await response.text();
        expect(response.status).toBe(503);
        expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
        expect(page).toMatch(/IndexController\.ts:7:15: .*const/);
        expect(page).toMatch(/7 \|.*const const json = &#39;&lt;b&gt;/);
        expect(page).not.toContain(SECRET);

        const json = await answerOf(server, { method: 'POST', body: 'x' });
        expect(json.status).toBe(503);
        expect(await json.json()).toEqual({
            code: 503,
            message: 'The application does not run.',
            data: { error: expect.stringContaining('IndexController.ts:7:15') },
        });
    });

    test('not with the error under a host name that strangers can register', async () => {
        const { server } = await develop();
        await breakIt(server);
        await answerOf(server);

        const answer = await new Promise<string>((resolve, reject) => {
            get(`${server.url}/`, { headers: { host: 'rebound.example.com' } }, (response) => {
                response.setEncoding('utf8').once('data', resolve);
            }).once('error', reject);
        });
        expect(answer).toContain('The terminal says why.');
        expect(answer).not.toContain('IndexController');
    });

    test('pages are told of each start, and of its end, and the next run gets the port at once', async () => {
        const { server } = await develop();
        const idOf = async () => {
            const stream = await fetch(`${server.url}/__sosise/instance`);
            const { value } = (await stream.body?.getReader().read()) ?? {};
            return new TextDecoder().decode(value);
        };
        const ids = [await idOf()];
        for (const _time of [1, 2, 3]) {
            await breakIt(server);
            ids.push(await vi.waitFor(idOf, 20_000));
            await server.reloaded(() =>
                server.save(CONTROLLER, `const const json = '<b>${SECRET}', old`, 'const json'),
            );
            ids.push(await idOf());
        }
        expect(new Set(ids).size).toBe(ids.length);
        expect(server.output).not.toContain('in use');
    });

    test.each([
        ['the host of its last run', "'127.0.0.1'", ''],
        ['that of .env', "env.string('LISTEN_HOST')", 'LISTEN_HOST=127.0.0.1\n'],
    ])('on %s alone', async (_what, host, env) => {
        const { server } = await develop((copied) => {
            copied.write('.env', ENV + env);
            const file = 'src/config/http.ts';
            copied.write(file, readFileSync(join(root, file), 'utf8').replace("env.string('LISTEN_HOST')", host));
        });
        const { port } = new URL(server.url);
        await breakIt(server);

        await vi.waitFor(() => fetch(`http://127.0.0.1:${port}`), 20_000);
        await expect(fetch(`http://127.0.0.2:${port}`)).rejects.toThrow('fetch failed');
    });

    test('on the path of a socket, which the next run gets', async () => {
        const path = join(mkdtempSync(join(tmpdir(), 'socket-')), 'dev.sock');
        onTestFinished(() => rmSync(dirname(path), { recursive: true }));
        const { server } = await develop(undefined, { listenPort: path });
        const statusNow = () =>
            new Promise((resolve, reject) => {
                get({ socketPath: path, path: '/' }, (response) => {
                    response.resume().once('end', () => resolve(response.statusCode));
                }).once('error', reject);
            });
        expect(await statusNow()).toBe(200);
        await breakIt(server);
        await vi.waitFor(async () => expect(await statusNow()).toBe(503), 20_000);
        await server.reloaded(() => server.save(CONTROLLER, `const const json = '<b>${SECRET}', old`, 'const json'));
        expect(await statusNow()).toBe(200);
    });

    test('not in production', async () => {
        const { server } = await develop((copied) => copied.write('.env', `${ENV}NODE_ENV=production\n`));
        await breakIt(server);

        await expect(fetch(server.url)).rejects.toThrow('fetch failed');
        await server.reloaded(() => server.press('Enter'), ENDED);
        await expect(fetch(server.url)).rejects.toThrow('fetch failed');
    });
});

test('a file that a program replaces, as sed does, is one change', async () => {
    const { server, folder } = await develop();

    const said = await server.reloaded(() => {
        writeFileSync(join(folder, 'src/app/sedXyz'), readFileSync(join(folder, CONTROLLER)));
        renameSync(join(folder, 'src/app/sedXyz'), join(folder, CONTROLLER));
    });

    expect(said).toMatch(/IndexController\.ts changed: restarting/);
});

describe('the session of a visitor', () => {
    test('survives the reload with the file driver, also what a request saves in the midst of it', async () => {
        const { server } = await develop(withVisits('file'));
        const visitor = new Browser(server.url);
        expect(await visitor.json('/')).toEqual({ visits: 1 });

        await server.reloaded(() => server.save('src/config/app.ts', '{', '{ '));
        expect(await visitor.json('/')).toEqual({ visits: 2 });

        const from = server.output.length;
        const slow = visitor.visit('/?wait=400');
        await server.says(/visit begun/, from);
        await server.reloaded(() => server.save('src/config/app.ts', '{', '{ '));
        expect(await (await slow).json()).toEqual({ visits: 3 });
        expect(await visitor.json('/')).toEqual({ visits: 4 });
        expect(server.output).not.toContain('no session survives');
    });

    test('ends with the memory driver, as the log says with how to fix it', async () => {
        const { server } = await develop(withVisits('memory'));
        const line = await server.says(/.*no session survives.*/);
        expect(line).toContain("driver 'file' (src/config/session.ts)");
        const visitor = new Browser(server.url);
        await visitor.visit('/');

        await server.reloaded(() => server.save('src/config/app.ts', '{', '{ '));

        expect(await visitor.json('/')).toEqual({ visits: 1 });
    });
});

test('an error in a timer is told, and development goes on', async () => {
    const { server } = await develop((copied) => {
        copied.write(
            'src/routes/api.ts',
            `import { Router } from 'express';
const router = Router();
router.get('/', (_request, response) => response.json({ message: 'here' }));
setTimeout(() => {
    throw new Error('too late');
}, 500);
export default router;
`,
        );
    });
    const said = await server.says(/An uncaught exception[\s\S]*too late[\s\S]*api\.ts:5/);
    expect(said).toContain('An uncaught exception, which ends the process in production.');
    expect(await messageOf(server)).toBe('here');
    expect(server.output).not.toMatch(/application ended/);
});

test('a secret that is emptied in .env is made anew, and the banner says so', async () => {
    const { server } = await develop((copied) => copied.write('.env', ENV));
    const said = await server.reloaded(
        () => server.save('.env', ENV, 'SESSION_SECRET=\n\n# LOG_LEVEL=debug\n'),
        /Note .*\n/,
    );
    expect(said).toContain('A fresh SESSION_SECRET was written into .env.');
    expect(said.match(/\.env changed/g)).toHaveLength(1);
});

describe('the end', () => {
    test('Ctrl-C ends all of it, with no complaint', async () => {
        const { server } = await develop();
        server.press('Ctrl-C');

        expect(await server.ended()).toBe(0);
        await vi.waitFor(() => expect(server.isLeft()).toBe(false), 20_000);
        expect(server.output).not.toMatch(/error|killed|ended/i);
    });

    test('nothing is left when the watching process alone was killed', async () => {
        const { server } = await develop();
        server.kill('SIGKILL');
        await server.ended();

        await vi.waitFor(() => expect(server.isLeft()).toBe(false), 20_000);
    });

    test('a request that never ends holds a save up for two seconds, and no longer', async () => {
        const { server } = await develop(withVisits('file'));
        const stuck = fetch(`${server.url}/?wait=60000`).catch(() => 'cut');
        await server.says(/visit begun/);

        const said = await server.reloaded(() => server.save('src/config/app.ts', '{', '{ '));

        expect(said).toContain('The application was killed');
        expect(await stuck).toBe('cut');
    });
});
