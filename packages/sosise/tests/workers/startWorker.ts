import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('./fileStoreWorker.ts', import.meta.url));

/** Starts fileStoreWorker.ts in a process of its own. */
export function startWorker(...args: string[]): ChildProcess {
    return spawn(process.execPath, ['--import', 'tsx', script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** The next line that a worker says. */
export async function lineFrom(worker: ChildProcess): Promise<string> {
    if (!worker.stdout) {
        throw new Error('The worker has no output.');
    }
    const [line] = (await once(createInterface(worker.stdout), 'line')) as [string];
    return line;
}

/** Waits for a worker's end; fails unless it ended well. */
export async function ended(worker: ChildProcess): Promise<void> {
    const [code, signal] = (await once(worker, 'exit')) as [number | null, string | null];
    if (code !== 0) {
        throw new Error(`The worker ended with ${signal ?? code}.`);
    }
}
