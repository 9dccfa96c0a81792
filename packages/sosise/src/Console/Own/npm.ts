import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { CommandError } from '../CommandError.js';

/** Runs npm in a folder. What it printed is in the error where it fails. */
export async function npm(folder: string, args: readonly string[], signal: AbortSignal): Promise<void> {
    // On Windows npm is a script, which only a shell starts.
    const options = { cwd: folder, signal, shell: process.platform === 'win32', maxBuffer: 64 * 1024 * 1024 };
    try {
        // Its reasons are told also where `npm run --silent` started the console.
        await promisify(execFile)('npm', [...args, '--loglevel=error'], options);
    } catch (error) {
        const { stdout = '', stderr = '', message } = error as Error & { stdout?: string; stderr?: string };
        const printed = `${stdout}${stderr}`.trim() || message;
        throw new CommandError(`npm ${args.join(' ')} failed:\n${printed}\n`, { cause: error });
    }
}
