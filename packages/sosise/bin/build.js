// sosise build, in the folder of an application: src becomes build. In a clone the framework comes into build/framework, so that
// build and the packages of production are all that a server needs; a packed framework is one of these packages.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { importsIn } from './imports.js';
import { missingPackages } from './productionPackages.js';

/** Stands in a clone only. */
const BUNDLER = new URL('../scripts/bundle.js', import.meta.url);
/** What an application imports. */
const DOORS = ['index', 'console', 'devtools'];

export async function build() {
    const root = process.cwd();
    const framework = existsSync(BUNDLER) ? await import(BUNDLER.href) : undefined;
    framework?.compile();
    const { status } = spawnSync(process.execPath, [compilerOf(root), '-p', 'tsconfig.build.json'], {
        stdio: 'inherit',
    });
    if (status !== 0) {
        process.exit(1); // the compiler has said why
    }
    const missing = missingPackages(root);
    if (missing.length > 0) {
        console.error(missing.join('\n'));
        process.exit(1);
    }
    if (framework) {
        const folder = join(root, 'build/framework');
        rmSync(folder, { recursive: true, force: true });
        enterByPath(join(root, 'build'), folder);
        await framework.bundle(DOORS, folder);
    }
}

/** The compiler of the application, or of the framework. */
function compilerOf(root) {
    for (const from of [join(root, 'package.json'), import.meta.url]) {
        try {
            return join(dirname(createRequire(from).resolve('typescript/package.json')), 'bin/tsc');
        } catch {}
    }
    console.error('typescript is not installed, which compiles the application: run npm install.');
    return process.exit(1);
}

/** In all modules of the build `from 'sosise/console'` becomes `from '../framework/console.js'`. */
function enterByPath(build, framework) {
    for (const name of readdirSync(build, { recursive: true }).filter((name) => name.endsWith('.js'))) {
        const file = join(build, name);
        const code = readFileSync(file, 'utf8');
        const to = relative(dirname(file), framework).split(sep).join('/');
        const changed = importsIn(code).reduceRight((text, { value, start, end }) => {
            const [package_, door = 'index', ...more] = value.split('/');
            const path = `${to.startsWith('.') ? to : `./${to}`}/${door}.js`;
            return package_ === 'sosise' && more.length === 0
                ? `${text.slice(0, start)}'${path}'${text.slice(end)}`
                : text;
        }, code);
        if (changed !== code) {
            writeFileSync(file, changed);
        }
    }
}
