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

interface Said {
    readonly pid?: number;
    readonly port?: number;
    readonly error?: string;
}

type Options = Pick<ServerOptions, 'store'> & Partial<ServerOptions>;

/** Two workers of node:cluster that share a port; gives what each of them said at its start. */
export function startTwo(options: Options): Promise<Said[]> {
    return start('clusterServer', withFolder(options), 2);
}

/** Two processes on one store, each with a port of its own; gives their addresses. */
export async function startApart(options: Options): Promise<[string, string]> {
    const same = withFolder(options);
    const started = [start('server', same, 1), start('server', same, 1)];
    const [one, other] = (await Promise.all(started)).flat().map(({ port }) => `http://127.0.0.1:${port}`);
    return [one as string, other as string];
}

function withFolder(more: Options): ServerOptions {
    const folder = join(temporaryFolder(), 'sessions');
    mkdirSync(folder);
    return {
        wiring: 'skeleton',
        folder,
        redisPort: 0,
        idleMs: 3_600_000,
        secret: 'a secret for the cluster, long enough for it',
        project: STOCK,
        ...more,
    };
}

/** Starts a fixture and gives its first lines. It ends with the test. */
async function start(fixture: string, options: ServerOptions, lines: number): Promise<Said[]> {
    const script = fileURLToPath(new URL(`../fixtures/${fixture}.ts`, import.meta.url));
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
        if (said.length === lines) {
            break;
        }
    }
    child.stdout.resume();
    return said;
}
