import { cpSync } from 'node:fs';
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
