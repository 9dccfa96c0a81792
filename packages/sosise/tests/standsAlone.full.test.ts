import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { DevServer } from './DevServer.js';
import { install, PACKAGE, PROJECT } from './stock.js';

const run = promisify(execFile);
const { NODE_ENV, VITEST, SESSION_SECRET, ...env } = process.env;
const CHECK = join(PACKAGE, 'scripts/check-built-app.js');
const INSTALL = 'npm install --prefer-offline --no-audit --no-fund';
const CONTROLLER = 'src/app/Http/Controllers/IndexController.ts';

const work = mkdtempSync(join(tmpdir(), 'sosise-alone-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** Runs a command line in a folder, and gives what it printed; rejects with that where it fails. */
async function shell(line: string, folder: string, variables: NodeJS.ProcessEnv = {}): Promise<string> {
    const options = { cwd: folder, env: { ...env, NO_COLOR: '1', ...variables }, maxBuffer: 64 * 1024 * 1024 };
    const { stdout, stderr } = await run('/bin/sh', ['-c', line], options).catch((error) => {
        throw new Error(`${line}: ${error.stdout}${error.stderr}`);
    });
    return stdout + stderr;
}

/** What git has of this repository, in a repository of its own, with the packages installed. */
async function clone(name: string): Promise<string> {
    const folder = join(work, name);
    const files = (await shell('git ls-files', PROJECT)).trim().split('\n');
    for (const file of files.filter((file) => existsSync(join(PROJECT, file)))) {
        cpSync(join(PROJECT, file), join(folder, file));
    }
    install(folder, { ownFramework: true });
    await shell('git init --quiet --initial-branch main', folder);
    await commit(folder, 'A clone');
    return folder;
}

function commit(folder: string, message: string): Promise<string> {
    const author = '-c user.name=Ada -c user.email=ada@example.com';
    return shell(`git add --all && git ${author} commit --quiet --message '${message}'`, folder);
}

/** What somebody gets who clones an application: what was committed, and the packages that it names. */
async function cloneOf(own: string, name: string): Promise<string> {
    const folder = join(work, name);
    await shell(`git clone --quiet ${own} ${folder}`, work);
    await shell(INSTALL, folder);
    return folder;
}

const filesOf = async (folder: string) => (await shell('git ls-files', folder)).trim().split('\n');

describe('a clone that app:own made an application', () => {
    let own: string;
    let folder: string;

    beforeAll(async () => {
        own = await clone('own');
        expect(await shell('./artisan app:own tea-shop --yes', own)).toContain('It is done: tea-shop is yours.');
        await commit(own, 'Ours');
        folder = await cloneOf(own, 'shop');
    });

    test('is read in a minute: under 45 files, none of which names the skeleton', async () => {
        const files = await filesOf(folder);
        expect(files.length).toBeLessThan(45);
        expect(files.filter((file) => file.startsWith('packages/'))).toEqual(['packages/sosise-0.1.0.tgz']);
        const texts = files.filter((file) => !/\.tgz$|^LICENSE$/.test(file));
        const named = texts.filter((file) => /sosise.skeleton/i.test(readFileSync(join(folder, file), 'utf8')));
        expect(named).toEqual([]);
        expect(readFileSync(join(own, '.env'), 'utf8')).toMatch(/^SESSION_SECRET=[\w-]{43}$/m);
    });

    test('has a README whose links and scripts are there', async () => {
        const readme = readFileSync(join(folder, 'README.md'), 'utf8');
        const links = [...readme.matchAll(/\]\(([^)#]+)/g)].map(([, link = '']) => link);
        expect(links.length).toBeGreaterThan(5);
        expect(links.filter((link) => !existsSync(join(folder, link)))).toEqual([]);
        const { scripts } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
        const named = [...readme.matchAll(/`npm (?:run )?([\w:]+)`/g)].map(([, name = '']) => name);
        expect(named.filter((name) => name !== 'install' && !scripts[name])).toEqual([]);
    });

    test('has the lock file that npm ci wants, and is not made twice', async () => {
        expect(await shell('git status --porcelain', folder), 'npm install changes nothing').toBe('');
        await shell('npm ci --dry-run --prefer-offline --no-audit --no-fund', folder);
        await expect(shell('./artisan app:own other', folder)).rejects.toThrow(
            'This application is its own already, and is called tea-shop.',
        );
    });

    test('has what was packed, and nothing of the sources', async () => {
        const installed = join(folder, 'node_modules/sosise');
        expect(readdirSync(installed).sort()).toEqual([
            'CHANGELOG.md',
            'LICENSE',
            'README.md',
            'bin',
            'dist',
            'docs',
            'package.json',
            'sosise.schema.json',
        ]);
        expect(readdirSync(join(installed, 'dist')).filter((name) => name === 'modules')).toEqual([]);
        const doors = ['sosise', 'sosise/console', 'sosise/devtools'];
        const load = doors.map((door) => `await import('${door}');`).join('');
        await shell(`node --input-type=module -e "${load}"`, folder);
        await expect(shell(`node --input-type=module -e "import 'sosise/dist/index.js'"`, folder)).rejects.toThrow(
            'ERR_PACKAGE_PATH_NOT_EXPORTED',
        );
    });

    test('compiles under strict, and its tests, which are all that npm test runs, pass', async () => {
        await shell('npm run typecheck && npm run lint', folder);
        expect(await shell('npm test', folder)).toMatch(/Test Files {2}2 passed[\s\S]*Tests {2}6 passed/);
    });

    test('knows the types of the framework: a wrong key of a config and a wrong call are found', async () => {
        const wrong =
            "import { defineSessionConfig, login } from 'sosise';\n\ndefineSessionConfig({ enabeld: true });\nlogin(1);\n";
        writeFileSync(join(folder, 'src/wrong.ts'), wrong);
        const { message } = await shell('npm run typecheck', folder).then(
            () => ({ message: '' }),
            (error: Error) => error,
        );
        await shell('rm src/wrong.ts', folder);
        expect(message).toMatch(/wrong\.ts\(3,23\)[\s\S]*wrong\.ts\(4,1\)/);
    });

    test('is developed: a save is in the next answer', async () => {
        const server = await DevServer.start(folder);
        onTestFinished(() => server.stop());
        await server.reloaded(() => server.save(CONTROLLER, 'Tea Shop is running', 'Hello'));
        expect(await (await fetch(server.url)).json()).toMatchObject({ message: 'Hello' });
        const page = await fetch(server.url, { headers: { accept: 'text/html' } });
        expect(await page.text()).toContain('<script'); // that loads it again
    });

    test('has the console, in development and where it is built', async () => {
        expect(await shell('./artisan about', folder)).toMatch(/Environment {7}development/);
        expect(
            await shell('./artisan make:session-driver Own && npm test -- tests/app/OwnSessionDriver', folder),
        ).toMatch(/Tests {2}\d\d passed/);
        await shell('npm run build && ./artisan list', folder, { NODE_ENV: 'production' });
    });

    test('is built, and runs with its packages of production from another folder', async () => {
        await shell('npm run build', folder);
        expect(existsSync(join(folder, 'build/framework'))).toBe(false);
        const server = join(work, 'server');
        for (const name of ['artisan', 'build', 'package.json', 'package-lock.json', 'packages', 'sosise.json']) {
            cpSync(join(folder, name), join(server, name), { recursive: true });
        }
        await shell('npm ci --omit=dev --prefer-offline --no-audit --no-fund', server);
        expect(existsSync(join(server, 'node_modules/tsx'))).toBe(false);
        expect(await shell(`node ${CHECK} / npm --prefix ${server} start`, '/')).toContain('answered GET / after');
    });

    test('loads at its start what its driver needs: no other driver, and nothing of undici', async () => {
        const script = `
            const { createApplication } = await import('./build/bootstrap/app.js');
            const session = { enabled: true, driver: process.argv[2] };
            const app = await createApplication({ session, http: { port: 0 }, logging: { console: false, files: { enabled: false } } });
            await app.boot();
            const loaded = [...Object.keys(createRequire(import.meta.url).cache), ...process.moduleLoadList];
            console.log(JSON.stringify(loaded.filter((name) => /session-file-store|memorystore|deps.undici/.test(name))));
            process.exit();`;
        writeFileSync(join(work, 'server/loaded.mjs'), `import { createRequire } from 'node:module';${script}`);
        const loadedBy = async (driver: string) => {
            const variables = { NODE_ENV: 'production', SESSION_SECRET: 'Alone-5tQw8nLz2vXk7mRj4hFp9sDc3yGb6aUe' };
            const output = await shell(`node loaded.mjs ${driver}`, join(work, 'server'), variables);
            const packages = JSON.parse(output) as string[];
            return new Set(packages.map((path) => /session-file-store|memorystore|undici/.exec(path)?.[0]));
        };
        expect(await loadedBy('memory')).toEqual(new Set(['memorystore']));
        expect(await loadedBy('file')).toEqual(new Set(['session-file-store']));
    });
});

test('with --keep-sources the framework stays a workspace, with its documentation; git undoes it', async () => {
    const folder = await clone('sources');
    const status = () => shell('git status --porcelain', folder);
    await expect(
        shell('npm pack --workspace sosise --pack-destination /nowhere --loglevel=error', folder),
    ).rejects.toThrow('ENOENT');
    await expect(shell('node packages/sosise/bin/sosise.js build', folder)).rejects.toThrow(
        'packedManifest.js restore',
    );
    await shell('node packages/sosise/scripts/packedManifest.js restore', folder);
    expect(await status(), 'after an npm pack that was cut off').toBe('');

    const printed = await shell('./artisan app:own shop --keep-sources --yes', folder);
    const [, undo = ''] = /this undoes it: (.*)/.exec(printed) ?? [];
    await shell(undo.replace(' && npm install', ''), folder);
    expect(await status()).toBe('');

    await shell('./artisan app:own shop --keep-sources --yes', folder);
    await commit(folder, 'Ours');
    const own = await cloneOf(folder, 'shop-with-sources');
    const files = await filesOf(own);
    expect(files).toEqual(
        expect.arrayContaining(['packages/sosise/docs/upgrading.md', 'packages/sosise/CHANGELOG.md']),
    );
    expect(files.filter((file) => /^(?:docs|example|packages\/sosise\/(?:tests|bench))\//.test(file))).toEqual([]);
    await shell('npm run lint && npm run typecheck && npm run build', own);
    expect(await shell('npm test', own)).toMatch(/Test Files {2}2 passed[\s\S]*Tests {2}6 passed/);
    expect(await shell(`node ${CHECK} / npm --prefix ${own} start`, '/')).toContain('answered GET / after');
});
