import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository: the skeleton around the package. Of what is in it, only the package is sure to be as it came. */
export const PROJECT = fileURLToPath(new URL('../../..', import.meta.url));
/** The framework's package. */
export const PACKAGE = fileURLToPath(new URL('..', import.meta.url));

/**
 * An application as it is cloned: what a user makes their own of src, sosise.json and .env.example. The framework's tests
 * use it in place of theirs.
 */
export const STOCK = fileURLToPath(new URL('stock', import.meta.url));

/** Copies the application into a folder. It finds the framework where its packages are. */
export function copyStock(folder: string): void {
    cpSync(STOCK, folder, { recursive: true });
}

export interface Installed {
    /** The packages that are there; all of them when none is named. */
    readonly packages?: readonly string[] | undefined;
    /** A copy in packages/sosise, which a test may change or build, and which finds no other packages. */
    readonly ownFramework?: boolean;
}

/** What a copy of the package leaves out. */
const LEFT_OUT = ['tests', 'bench', 'dist', 'node_modules'];

/** Puts node_modules into a folder, by links to those of the repository. */
export function install(folder: string, { packages, ownFramework = packages !== undefined }: Installed = {}): void {
    const installed = join(folder, 'node_modules');
    rmSync(installed, { recursive: true, force: true });
    if (packages === undefined && !ownFramework) {
        symlinkSync(join(PROJECT, 'node_modules'), installed, 'dir');
        return;
    }
    mkdirSync(installed);
    for (const name of packages ?? readdirSync(join(PROJECT, 'node_modules')).filter((name) => name !== 'sosise')) {
        mkdirSync(dirname(join(installed, name)), { recursive: true });
        symlinkSync(join(PROJECT, 'node_modules', name), join(installed, name), 'dir');
    }
    if (ownFramework) {
        symlinkSync('../packages/sosise', join(installed, 'sosise'), 'dir');
        copyPackage(folder);
    }
}

/** What production installs: the packages of the application, and those of the framework. */
export const productionPackages = [PROJECT, PACKAGE]
    .flatMap((root) => Object.keys(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).dependencies))
    .filter((name) => name !== 'sosise');

/** Copies the package into packages/sosise of a folder, as a clone has it, but without its tests. */
export function copyPackage(folder: string): string {
    const copy = join(folder, 'packages/sosise');
    for (const name of readdirSync(PACKAGE).filter((name) => !LEFT_OUT.includes(name))) {
        cpSync(join(PACKAGE, name), join(copy, name), { recursive: true });
    }
    return copy;
}
