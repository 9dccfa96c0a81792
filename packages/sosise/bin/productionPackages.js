// Part of sosise build: development has all packages, production only those that package.json names for it. What src imports
// without that would end the first start of production.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { importsIn } from './imports.js';

/**
 * A sentence for each import that production could not answer. Of the compiled files, for imports of types are gone there.
 * Only of those that begin a file: `await import('redis')` may well be meant for a package that is there or not.
 */
export function missingPackages(root, build = join(root, 'build')) {
    const { name, dependencies, optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const known = new Set([name, ...Object.keys({ ...dependencies, ...optionalDependencies })]);
    return compiledFiles(root, build).flatMap(({ built, source }) => {
        const imported = importsIn(readFileSync(built, 'utf8'));
        const ofTests = imported.some(({ value }) => value === 'sosise/testing')
            ? [`${source} imports sosise/testing, which is for tests, and needs vitest: production has it not.`]
            : [];
        const missing = packagesAmong(imported).filter((name) => !known.has(name));
        return [
            ...ofTests,
            ...missing.map(
                (name) =>
                    `${source} needs ${name}, which package.json does not install in production: npm install --save-prod ${name}`,
            ),
        ];
    });
}

/** Without what is left of sources that are gone, and without the framework, whose packages are its own matter. */
function compiledFiles(root, build) {
    return readdirSync(build, { recursive: true })
        .filter((name) => /\.[cm]?js$/.test(name))
        .map((name) => name.replaceAll('\\', '/'))
        .map((name) => ({ built: join(build, name), source: `src/${name.replace(/\.([cm]?)js$/, '.$1ts')}` }))
        .filter(({ source }) => existsSync(join(root, source)));
}

function packagesAmong(imported) {
    const specifiers = imported.filter(({ isLazy }) => !isLazy).map(({ value }) => value);
    const packages = specifiers.filter((specifier) => /^[\w@][^:]*$/.test(specifier) && !isBuiltin(specifier));
    return [...new Set(packages.map(nameOf))];
}

/** `@scope/name/file` is of the package `@scope/name`. */
function nameOf(specifier) {
    return specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/');
}
