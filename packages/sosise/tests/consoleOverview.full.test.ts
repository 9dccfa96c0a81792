import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ConsoleProject } from './consoleProject.js';

const REPORT = `import { Command, type CommandInput } from 'sosise/console';
import { Logger } from 'sosise';
import settings from '../../../config/app.js';

export default class SendReportCommand extends Command {
    public readonly signature = 'report:send <address>';
    public readonly description = 'Sends the report';
    public override readonly options = [
        { flag: '-l, --limit <number>', description: 'how many at the most', default: 10, min: 1 },
        { flag: '--then <what>', description: 'what happens then', choices: ['fail', 'leave', 'lose', 'wait'] },
    ];

    public async handle({ arguments: [address], options }: CommandInput): Promise<void> {
        const app = await this.app();
        app.container.make(Logger).info('Report sent', { address });
        this.line(\`\${settings.name} sends \${options['limit']} to \${address}\`);
        await this.goOn(options['then']);
    }

    private async goOn(what: unknown): Promise<void> {
        if (what === 'fail') {
            throw new Error('The mail server is away.');
        }
        if (what === 'leave') {
            setInterval(() => {}, 1_000);
        }
        if (what === 'lose') {
            void Promise.reject(new Error('Nobody kept this.'));
            await new Promise((resolve) => setTimeout(resolve, 60_000));
        }
        if (what === 'wait') {
            const alive = setInterval(() => {}, 1_000);
            await new Promise<void>((resolve) => {
                this.signal.addEventListener('abort', () => resolve());
                this.line('waiting');
            });
            clearInterval(alive);
            this.line('stopped at a safe place');
        }
    }
}
`;

const LIST = `import type { CommandList } from 'sosise/console';

const commands: CommandList = {
    'report:send': () => import('./Commands/SendReportCommand.js'),
};

export default commands;
`;

/** A project with a command of its own. */
function withCommand(): ConsoleProject {
    const project = new ConsoleProject();
    mkdirSync(join(project.folder, 'src/app/Console/Commands'), { recursive: true });
    project.put('src/app/Console/Commands/SendReportCommand.ts', REPORT);
    project.put('src/app/Console/Kernel.ts', LIST);
    project.put('.env', 'APP_NAME=Shop\n');
    return project;
}

