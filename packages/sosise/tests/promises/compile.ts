import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const PROJECT = fileURLToPath(new URL('../../../..', import.meta.url));
const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));

/** The server script as plain JavaScript: hundreds of processes start from it, and compiling each would take most of the time. */
export interface CompiledServer {
    readonly script: string;
    remove(): Promise<void>;
}

/** @param project The folder of the tests where the script and its tsconfig.json are. */
export async function compileServer(project = 'promises', name = 'server.js'): Promise<CompiledServer> {
    const cache = join(PROJECT, 'node_modules/.cache');
    await mkdir(cache, { recursive: true });
    await removeOld(cache);
    const folder = await mkdtemp(join(cache, 'promises-'));
    await chmod(folder, 0o755); // some servers run as another user
    const remove = () => rm(folder, { recursive: true, force: true });
    // By its own name it finds what is compiled, not the sources.
    await writeFile(
        join(folder, 'package.json'),
        JSON.stringify({ name: 'sosise', type: 'module', exports: { '.': './src/index.js' } }),
    );
    const tsc = join(PROJECT, 'node_modules/.bin/tsc');
    const script = join(folder, 'tests', project, name);
    try {
        await promisify(execFile)(tsc, ['-p', join(PACKAGE, 'tests', project), '--outDir', folder]);
    } catch (error) {
        // A type error somewhere is for `npm run typecheck`; here it counts only where nothing came out.
        if (!existsSync(script)) {
            await remove();
            throw error;
        }
    }
    return { script, remove };
}

/** What runs left that were killed. */
async function removeOld(cache: string): Promise<void> {
    for (const name of await readdir(cache)) {
        const path = join(cache, name);
        if (name.startsWith('promises-') && Date.now() - (await stat(path)).mtimeMs > 3_600_000) {
            await rm(path, { recursive: true, force: true });
        }
    }
}
