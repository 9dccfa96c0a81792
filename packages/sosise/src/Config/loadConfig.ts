import { readdirSync } from 'node:fs';
import { extname } from 'node:path';
import type { ConfigFiles } from './ConfigRepository.js';

/** A name with a dot in it is something else: types, a test, a map. */
const CONFIG_FILE = /^([\w-]+)\.([jt]s)$/;

/**
 * The default exports of all files in `src/config`, or in `build/config`, by their names without extension.
 * @param entryUrl `import.meta.url` of src/bootstrap/app.ts, or of build/bootstrap/app.js.
 * @param load `(file) => import(file)` of that module, so that the files are loaded by what has loaded it.
 */
export async function loadConfig(
    entryUrl: string,
    load: (file: string) => Promise<{ readonly default?: unknown }>,
): Promise<ConfigFiles> {
    const folder = new URL('../config/', entryUrl);
    const extension = extname(new URL(entryUrl).pathname);
    const files: Record<string, unknown> = {};
    for (const file of readdirSync(folder).sort()) {
        const [, name] = CONFIG_FILE.exec(file) ?? [];
        if (name !== undefined && extname(file) === extension) {
            files[name] = (await load(new URL(file, folder).href)).default;
        }
    }
    return files;
}
