import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What a server process of the model's test is told when it starts. */
export interface ChildOptions {
    readonly root: string;
    /** The project, where sosise.json is. */
    readonly project: string;
    readonly session: Record<string, unknown>;
    readonly answerTimeoutMs: number;
    /** How far its clock is ahead. */
    readonly clockMs: number;
}

/** What one request was seen doing by its process. Times are of the machine's clock, in ms. */
export interface Facts {
    arrived?: number;
    turn?: number;
    /** In the order of the plan; undefined where nothing was heard of one. */
    readonly ops: { readonly from: number; readonly until: number; readonly seen: unknown }[];
    /** When its route answered, and with which error's status, if any. */
    answered?: number;
    thrown?: number;
}

export const clock = () => Number(process.hrtime.bigint()) / 1e6;

/** One server process, and what it says. */
export class ModelProcess {
    public url = '';
    /** When it was dead for certain. */
    public deadAt: number | undefined;
    public readonly log: { level: string; message: string; stack?: string }[] = [];
    /** Resolves when it has ended and all that it said was heard. */
    public readonly gone: Promise<void>;
    private readonly child: ChildProcess;
    private readonly facts = new Map<number, Facts>();
    private readonly echoes = new Map<string, () => void>();
    private tellPort: (port: number) => void = () => undefined;
    private mayEnd = false;
    private stderr = '';

    public constructor(
        script: string,
        options: ChildOptions,
        /** Called where it ends by itself. */
        private readonly onDeath: (why: string) => void,
    ) {
        this.child = spawn(process.execPath, [script, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'pipe'] });
        this.child.stdin?.on('error', () => undefined);
        this.child.stderr?.on('data', (text) => {
            this.stderr = `${this.stderr}${text}`.slice(-4_000);
        });
        createInterface({ input: this.child.stdout as NodeJS.ReadableStream }).on('line', (line) => this.hear(line));
        this.gone = new Promise((resolve) => {
            this.child.once('exit', () => {
                this.deadAt = clock();
            });
            this.child.once('close', (code, signal) => {
                if (!this.mayEnd) {
                    this.onDeath(`a process ended by itself (${signal ?? code}): ${this.stderr}`);
                }
                for (const resolve of this.echoes.values()) {
                    resolve();
                }
                resolve();
            });
        });
    }

    public async start(): Promise<this> {
        const port = await new Promise<number>((resolve, reject) => {
            this.tellPort = resolve;
            this.gone.then(() => reject(new Error(`A server did not start: ${this.stderr}`)));
        });
        this.url = `http://127.0.0.1:${port}`;
        return this;
    }

    public factsOf(id: number): Facts {
        const facts = this.facts.get(id) ?? { ops: [] };
        this.facts.set(id, facts);
        return facts;
    }

    public forget(id: number): void {
        this.facts.delete(id);
    }

    /** Waits until all is heard that it has said so far. */
    public async settled(): Promise<void> {
        if (this.deadAt !== undefined) {
            return this.gone;
        }
        const name = String(Math.random());
        await new Promise<void>((resolve) => {
            this.echoes.set(name, resolve);
            this.child.stdin?.write(`${name}\n`);
            this.gone.then(resolve);
        });
        this.echoes.delete(name);
    }

    public kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
        this.mayEnd = true;
        this.child.kill('SIGCONT');
        this.child.kill(signal);
        return this.gone;
    }

    public freeze(): void {
        this.child.kill('SIGSTOP');
    }

    public thaw(): void {
        this.child.kill('SIGCONT');
    }

    private hear(line: string): void {
        const [what, ...said] = JSON.parse(line) as [string, ...never[]];
        if (what === 'port') {
            this.tellPort(said[0] as unknown as number);
        } else if (what === 'echo') {
            for (const name of said[0] as unknown as string[]) {
                this.echoes.get(name)?.();
            }
        } else if (what === 'log') {
            const [level, message, stack] = said as unknown as [string, string, string?];
            this.log.push({ level, message, ...(stack !== undefined && { stack }) });
        } else {
            this.note(what, said);
        }
    }

    private note(what: string, said: readonly unknown[]): void {
        const facts = this.factsOf(said[0] as number);
        if (what === 'op') {
            const [, index, from, until, seen] = said as [number, number, number, number, unknown];
            facts.ops[index] = { from, until, seen };
        } else if (what === 'arrive') {
            facts.arrived = said[1] as number;
        } else if (what === 'turn') {
            facts.turn = said[1] as number;
        } else if (what === 'answer') {
            facts.answered = said[1] as number;
            if (said[2] !== undefined) {
                facts.thrown = said[2] as number;
            }
        }
    }
}
