import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { ConsoleProject } from './consoleProject.js';

const root = realpathSync(new URL('../..', import.meta.url));
const bin = (name: string) => join(root, 'node_modules', name);

/** The lines that a generator printed for a file, without those that say where in it. */
function linesFor(output: string, file: string): string[] {
    const [, block = ''] = output.split(`In ${file}`);
    const lines = block.split('\n\nIn ')[0]?.split('\n').slice(2) ?? [];
    return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('//'));
}

test('all that the generators write is linted, compiled, built and run, with the lines pasted that they print', async () => {
    const project = new ConsoleProject();
    for (const name of ['tests', 'biome.json', 'vitest.config.ts']) {
        cpSync(join(root, name), join(project.folder, name), { recursive: true });
    }
    const { vcs, ...biome } = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8'));
    project.put('biome.json', JSON.stringify(biome));
    const make = async (line: string): Promise<string> => {
        const { code, output, errors } = await project.artisan(line);
        expect([code, errors]).toEqual([0, '']);
        return output;
    };
    const paste = (file: string, changes: readonly [find: string, replacement: string][]) => {
        const changed = changes.reduce((text, [find, replacement]) => {
            expect(text).toContain(find);
            return text.replace(find, () => replacement);
        }, project.get(file));
        project.put(file, changed);
    };

    const routes = 'src/routes/api.ts';
    const [importController = '', route = ''] = linesFor(await make('make:controller Admin/user-profile'), routes);
    paste(routes, [
        ["import { Router } from 'express';\n", `import { Router } from 'express';\n${importController}\n`],
        ['export default', `${route}\n\nexport default`],
    ]);
    const kernel = 'src/app/Http/Middlewares/Kernel.ts';
    const [importMiddleware = ''] = linesFor(await make('make:middleware Admin/Auth'), kernel);
    paste(kernel, [
        ["Middleware.js';\n\n", `Middleware.js';\n${importMiddleware}\n\n`],
        ['[ExampleMiddleware]', '[ExampleMiddleware, AuthMiddleware]'],
    ]);
    const providers = 'src/bootstrap/providers.ts';
    const [importProvider = '', listed = ''] = linesFor(await make('make:provider Mail'), providers);
    paste(providers, [
        ['import {\n    Http', `${importProvider}\nimport {\n    Http`],
        ['    AppServiceProvider,\n]', `    ${listed.split(' //')[0]}\n    AppServiceProvider,\n]`],
    ]);
    const app = 'src/app/Providers/AppServiceProvider.ts';
    const [importService = '', bind = ''] = linesFor(await make('make:service Billing/Mailer'), app);
    const driver = await make('make:session-driver mongo');
    const [importDriver = '', extend = ''] = linesFor(driver, app);
    paste(app, [
        ['middleware, ServiceProvider }', 'Logger, middleware, ServiceProvider, SessionManager }'],
        ["Kernel.js';\n", `Kernel.js';\n${importService}\n${importDriver}\n`],
        ['new Handler(this.app));', `new Handler(this.app));\n        ${bind}`],
        ['const pipeline', `${extend}\n        const pipeline`],
    ]);
    const session = 'src/config/session.ts';
    paste(session, [
        ['enabled: false', 'enabled: true'],
        ["driver: 'file',", linesFor(driver, session)[0] ?? ''],
    ]);
    const thrown = await make('make:exception broken');
    const controller = 'src/app/Http/Controllers/IndexController.ts';
    const [importException = '', raise = ''] = linesFor(thrown, 'any controller, service or middleware');
    paste(controller, [
        ["from 'express';\n", `from 'express';\n${importException}\n`],
        ['return response', `if (request.query['broken']) {\n            ${raise}\n        }\n        return response`],
    ]);
    const [listedCommand = ''] = linesFor(await make('make:command SendReport'), 'src/app/Console/Kernel.ts');
    paste('src/app/Console/Kernel.ts', [['= {\n', `= {\n    ${listedCommand}\n`]]);

    // Sorted imports are the one thing that pasting does not do.
    await project.run(process.execPath, bin('@biomejs/biome/bin/biome'), 'check', '--write', 'src/app', 'src/routes');
    const lint = await project.run(process.execPath, bin('@biomejs/biome/bin/biome'), 'check', 'src', 'tests/app');
    expect([lint.code, lint.errors]).toEqual([0, '']);
    for (const config of ['tsconfig.json', 'tsconfig.build.json']) {
        expect(await project.run(process.execPath, bin('typescript/bin/tsc'), '-p', config)).toMatchObject({
            code: 0,
            output: '',
        });
    }

    const kit = await project.run(process.execPath, bin('vitest/vitest.mjs'), 'run', 'tests/app/MongoDriver.test.ts');
    expect([kit.code, kit.output]).toEqual([0, expect.stringMatching(/Tests .*passed/)]);
    expect(await make('app:send-report Ada --dry-run')).toBe('development: hello, Ada (nothing was changed).\n');
    expect(await make('list')).toContain('\n  app:send-report      Say here in one line what it is for\n');

    const url = await serve(project.folder);
    const answer = await fetch(`${url}/admin/user-profile`);
    expect([answer.status, await answer.json()]).toEqual([
        200,
        { code: 1000, message: 'UserProfileController answers', data: null },
    ]);
    const broken = await fetch(`${url}/?broken=1`);
    expect([broken.status, await broken.json()]).toMatchObject([422, { code: 3000 }]);
});

/** Starts the built application, and gives its address. */
async function serve(folder: string): Promise<string> {
    const server = spawn(process.execPath, ['build/server.js'], {
        cwd: folder,
        env: { ...process.env, NODE_ENV: 'production', VITEST: '', LISTEN_PORT: '0', LISTEN_HOST: '127.0.0.1' },
        stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(async () => {
        server.kill();
        await once(server, 'exit');
    });
    for await (const line of createInterface(server.stdout)) {
        const [url] = /http:\/\/[\w.:]+/.exec(line) ?? [];
        if (url) {
            return url;
        }
    }
    throw new Error('The server ended before it listened.');
}
