import { isOurs, Rig, type RigOptions, type System } from './System.js';

/** What came of one promise on one system. */
export class Outcome {
    public rounds = 0;
    public losses = 0;
    public kills = 0;
    /** Why nothing was tried. */
    public skipped: string | undefined;
    public readonly examples: string[] = [];
    private readonly kinds = new Set<string>();

    /** Counts a round; `loss` says what was lost, undefined that nothing was. */
    public round(loss?: string | undefined): void {
        this.rounds += 1;
        if (loss !== undefined) {
            this.losses += 1;
            // One of each kind: numbers apart, most losses of a promise read the same.
            const kind = loss.replace(/\d+/g, '#').slice(0, 60);
            if (this.examples.length < 4 && !this.kinds.has(kind)) {
                this.kinds.add(kind);
                this.examples.push(loss);
            }
        }
    }
}

/** What a promise is run with. */
export class Trial {
    public readonly outcome = new Outcome();

    public constructor(
        public readonly system: System,
        private readonly script: string,
        /** Part of the full number of rounds. */
        private readonly part: number,
        /** What the system needs beyond what a promise asks for. */
        private readonly extra: RigOptions = {},
    ) {}

    /** How many rounds of `full` to run; hand-wired systems need few to show what they lose. */
    public rounds(full: number, least = 1): number {
        const part = isOurs(this.system) ? this.part : Math.min(this.part, 1) / 4;
        return Math.max(least, Math.round(full * part));
    }

    /** One round that may end a process; what it throws is a loss too. */
    public async survive(rig: Rig, what: string, work: () => Promise<string | undefined>): Promise<void> {
        let loss = await work().catch((error: Error) => error.message);
        if ((await rig.revive()) > 0) {
            loss = 'the process ended';
        }
        this.outcome.round(loss && `${what}: ${loss}`);
    }

    /** Runs `work` on a running system, which is gone afterwards. */
    public async on(options: RigOptions, work: (rig: Rig) => Promise<void>): Promise<void> {
        const rig = await Rig.open(this.system, this.script, { ...this.extra, ...options });
        try {
            await work(rig);
        } finally {
            await rig.close();
        }
    }
}

/** One row of the table. */
export interface SessionPromise {
    readonly name: string;
    /** The systems that it means nothing on, with the reason. */
    readonly without?: (system: System) => string | undefined;
    run(trial: Trial): Promise<void>;
}

export const onlyFiles = (system: System) => (system.store === 'file' ? undefined : 'no files');

export const onlyRedis = (system: System) => (system.store === 'redis' ? undefined : 'no Redis');

export const onlyPostgres = (system: System) => (system.store === 'postgres' ? undefined : 'no PostgreSQL');

/** Where sessions outlive their process. */
export const onlyKept = (system: System) => (system.store === 'memory' ? 'in memory' : undefined);

/** The value that JSON.stringify gives, shortened. */
export const shown = (value: unknown) => JSON.stringify(value)?.slice(0, 90) ?? 'undefined';
