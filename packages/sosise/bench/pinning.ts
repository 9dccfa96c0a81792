import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';

/** The servers get a core of their own, and so does the client: else they would take turns, and a ratio mean little. */
export const canPin = availableParallelism() > 1 && spawnSync('taskset', ['-V']).status === 0;

const SERVER_CORE = '0';
const CLIENT_CORE = '1';

/** A command line that runs on the servers' core. */
export function onServerCore(command: string[]): string[] {
    return canPin ? ['taskset', '-c', SERVER_CORE, ...command] : command;
}

/** Moves this process with all its threads to the client's core. */
export function moveToClientCore(): void {
    if (canPin) {
        spawnSync('taskset', ['-acp', CLIENT_CORE, String(process.pid)]);
    }
}

/** A command line that may use every core, where this process does not. */
export function onAllCores(command: string[]): string[] {
    return canPin ? ['taskset', '-c', `0-${cpus().length - 1}`, ...command] : command;
}
