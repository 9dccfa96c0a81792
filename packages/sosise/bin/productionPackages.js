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
export function missingPackages(root) {
    const { name, dependencies, optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const known = new Set([name, ...Object.keys({ ...dependencies, ...optionalDependencies })]);
    return compiledFiles(root).flatMap(({ built, source }) =>
        packagesIn(join(root, built))
            .filter((name) => !known.has(name))
            .map(
                (name) =>
                    `${source} needs ${name}, which package.json does not install in production: npm install --save-prod ${name}`,
            ),
    );
}

/** Without what is left of sources that are gone, and without the framework, whose packages are its own matter. */
function compiledFiles(root) {
    return readdirSync(join(root, 'build'), { recursive: true })
        .filter((name) => name.endsWith('.js'))
        .map((name) => name.replaceAll('\\', '/'))
        .map((name) => ({ built: `build/${name}`, source: `src/${name.replace(/\.js$/, '.ts')}` }))
        .filter(({ source }) => existsSync(join(root, source)));
}

function packagesIn(file) {
    const specifiers = importsIn(readFileSync(file, 'utf8'))
        .filter(({ isLazy }) => !isLazy)
        .map(({ value }) => value);
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
