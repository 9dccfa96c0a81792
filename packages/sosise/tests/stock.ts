import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project. Of what is in it, only the framework and its tests are sure to be as they came. */
export const PROJECT = fileURLToPath(new URL('../../..', import.meta.url));

/**
 * An application as it is cloned: what a user makes their own of src, sosise.json and .env.example. The framework's tests
 * use it in place of theirs.
 */
export const STOCK = fileURLToPath(new URL('stock', import.meta.url));

/** Copies the application and the framework into a folder; `linked` leaves the framework out, for a link to it. */
export function copyStock(folder: string, { linked = false } = {}): void {
    for (const name of ['package.json', 'sosise.json', '.env.example']) {
        cpSync(join(STOCK, name), join(folder, name));
    }
    for (const name of readdirSync(join(STOCK, 'src')).filter((name) => name !== 'framework')) {
        cpSync(join(STOCK, 'src', name), join(folder, 'src', name), { recursive: true });
    }
    if (!existsSync(join(PROJECT, 'src/framework/DevTools'))) {
        withoutDevTools(join(folder, 'src/bootstrap/providers.ts'));
    }
    if (!linked) {
        cpSync(join(PROJECT, 'src/framework'), join(folder, 'src/framework'), { recursive: true });
    }
}

/** Whoever deletes the folder deletes its line too. */
export function withoutDevTools(providers: string): void {
    const lines = readFileSync(providers, 'utf8').split('\n');
    writeFileSync(providers, lines.filter((line) => !line.includes('DevTools')).join('\n'));
}
