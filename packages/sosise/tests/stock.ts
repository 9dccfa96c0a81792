import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
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
    /** The framework is a copy in packages/sosise that a test may change, and that finds no other packages. */
    readonly ownFramework?: boolean;
}

/** Puts node_modules into a folder, by links to those of the repository. */
export function install(folder: string, { packages, ownFramework = packages !== undefined }: Installed = {}): void {
    const installed = join(folder, 'node_modules');
    rmSync(installed, { recursive: true, force: true });
    if (!ownFramework) {
        symlinkSync(join(PROJECT, 'node_modules'), installed, 'dir');
        return;
    }
    for (const name of packages ?? readdirSync(join(PROJECT, 'node_modules')).filter((name) => name !== 'sosise')) {
        mkdirSync(dirname(join(installed, name)), { recursive: true });
        symlinkSync(join(PROJECT, 'node_modules', name), join(installed, name), 'dir');
    }
    mkdirSync(installed, { recursive: true });
    symlinkSync('../packages/sosise', join(installed, 'sosise'), 'dir');
    for (const name of ['bin', 'src', 'package.json', 'sosise.schema.json']) {
        cpSync(join(PACKAGE, name), join(folder, 'packages/sosise', name), { recursive: true });
    }
}
