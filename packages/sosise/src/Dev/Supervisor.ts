import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { parse } from 'dotenv';
import { SOCKET_PATH } from '../Config/env.js';
import type { FailedStartServer } from '../DevTools/FailedStartServer.js';
import { SourceWatch } from '../Support/Files/SourceWatch.js';
import { Run } from './Run.js';

/** What decides how files and packages are loaded. */
const LOADING = ['tsconfig.json', 'package.json', 'package-lock.json'];

type Address = { readonly address: string; readonly port: number };

export interface SupervisorOptions {
    /** The folder of the project. */
    readonly root: string;
    /** The file that a run starts with; everything in its folder is watched. */
    readonly entry: string;
    /** What the application finds behind it in `process.argv`. */
    readonly args: readonly string[];
    /** The file of the process that waits to become a run. */
    readonly standby: string;
    /** The folder of the framework's sources, where a save concerns them, too. */
    readonly framework: string | undefined;
}

/**
 * Runs the application while it is worked on, and restarts it when a file is saved. The process of the next run waits with the
 * framework loaded, which is most of what a start takes, so that a save costs a fraction of it.
 */
export class Supervisor {
    private run: Run | undefined;
    private next: Run | undefined;
    private replacing: Promise<void> | undefined;
    private stopping = false;
    private address: Address | undefined;
    private failedStart: Promise<FailedStartServer | undefined> | undefined;
    /** `.env` as the run has read it; undefined while it may make it, or fill in the secret, as the first one does. */
    private env: string | undefined;

    public constructor(private readonly options: SupervisorOptions) {}

    public start(): void {
        const { root, entry, framework } = this.options;
        const watch = new SourceWatch((files) => this.saved(files))
            .addTree(dirname(entry))
            .addFiles(root, ['.env', 'sosise.json', ...LOADING]);
        if (framework !== undefined) {
            watch.addTree(framework);
        }
        process.on('SIGINT', () => void this.stop('SIGINT'));
        process.on('SIGTERM', () => void this.stop('SIGTERM'));
        process.stdin.on('data', () => this.restart('Enter')).on('error', () => undefined);
        this.launch();
    }

    private saved(all: readonly string[]): void {
        const files = all.filter((file) => file !== this.envFile || this.envWasChanged());
        const left = files.filter((file) => existsSync(file)); // a program may write to another file, and rename it
        const [named, ...others] = left.length > 0 ? left : files;
        if (named === undefined) {
            return;
        }
        if (files.some((file) => this.isLoadedAhead(file))) {
            this.next?.kill();
            this.next = undefined;
        }
        const more = others.length > 0 ? ` and ${others.length} more` : '';
        this.restart(`${relative(this.options.root, named)}${more} changed`);
    }

    /** Sources of the framework, and what says how they and the packages are loaded. */
    private isLoadedAhead(file: string): boolean {
        const { framework } = this.options;
        return (framework !== undefined && file.startsWith(framework)) || LOADING.includes(basename(file));
    }

    private envWasChanged(): boolean {
        return this.env !== undefined && this.env !== this.readEnv();
    }

    private restart(reason: string): void {
        if (this.replacing || this.stopping) {
            return; // the run that follows reads everything again
        }
        process.stdout.write(`\n${reason}: restarting\n`);
        this.replacing = this.replace().finally(() => {
            this.replacing = undefined;
        });
    }

    private async replace(): Promise<void> {
        await this.run?.stop();
        await (await this.failedStart)?.close(); // the next run listens there
        this.failedStart = undefined;
        if (!this.stopping) {
            this.launch();
        }
    }

    private launch(): void {
        const run = this.next ?? new Run(this.options);
        this.next = undefined;
        this.run = run;
        const env = this.readEnv();
        this.env = parse(env)['SESSION_SECRET']?.trim() ? env : undefined;
        run.start(this.options.entry);
        void run.settled.then(() => this.prepareNext(run));
        void run.ended.then((code) => this.ended(run, code));
    }

    /** Not before the run answers, or has failed: it has the processor for itself until then. */
    private prepareNext(run: Run): void {
        if (run !== this.run || this.stopping) {
            return;
        }
        this.env ??= this.readEnv();
        const next = new Run(this.options);
        this.next = next;
        void next.ended.then(() => {
            this.next = this.next === next ? undefined : this.next;
        });
    }

    private ended(run: Run, code: number | null): void {
        if (run === this.run && !this.replacing && !this.stopping) {
            process.stdout.write(`The application ended (${code ?? 'killed'}). The next save restarts it.\n`);
            this.address = run.address ?? this.address;
            this.failedStart = this.answerInstead(run.failure ?? 'The application ended. The terminal says more.');
        }
    }

    /** Says to browsers what the terminal says, where the application would answer. */
    private async answerInstead(text: string): Promise<FailedStartServer | undefined> {
        const variables: NodeJS.ProcessEnv = { ...parse(this.readEnv()), ...process.env };
        const { NODE_ENV, APP_ENV, LISTEN_HOST, LISTEN_PORT, PORT } = variables;
        const port = (process.env['LISTEN_PORT'] || process.env['PORT'] || LISTEN_PORT || PORT || '').trim();
        const address =
            this.address ??
            (SOCKET_PATH.test(port)
                ? { address: port, port: 0 }
                : { address: LISTEN_HOST || '127.0.0.1', port: Number(port) });
        const isSomewhere = address.port > 0 || SOCKET_PATH.test(address.address);
        if ((NODE_ENV || APP_ENV || 'development') !== 'development' || !isSomewhere) {
            return undefined;
        }
        try {
            const { FailedStartServer } = await import('../DevTools/FailedStartServer.js');
            return await FailedStartServer.open({ text, variables, ...address });
        } catch {
            return undefined; // another program has the port
        }
    }

    private async stop(signal: 'SIGINT' | 'SIGTERM'): Promise<void> {
        if (this.stopping) {
            return; // a second Ctrl-C reaches the application itself, which then ends at once
        }
        this.stopping = true;
        this.next?.kill();
        const code = await this.run?.stop(signal);
        process.exit(code ?? 1);
    }

    private get envFile(): string {
        return join(this.options.root, '.env');
    }

    private readEnv(): string {
        try {
            return readFileSync(this.envFile, 'utf8');
        } catch {
            return '';
        }
    }
}
