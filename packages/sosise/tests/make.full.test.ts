import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ConsoleProject } from './consoleProject.js';

const packages = join(realpathSync(new URL('../../..', import.meta.url)), 'node_modules');
const LINES = [
    'make:controller Admin/user',
    'make:controller Order --resource',
    'make:middleware Web/tenant',
    'make:provider Billing/Mail',
    'make:exception Billing/card-declined',
    'make:service Billing/Mailer',
    'make:command Reports/SendReport',
    'make:session-driver Shop/Mongo',
];

/** A project with all that lints, checks and tests it. */
class MakeProject extends ConsoleProject {
    public constructor() {
        super();
        this.copy('tests/helpers', 'vitest.config.ts', 'biome.json');
        const { vcs, ...config } = JSON.parse(this.get('biome.json')) as Record<string, unknown>;
        this.put('biome.json', JSON.stringify(config)); // there is no git here
    }

    public async make(line: string): Promise<string> {
        const { code, output, errors } = await this.artisan(line);
        expect([line, code, errors]).toEqual([line, 0, '']);
        return output;
    }

    /** Runs a program of a package. Gives what it printed. */
    public async program(path: string, ...args: string[]): Promise<string> {
        const { code, output, errors } = await this.run(process.execPath, join(packages, path), ...args);
        expect([path, code, output + errors]).toEqual([path, 0, expect.any(String)]);
        return output + errors;
    }

    public async lint(): Promise<void> {
        await this.program('@biomejs/biome/bin/biome', 'ci', '--error-on-warnings', 'src', 'tests');
    }

    public async check(): Promise<void> {
        await this.lint();
        await this.program('typescript/bin/tsc');
    }

    public change(file: string, ...changes: readonly [found: string | RegExp, replacement: string][]): void {
        const before = this.get(file);
        const after = changes.reduce((text, [found, replacement]) => text.replace(found, replacement), before);
        expect(after).not.toBe(before);
        this.put(file, after);
    }

    /** Does what a generator says is to be pasted. Gives the lines that it leaves to choose a place for. */
    public paste(output: string): string[] {
        let file = '';
        const left: string[] = [];
        for (const [, where = '', text = ''] of output.matchAll(
            /^Paste (.+):\n\n([\s\S]*?)\n(?=\nPaste |$(?![\s\S]))/gm,
        )) {
            file = /src\/\S+\.ts/.exec(where)?.[0] ?? file;
            const lines = text.split('\n');
            const imports = lines.filter((line) => line.startsWith('import '));
            const rest = lines.filter((line) => line !== '' && !imports.includes(line)).join('\n');
            const [, method] = /^into its (\w+)\(\)$/.exec(where) ?? [];
            if (where.startsWith('where ')) {
                left.push(...imports, rest);
            } else if (method) {
                this.change(file, [`${method}(): void {\n`, `$&${rest}\n`]);
            } else if (where.includes('in place of driver')) {
                this.change(file, [/^ {4}driver: .*$/m, rest], ['enabled: false', 'enabled: true']);
            } else if (where.startsWith('into its list')) {
                this.change(file, [/,?\s*\];/, `,\n${rest}\n];`]);
            } else if (where.startsWith('into the list of ')) {
                this.change(file, [/^\};/m, `${rest}\n};`]);
            } else {
                const routes = rest ? `${rest}\n\n` : '';
                this.change(
                    file,
                    [/^/, imports.map((line) => `${line}\n`).join('')],
                    ['export default', `${routes}$&`],
                );
            }
        }
        return left;
    }

    /** Starts the built application. Gives its address, and what it has printed so far. */
    public async start(): Promise<{ url: string; output: () => string }> {
        const { NODE_ENV, APP_ENV, VITEST, SESSION_SECRET, ...env } = process.env;
        const child = spawn(process.execPath, ['build/server.js'], {
            cwd: this.folder,
            env: { ...env, LISTEN_PORT: '0', LOG_LEVEL: 'debug', SESSION_SECURE: 'false' },
            stdio: ['ignore', 'pipe', 'pipe'],
        });
        const exited = once(child, 'exit');
        onTestFinished(async () => {
            child.kill();
            await exited;
        });
        let output = '';
        const url = new Promise<string>((resolve, reject) => {
            for (const stream of [child.stdout, child.stderr]) {
                stream.on('data', (bytes: Buffer) => {
                    output += String(bytes);
                    const [, address] = /Address +(http:\S+)[\s\S]*Logs /.exec(output) ?? [];
                    if (address) {
                        resolve(address.replace('localhost', '127.0.0.1'));
                    }
                });
            }
            void exited.then(() => reject(new Error(`The application ended at start-up: ${output}`)));
        });
        return { url: await url, output: () => output };
    }
}

