import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { STOCK } from '../stock.js';
import type { ServerOptions } from './server/ServerOptions.js';
import { temporaryFolder } from './sessionApp.js';

const script = fileURLToPath(new URL('../fixtures/clusterServer.ts', import.meta.url));

interface Said {
    readonly pid?: number;
    readonly port?: number;
    readonly error?: string;
}

/** Two workers of node:cluster that share a port; gives what each of them said at its start. */
export async function startTwo(more: Pick<ServerOptions, 'store'> & Partial<ServerOptions>): Promise<Said[]> {
    const folder = join(temporaryFolder(), 'sessions');
    mkdirSync(folder);
    const options: ServerOptions = {
        wiring: 'skeleton',
        folder,
        redisPort: 0,
        idleMs: 3_600_000,
        secret: 'a secret for the cluster, long enough for it',
        project: STOCK,
        ...more,
    };
    const child = spawn(process.execPath, ['--import', 'tsx', script, JSON.stringify(options)], {
        stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exit = once(child, 'exit');
    onTestFinished(async () => {
        child.kill('SIGTERM');
        await exit;
    });
    const said: Said[] = [];
    for await (const line of createInterface(child.stdout)) {
        said.push(JSON.parse(line) as Said);
        if (said.length === 2) {
            break;
        }
    }
    child.stdout.resume();
    return said;
}
