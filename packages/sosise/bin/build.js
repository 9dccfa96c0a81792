// sosise build, in the folder of an application: src becomes build. In a clone the framework comes into build/framework, so that
// build and the packages of production are all that a server needs; a packed framework is one of these packages.
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { compileInto, packageOf } from './compiler.js';

/** Stands in a clone only. */
const BUNDLER = new URL('../scripts/bundle.js', import.meta.url);
/** What an application imports. `sosise/testing` is for tests. */
const DOORS = ['index', 'console', 'devtools'];

/** Makes a new build, and puts it in place of the one before when all of it went well. */
export async function build() {
    const root = process.cwd();
    if (!existsSync(join(root, 'tsconfig.build.json'))) {
        fail(`There is no tsconfig.build.json in ${root}: run npm run build in the folder of the application.`);
    }
    const made = join(root, `.build-${process.pid}`);
    packageOf('rolldown', root);
    const framework = existsSync(BUNDLER) ? await import(BUNDLER.href) : undefined;
    const modules = framework?.compile();
    compileInto(made, root);
    const { missingPackages } = await import('./productionPackages.js');
    const missing = missingPackages(root, made);
    if (missing.length > 0) {
        fail(missing.join('\n'));
    }
    if (framework) {
        await enterByPath(made);
        await framework.bundle(modules, DOORS, join(made, 'framework'));
    }
    replace(join(root, 'build'), made);
}

/** Another build may come between. */
function replace(folder, by, tries = 5) {
    rmSync(folder, { recursive: true, force: true });
    try {
        renameSync(by, folder);
    } catch (error) {
        if (tries === 0 || !existsSync(folder)) {
            throw error;
        }
        replace(folder, by, tries - 1);
    }
}

/** In all modules of the build `from 'sosise/console'` becomes `from '../framework/console.js'`. */
async function enterByPath(build) {
    const { importsIn } = await import('./imports.js');
    for (const name of readdirSync(build, { recursive: true }).filter((name) => /\.[cm]?js$/.test(name))) {
        const file = join(build, name);
        const code = readFileSync(file, 'utf8');
        const to = relative(dirname(file), join(build, 'framework')).split(sep).join('/');
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

function fail(sentence) {
    console.error(sentence);
    process.exit(1);
}
