import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { ServerOptions } from '../helpers/server/ServerOptions.js';

export interface LogLine {
    readonly level: string;
    readonly message: string;
    readonly reason?: string;
    readonly causes?: readonly string[];
}

export interface ProcessOptions {
    /** Runs as this user: root may read and write everything, whatever the permissions say. */
    asNobody?: boolean;
    /** The most files that it may have open. */
    openFiles?: number;
}

const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];

/** One running server. */
export class ServerProcess {
    public url = '';
    public readonly log: LogLine[] = [];
    private readonly child: ChildProcess;
    private readonly exited: Promise<unknown>;
    private readonly loaded: Promise<void>;
    private tellPort: (port: number) => void = () => undefined;

    /** Begins to load the server's modules; `start()` starts it. */
    public constructor(script: string, options: ServerOptions, { asNobody, openFiles }: ProcessOptions = {}) {
        const command = [
            ...(asNobody && process.getuid?.() === 0 ? NOBODY : []),
            ...(openFiles === undefined ? [] : ['prlimit', `--nofile=${openFiles}:${openFiles}`]),
            process.execPath,
            script,
            JSON.stringify(options),
        ];
        // Hand-wired Express prints the stack of every error; ours prints nothing there unless something is wrong.
        const stderr = options.wiring === 'handwired' ? 'ignore' : 'inherit';
        this.child = spawn(command[0] as string, command.slice(1), { stdio: ['pipe', 'pipe', stderr] });
        this.exited = once(this.child, 'exit');
        this.child.stdin?.on('error', () => undefined); // killed before it was started
        this.loaded = new Promise((resolve, reject) => {
            createInterface({ input: this.child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
                this.hear(line, resolve);
            });
            this.exited.then(() => reject(new Error('The server ended before it was loaded.')));
        });
        this.loaded.catch(() => undefined);
    }

    public async start(): Promise<this> {
        await this.loaded;
        const port = new Promise<number>((resolve, reject) => {
            this.tellPort = resolve;
            this.exited.then(() => reject(new Error('The server ended while it was starting.')));
        });
        this.child.stdin?.write('\n');
        this.url = `http://127.0.0.1:${await port}`;
        return this;
    }

    public get isAlive(): boolean {
        return this.child.exitCode === null && this.child.signalCode === null;
    }

    /** The moment when the signal was given is when this is called; the process is gone when it resolves. */
    public async kill(): Promise<void> {
        this.child.kill('SIGKILL');
        await this.exited;
    }

    public freeze(): void {
        this.child.kill('SIGSTOP');
    }

    public thaw(): void {
        this.child.kill('SIGCONT');
    }

    private hear(line: string, loaded: () => void): void {
        if (!line.startsWith('{')) {
            return; // session-file-store talks to the console
        }
        const said = JSON.parse(line) as LogLine & { loaded?: true; port?: number };
        if (said.loaded) {
            loaded();
        } else if (said.port) {
            this.tellPort(said.port);
        } else {
            this.log.push(said);
        }
    }
}
