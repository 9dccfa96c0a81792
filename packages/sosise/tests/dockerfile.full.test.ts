import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
    chmodSync,
    cpSync,
    existsSync,
    mkdirSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    realpathSync,
    rmSync,
    writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { freePort } from './helpers/redis.js';

const root = realpathSync(new URL('../../..', import.meta.url));
const NOBODY = 65_534;

/** What the builder gets to see of a folder. */
function contextOf(folder: string): string {
    const ignored = readFileSync(join(folder, '.dockerignore'), 'utf8')
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => new RegExp(`^${line.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`));
    const context = mkdtempSync(join(tmpdir(), 'docker-context-'));
    onTestFinished(() => rmSync(context, { recursive: true, force: true }));
    cpSync(folder, context, {
        recursive: true,
        filter: (path) => !ignored.some((pattern) => pattern.test(relative(folder, path))),
    });
    return context;
}

/** Does a Dockerfile's steps by hand, each stage in an empty folder in place of /app. Gives the last one. */
function build(context: string) {
    const stages: Record<string, string> = {};
    let folder = '';
    let user = 'root';
    let command: string[] = [];
    let health: string[] = [];
    const steps = readFileSync(join(context, 'Dockerfile'), 'utf8')
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'));
    for (const step of steps) {
        const [word = '', ...args] = step.split(' ');
        const rest = step.slice(word.length + 1);
        switch (word) {
            case 'FROM':
                folder = mkdtempSync(join(tmpdir(), 'docker-stage-'));
                chmodSync(folder, 0o755);
                onTestFinished(rmSync.bind(undefined, folder, { recursive: true, force: true }));
                stages[args[2] ?? 'last'] = folder;
                break;
            case 'COPY': {
                const from = /^--from=(\w+)$/.exec(args[0] ?? '')?.[1];
                const [target = '', ...sources] = args.slice(from ? 1 : 0).reverse();
                for (const source of sources) {
                    const path = from ? join(stages[from] as string, relative('/app', source)) : join(context, source);
                    const into = target.endsWith('/') ? join(folder, target, basename(source)) : join(folder, target);
                    cpSync(path, into, { recursive: true });
                }
                break;
            }
            case 'RUN':
                // There is no user node here: whoever runs it owns what is made.
                execFileSync('/bin/sh', ['-c', rest.replace(/ && chown -R node:node \w+$/, '')], {
                    cwd: folder,
                    stdio: 'pipe',
                });
                break;
            case 'USER':
                user = rest;
                break;
            case 'CMD':
                command = JSON.parse(rest);
                break;
            case 'HEALTHCHECK':
                health = JSON.parse(rest.slice(rest.indexOf('[')));
                break;
            default:
                expect(['WORKDIR', 'ENV', 'EXPOSE']).toContain(word);
        }
    }
    return { folder, user, command, health };
}

test('the Dockerfile, step by step in empty folders, makes an application that serves', {
    timeout: 180_000,
}, async () => {
    const context = contextOf(root);
    expect(existsSync(join(context, '.env'))).toBe(false);
    expect(existsSync(join(context, 'node_modules'))).toBe(false);
    mkdirSync(join(context, 'public'), { recursive: true });
    writeFileSync(join(context, 'public/style.css'), 'h1 { color: tomato }');
    mkdirSync(join(context, 'views/errors'), { recursive: true });
    writeFileSync(join(context, 'views/errors/404.html'), '<h1>Nothing here</h1>');
    const image = build(context);

    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    for (const name of Object.keys(devDependencies)) {
        expect(existsSync(join(image.folder, 'node_modules', name)), name).toBe(false);
    }
    expect(existsSync(join(image.folder, 'node_modules', Object.keys(dependencies)[0] as string))).toBe(true);
    expect(readdirSync(image.folder).sort()).toEqual(
        ['artisan', 'build', 'node_modules', 'package.json', 'public', 'sosise.json', 'storage', 'views'].sort(),
    );
    expect(image.user).toBe('node');

    const asUser =
        process.getuid?.() === 0 ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : [];
    if (asUser.length > 0) {
        execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, join(image.folder, 'storage')]);
    }
    const env = {
        PATH: process.env['PATH'],
        NODE_ENV: 'production',
        LISTEN_PORT: String(await freePort()),
        SESSION_SECRET: randomBytes(32).toString('base64url'),
    };
    const sql = execFileSync('node', ['artisan', 'session:table'], { cwd: image.folder, env, encoding: 'utf8' });
    expect(sql, 'what compose.postgres.yaml runs first').toContain('CREATE TABLE IF NOT EXISTS "sessions"');
    const start = [...asUser, ...image.command];
    const app = spawn(start[0] as string, start.slice(1), {
        cwd: image.folder,
        env,
        stdio: ['ignore', 'ignore', 'inherit'],
    });
    const exit = once(app, 'exit');
    onTestFinished(() => void app.kill('SIGKILL'));
    const isHealthy = () => {
        execFileSync(image.health[0] as string, image.health.slice(1), { env, stdio: 'pipe' });
    };
    expect(isHealthy, 'before it listens').toThrow();
    await vi.waitFor(isHealthy, { timeout: 15_000, interval: 200 });
    expect((await fetch(`http://127.0.0.1:${env.LISTEN_PORT}/ready`)).status).toBe(200);
    expect(await (await fetch(`http://127.0.0.1:${env.LISTEN_PORT}/style.css`)).text()).toContain('tomato');
    const page = await fetch(`http://127.0.0.1:${env.LISTEN_PORT}/nothing`, { headers: { accept: 'text/html' } });
    expect([page.status, await page.text()]).toEqual([404, '<h1>Nothing here</h1>']);
    app.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
});

test('an application without the folders public and views is taken along without them', () => {
    const [, step = ''] = /^RUN (mkdir out .*)$/m.exec(readFileSync(join(root, 'Dockerfile'), 'utf8')) ?? [];
    const folder = mkdtempSync(join(tmpdir(), 'docker-stage-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    mkdirSync(join(folder, 'build'));
    for (const name of ['package.json', 'sosise.json', 'artisan', 'build/server.js']) {
        writeFileSync(join(folder, name), '');
    }
    execFileSync('/bin/sh', ['-c', step], { cwd: folder });
    expect(readdirSync(join(folder, 'out')).sort()).toEqual(['artisan', 'build', 'package.json', 'sosise.json']);
});

test('a .env, keys and logs never reach the builder', () => {
    const folder = mkdtempSync(join(tmpdir(), 'docker-project-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    cpSync(join(root, '.dockerignore'), join(folder, '.dockerignore'));
    for (const name of [
        '.env',
        '.env.production',
        'app.log',
        'storage/sessions/a.json',
        'node_modules/x/index.js',
        'src/a.ts',
    ]) {
        mkdirSync(dirname(join(folder, name)), { recursive: true });
        writeFileSync(join(folder, name), 'secret');
    }
    const context = contextOf(folder);
    expect(readdirSync(context).sort()).toEqual(['.dockerignore', 'src']);
});
