import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../helpers/redis.js';

/** `npm run dev` of a copied project, on a port of its own. */
export class DevServer {
    public output = '';
    private constructor(
        private readonly folder: string,
        private readonly child: ChildProcess,
        public readonly url: string,
    ) {}

    /** Starts it, and waits until it listens. */
    public static async start(folder: string): Promise<DevServer> {
        const port = await freePort();
        const { NODE_ENV, APP_ENV, VITEST, SESSION_SECRET, ...env } = process.env;
        const tsx = join(folder, 'node_modules/tsx/dist/cli.mjs');
        const args = [tsx, 'watch', '--clear-screen=false', '--include', 'src', 'src/server.ts'];
        const child = spawn(process.execPath, args, {
            cwd: folder,
            env: { ...env, LISTEN_PORT: String(port), NO_COLOR: '1' },
            stdio: ['pipe', 'pipe', 'pipe'],
        });
        const server = new DevServer(folder, child, `http://localhost:${port}`);
        await new Promise<void>((resolve, reject) => {
            const read = (bytes: Buffer) => {
                server.output += String(bytes);
                if (server.output.includes('Logs ')) {
                    resolve();
                }
            };
            child.stdout?.on('data', read);
            child.stderr?.on('data', read);
            child.once('exit', () => reject(new Error(`It ended: ${server.output}`)));
        });
        return server;
    }

    /** Saves a file of the project with another text in it. */
    public save(path: string, before: string, now: string): void {
        const file = join(this.folder, path);
        const content = readFileSync(file, 'utf8');
        if (!content.includes(before)) {
            throw new Error(`${path} does not hold ${before}`);
        }
        writeFileSync(file, content.replace(before, now));
    }

    public async stop(): Promise<void> {
        if (this.child.exitCode === null) {
            const exit = once(this.child, 'exit');
            this.child.kill('SIGTERM');
            await exit;
        }
    }
}