describe('a command of your own', () => {
    test('has the container at hand, reads .env, and leaves its log written', async () => {
        const project = withCommand();
        expect(await project.artisan('report:send a@b.c --limit 3')).toEqual({
            code: 0,
            output: 'Shop sends 3 to a@b.c\n',
            errors: '',
        });
        expect(project.get('storage/logs/app.log')).toContain('"Report sent"');
        expect(await project.artisan('report:send a@b.c -l none')).toMatchObject({
            code: 2,
            errors: "--limit can't be 'none': it takes a whole number from 1 on.\n",
        });
    });

    test('that fails is told in one sentence, with -v by file and line', async () => {
        const project = withCommand();
        const failed = await project.artisan('report:send a@b.c --then fail');
        expect([failed.code, failed.errors]).toEqual([1, 'The mail server is away. (-v shows where it happened)\n']);
        const line = REPORT.split('\n').findIndex((text) => text.includes('new Error(')) + 1;
        const { errors } = await project.artisan('report:send a@b.c --then fail -v');
        expect(errors).toContain(`src/app/Console/Commands/SendReportCommand.ts:${line}:`);
        const lost = await project.artisan('report:send a@b.c --then lose');
        expect([lost.code, lost.errors]).toEqual([1, 'Nobody kept this. (-v shows where it happened)\n']);
    });

    test('that leaves something running ends all the same, and is told what', async () => {
        const { code, errors } = await withCommand().artisan('report:send a@b.c --then leave');
        expect([code, errors]).toEqual([
            0,
            'The command has ended, and something that it began has not (Timeout): it was cut off. Await it in handle(), or close it there.\n',
        ]);
    });

    test('ends at a safe place at Ctrl-C', async () => {
        const project = withCommand();
        const child = spawn(join(project.folder, 'artisan'), ['report:send', 'a@b.c', '--then', 'wait'], {
            env: { PATH: process.env['PATH'] },
            stdio: ['ignore', 'pipe', 'inherit'],
        });
        onTestFinished(() => void child.kill('SIGKILL'));
        const exit = once(child, 'exit');
        let output = '';
        for await (const text of child.stdout.setEncoding('utf8')) {
            const before = output;
            output += text;
            if (output.includes('waiting') && !before.includes('waiting')) {
                child.kill('SIGINT');
            }
        }
        expect(await exit).toEqual([0, null]);
        expect(output).toBe('Shop sends 10 to a@b.c\nwaiting\nstopped at a safe place\n');
    });

    test('is built with the application, and the overview is the same there', async () => {
        const project = withCommand();
        await project.build();
        project.installForProduction();
        expect((await project.artisan('report:send a@b.c')).output).toBe('Shop sends 10 to a@b.c\n');
        expect((await project.artisan('list')).output).toMatch(/^ {2}report:send +Sends the report$/m);
        const { output } = await project.artisan('about');
        expect(output).toMatch(/^ {2}Environment {7}production$/m);
        expect(output).toMatch(/^ {2}Named by {10}no variable \(the default of a build\)$/m);
        expect(output).toMatch(/^ {2}Code {14}built \(build\/artisan\.js\)$/m);
        expect((await project.artisan('route:list')).output).toMatch(/^GET +\/ +IndexController@index$/m);
    });
});

test('about says which variable of which place named the environment', async () => {
    const project = new ConsoleProject();
    project.put('.env', 'APP_ENV=staging\nAPP_NAME=Shop\n');
    const { output } = await project.artisan('about');
    expect(output).toMatch(
        /^ {2}Name {14}Shop\n(.*\n)? {2}Environment {7}staging\n {2}Named by {10}APP_ENV in \.env$/m,
    );
    expect((await project.artisan('about', { NODE_ENV: 'test' })).output).toMatch(/^ {2}Named by {10}NODE_ENV$/m);
    expect((await project.artisan('config:show app.name')).output).toBe('"Shop"\n');
});

test('files of public/ are a route, and so are routers in routers', async () => {
    const project = new ConsoleProject();
    mkdirSync(join(project.folder, 'public'));
    project.put(
        'src/routes/api.ts',
        `import { Router } from 'express';
import IndexController from '../app/Http/Controllers/IndexController.js';
import ExampleMiddleware from '../app/Http/Middlewares/ExampleMiddleware.js';
import { action, middleware } from 'sosise';

const admin = Router();
admin.use(middleware(ExampleMiddleware));
admin.get('/users/:id', action(IndexController, 'index'));
const router = Router();
router.use('/admin', admin);

export default router;
`,
    );
    expect(
        (await project.artisan('route:list')).output,
    ).toBe(`Method  Path              Handler                Middleware
GET     /up               health
GET     /ready            ready
GET     /*                serveStatic
GET     /admin/users/:id  IndexController@index  ExampleMiddleware

Before all of your routes: ExampleMiddleware
`);
});

test('on a terminal the list has colours, unless NO_COLOR is set', async () => {
    const project = new ConsoleProject();
    const onTerminal = (command: string) => project.run('script', '-qec', `TERM=xterm ${command}`, '/dev/null');
    expect((await onTerminal('./artisan list')).output).toContain('\x1b[33mkey\x1b[39m');
    expect((await onTerminal('./artisan lst')).output).toContain('\x1b[31mThere is no command lst');
    expect((await onTerminal('NO_COLOR=1 ./artisan list')).output).not.toContain('\x1b[');
    expect((await project.artisan('list')).output).not.toContain('\x1b[');
});
