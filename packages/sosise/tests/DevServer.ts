import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './helpers/redis.js';

const UP = /^ +Logs .*\n/m;

/** `npm run dev` of a copied project, on a port of its own, in a process group of its own as a terminal makes it. */
export class DevServer {
    public output = '';
    private readonly exit: Promise<unknown[]>;
    private waiting: (() => void)[] = [];

    private constructor(
        private readonly folder: string,
        private readonly child: ChildProcess,
        public readonly url: string,
    ) {
        this.exit = once(child, 'exit');
        const read = (bytes: Buffer) => {
            this.output += String(bytes);
            this.wake();
        };
        child.stdout?.on('data', read);
        child.stderr?.on('data', read);
        void this.exit.then(() => this.wake());
    }

    /** Starts it, and waits until it listens: on a free port unless told otherwise. */
    public static async start(folder: string, listenPort?: string): Promise<DevServer> {
        const port = listenPort ?? (await freePort());
        const { NODE_ENV, APP_ENV, VITEST, SESSION_SECRET, ...env } = process.env;
        const { scripts } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
        const [, ...args] = scripts.dev.split(' ');
        const child = spawn(process.execPath, [join(folder, 'node_modules/sosise/bin/sosise.js'), ...args], {
            cwd: folder,
            env: { ...env, LISTEN_PORT: String(port), NO_COLOR: '1' },
            stdio: ['pipe', 'pipe', 'pipe'],
            detached: true,
        });
        const server = new DevServer(folder, child, `http://localhost:${port}`);
        await server.says(UP);
        return server;
    }

    /** Waits until it has written this, from a place in its output on. */
    public async says(pattern: RegExp, from = 0): Promise<string> {
        for (;;) {
            const [text] = pattern.exec(this.output.slice(from)) ?? [];
            if (text !== undefined) {
                return text;
            }
            if (this.child.exitCode !== null || this.child.signalCode !== null) {
                throw new Error(`It ended: ${this.output}`);
            }
            await new Promise<void>((resolve) => this.waiting.push(resolve));
        }
    }

    /** Does something that makes it start anew, and waits until it has. Gives what it wrote meanwhile. */
    public async reloaded(change: () => unknown, until: RegExp = UP): Promise<string> {
        const from = this.output.length;
        change();
        await this.says(until, from);
        return this.output.slice(from);
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

    /** What a key does in the terminal: Enter, or Ctrl-C, which reaches all of its processes. */
    public press(key: 'Enter' | 'Ctrl-C'): void {
        if (key === 'Enter') {
            this.child.stdin?.write('\n');
        } else {
            process.kill(-(this.child.pid as number), 'SIGINT');
        }
    }

    /** Ends the process that was started, and no other. */
    public kill(signal: NodeJS.Signals): void {
        this.child.kill(signal);
    }

    /** Resolves with its exit code. */
    public async ended(): Promise<unknown> {
        return (await this.exit)[0];
    }

    /** Whether any of its processes is left. */
    public isLeft(): boolean {
        try {
            return process.kill(-(this.child.pid as number), 0);
        } catch {
            return false;
        }
    }

    public async stop(): Promise<void> {
        this.child.kill('SIGTERM');
        await this.exit;
    }

    private wake(): void {
        for (const resolve of this.waiting.splice(0)) {
            resolve();
        }
    }
}
