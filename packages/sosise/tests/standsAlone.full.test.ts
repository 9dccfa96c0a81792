import { execFile } from 'node:child_process';
import {
    cpSync,
    existsSync,
    mkdirSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    rmSync,
    symlinkSync,
    writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { DevServer } from './DevServer.js';
import { copyPackage, copyStock, PACKAGE, PROJECT } from './stock.js';

const run = promisify(execFile);
const { NODE_ENV, VITEST, SESSION_SECRET, ...env } = process.env;
const CHECK = join(PACKAGE, 'scripts/check-built-app.js');
const TOP_LEVEL = [
    '.gitignore',
    'artisan',
    'biome.json',
    'package-lock.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'vitest.config.ts',
];
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

/** `npm pack` of a copy, as it changes package.json for a while. Gives the path of the packed file. */
async function pack(): Promise<string> {
    const clone = join(work, 'clone');
    const folder = copyPackage(clone);
    symlinkSync(join(PROJECT, 'node_modules'), join(clone, 'node_modules'), 'dir');
    // One that was cut off, or could not write its file, is no trouble for the next.
    await expect(shell('npm pack --pack-destination /nowhere/at/all', folder)).rejects.toThrow('ENOENT');
    await expect(shell('node packages/sosise/bin/sosise.js build', clone)).rejects.toThrow('packedManifest.js restore');
    await shell('npm pack', folder);
    expect(readFileSync(join(folder, 'package.json'), 'utf8')).toBe(
        readFileSync(join(PACKAGE, 'package.json'), 'utf8'),
    );
    const [name = ''] = readdirSync(folder).filter((file) => file.endsWith('.tgz'));
    return join(folder, name);
}

/** An application of one's own: zone 1, and the framework as a packed file, as docs/upgrading.md says it. */
async function ownApplication(): Promise<string> {
    const folder = join(work, 'shop');
    copyStock(folder);
    for (const name of [...TOP_LEVEL, 'tests']) {
        cpSync(join(PROJECT, name), join(folder, name), { recursive: true });
    }
    const { workspaces, ...manifest } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8'));
    for (const name of ['example', 'test:full', 'promises', 'bench']) {
        delete manifest.scripts[name];
    }
    manifest.name = 'shop';
    manifest.scripts.typecheck = 'tsc';
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest, undefined, 4));
    const packed = await pack();
    mkdirSync(join(folder, 'packages'));
    cpSync(packed, join(folder, 'packages/sosise.tgz'));
    await shell('npm install ./packages/sosise.tgz --prefer-offline --no-audit --no-fund', folder);
    return folder;
}

describe('an application with the packed framework', () => {
    let folder: string;

    beforeAll(async () => {
        folder = await ownApplication();
    });

    test('has what was packed, and nothing of the sources', async () => {
        const installed = join(folder, 'node_modules/sosise');
        expect(readdirSync(installed).sort()).toEqual([
            'LICENSE',
            'README.md',
            'bin',
            'dist',
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
        await shell('npm run typecheck && npx biome check src tests', folder);
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
        await server.reloaded(() => server.save(CONTROLLER, 'Sosise Skeleton is running', 'Hello'));
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
