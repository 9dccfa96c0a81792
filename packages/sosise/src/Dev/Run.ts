import { type ChildProcess, fork } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import type { ToParent } from '../Http/serve.js';

/** A request that takes longer would keep whoever saved from the page with the change. */
const STOP_MS = 2_000;

type StopSignal = 'SIGINT' | 'SIGTERM';

/** What a run is told: to begin, or to end as if it had heard this signal. */
export type ToRun = { readonly entry: string } | { readonly stop: StopSignal };

export interface RunOptions {
    /** The file of the process: it waits to be told its entry. */
    readonly standby: string;
    /** What the application finds behind its entry in `process.argv`. */
    readonly args: readonly string[];
}

/** A process of the application: it loads the framework, and waits to be started. */
export class Run {
    /** Resolves when it listens, or has ended. */
    public readonly settled: Promise<unknown>;
    /** Resolves with the code it ended with; null: a signal ended it. */
    public readonly ended: Promise<number | null>;
    /** Where it has listened. */
    public address: AddressInfo | undefined;
    /** What it ended with, as it said it. */
    public failure: string | undefined;
    private readonly child: ChildProcess;

    public constructor({ standby, args }: RunOptions) {
        this.child = fork(standby, args, {
            stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
            execArgv: [...process.execArgv, '--import', import.meta.resolve('tsx')],
        });
        this.ended = new Promise((resolve) => {
            // What it has said last may be read after its end.
            this.child.once('exit', (code) =>
                this.child.connected ? this.child.once('disconnect', () => resolve(code)) : resolve(code),
            );
        });
        const ready = new Promise<void>((resolve) => {
            this.child.on('message', (message) => (message === 'ready' ? resolve() : this.hear(message as ToParent)));
        });
        this.settled = Promise.race([ready, this.ended]);
    }

    public start(entry: string): void {
        this.tell({ entry });
    }

    /** Asks it to end, and waits for that; what takes too long is killed. */
    public async stop(signal: StopSignal = 'SIGTERM'): Promise<number | null> {
        this.tell({ stop: signal });
        const late = setTimeout(() => {
            process.stderr.write(
                `The application was killed, as a request or a provider took longer than ${STOP_MS} ms to end.\n`,
            );
            this.kill();
        }, STOP_MS);
        const code = await this.ended;
        clearTimeout(late);
        return code;
    }

    public kill(): void {
        this.child.kill('SIGKILL');
    }

    private hear(message: ToParent): void {
        if (typeof message === 'object') {
            this.address = 'listening' in message ? message.listening : this.address;
            this.failure = 'failed' in message ? message.failed : this.failure;
        }
    }

    /** By message, as Windows knows no signals that a process could hear. */
    private tell(message: ToRun): void {
        if (this.child.connected) {
            this.child.send(message, () => undefined); // it may end meanwhile
        }
    }
}
