// Part of npm run build, between the compiler and the bundler: development has all packages, production only those that
// package.json names for it. What src imports without that would end the first start of production.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { parseAst } from 'rolldown/parseAst';

/**
 * A sentence for each import that production could not answer. Of the compiled files, for imports of types are gone there.
 * Only of those that begin a file: `await import('redis')` may well be meant for a package that is there or not.
 */
export function missingPackages(root) {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    return compiledFiles(root).flatMap(({ built, source }) => {
        const known = namedIn(manifest, source.startsWith('src/framework/'));
        const missing = packagesIn(join(root, built)).filter((name) => !known.has(name));
        return missing.map(
            (name) =>
                `${source} needs ${name}, which package.json does not install in production: npm install --save-prod ${name}`,
        );
    });
}

/** Without what is left of sources that are gone. */
function compiledFiles(root) {
    return readdirSync(join(root, 'build'), { recursive: true })
        .filter((name) => name.endsWith('.js'))
        .map((name) => name.replaceAll('\\', '/'))
        .map((name) => ({ built: `build/${name}`, source: `src/${name.replace(/\.js$/, '.ts')}` }))
        .filter(({ source }) => existsSync(join(root, source)));
}

/** The packages of optional drivers are installed where they are chosen; the framework loads them then. */
function namedIn({ name, dependencies, optionalDependencies, peerDependencies }, isFramework) {
    const packages = { ...dependencies, ...optionalDependencies, ...(isFramework && peerDependencies) };
    return new Set([name, ...Object.keys(packages)]);
}

function packagesIn(file) {
    const specifiers = parseAst(readFileSync(file, 'utf8')).body.flatMap(({ source }) => source?.value ?? []);
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