test('what the generators write is linted, compiled and built as it is, and works with the lines pasted that they print', {
    timeout: 240_000,
}, async () => {
    const project = new MakeProject();
    const printed: string[] = [];
    for (const line of LINES) {
        printed.push(await project.make(line));
    }
    await project.check();

    const [importException = '', raise = ''] = printed.flatMap((output) => project.paste(output));
    // A line in each, to see that it takes part.
    project.change('src/app/Http/Middlewares/Web/TenantMiddleware.ts', [
        'next();',
        "response.set('X-Tenant', 'acme');\n        next();",
    ]);
    project.change(
        'src/app/Http/Controllers/OrderController.ts',
        [/^/, `${importException}\n`],
        [/return response\.json\(.*'Removed'.*\);/, raise],
    );
    project.change(
        'src/app/Http/Controllers/Admin/UserController.ts',
        [/^/, "import { applicationOf } from 'sosise';\nimport Mailer from '../../../Services/Billing/Mailer.js';\n"],
        ['data: []', "data: [await applicationOf(request).container.make(Mailer).greet('Ann')]"],
    );
    project.change('src/app/Http/Controllers/OrderController.ts', [
        'return response',
        "(request.session as unknown as Record<string, unknown>)['seen'] = 'here';\n        $&",
    ]);
    await project.program('@biomejs/biome/bin/biome', 'check', '--write', 'src'); // pasted imports are not sorted
    await project.lint();
    await project.build();
    await project.make('key:generate');

    const { url, output } = await project.start();
    const users = await fetch(`${url}/admin/users`);
    expect([users.status, users.headers.get('x-tenant'), await users.json()]).toEqual([
        200,
        'acme',
        { code: 1000, message: 'All users', data: ['Hello, Ann'] },
    ]);
    const orders = await fetch(`${url}/orders`);
    expect([orders.status, orders.headers.getSetCookie().length]).toEqual([200, 1]);
    const body = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"tea":2}' };
    const stored = await fetch(`${url}/orders`, body);
    expect([stored.status, await stored.json()]).toEqual([201, { code: 1000, message: 'Stored', data: { tea: 2 } }]);
    const refused = await fetch(`${url}/orders/7`, { method: 'DELETE' });
    expect([refused.status, await refused.json()]).toEqual([422, { code: 3000, message: 'Card declined', data: null }]);
    expect(output()).toContain('sessions are in a Map of this process.');
    expect(output()).toContain('Mail is ready');

    expect(await project.make('report:send')).toBe('Ran in development.\n');
    expect(await project.make('report:send --dry-run')).toBe('Would run in development.\n');
    expect(await project.make('list')).toContain('\n  report:send          Says in ./artisan list what it does\n');
    const tested = await project.program(
        'vitest/vitest.mjs',
        'run',
        '--no-color',
        'tests/app/Shop/MongoSessionDriver.test.ts',
    );
    expect(tested).toMatch(/mongo: keeps (\d+) of \1 promises/);

    expect(await project.artisan('make:service Other', { NODE_ENV: 'production' })).toMatchObject({
        code: 1,
        output: '',
    });
    expect(project.has('src/app/Services/Other.ts')).toBe(false);
});

test('the longest names, in the deepest folders, are written as the formatter has them', async () => {
    const project = new MakeProject();
    const name = `One/Two/Three/Four/Five/Six/Seven/${'Abcdefghij'.repeat(4)}`;
    for (const kind of new Set(LINES.map((line) => line.split(' ')[0]))) {
        await project.make(`${kind} ${name}`);
    }
    await project.check();
});

test('processes that write the same file together agree: one does, the others refuse', async () => {
    const project = new ConsoleProject(['tsx', 'commander', 'dotenv']);
    const runs = await Promise.all(Array.from({ length: 4 }, () => project.artisan('make:controller User')));
    expect(runs.map(({ code }) => code).sort()).toEqual([0, 1, 1, 1]);
    const { errors } = runs.find(({ code }) => code === 1) ?? {};
    expect(errors).toMatch(/^src\/app\/Http\/Controllers\/UserController\.ts is there already: [^\n]*\n$/);
    expect((await project.run('ls', '-A', 'src/app/Http/Controllers')).output).toBe(
        'IndexController.ts\nUserController.ts\n',
    );
});
