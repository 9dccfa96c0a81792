import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisServer } from '../helpers/redis.js';
import { PROJECT } from '../promises/compile.js';
import type { ModelOptions } from './Model.js';
import { type ChildOptions, clock, ModelProcess } from './ModelProcess.js';
import type { Random } from './Random.js';

/** What the processes keep their sessions in, and what may happen to them. */
export interface Setup {
    readonly name: string;
    readonly processes: number;
    readonly session: Record<string, unknown>;
    /** The driver that they begin with, and leave in the middle. */
    readonly before?: Record<string, unknown>;
    /** On a Redis of its own, which is killed and stopped too, or is left alone. */
    readonly redis?: 'disturbed' | 'steady';
    /** What is stored ends with the processes. */
    readonly forgets?: boolean;
}

export const SETUPS: readonly Setup[] = [
    { name: 'file', processes: 3, session: { driver: 'file' } },
    { name: 'redis', processes: 2, session: { driver: 'redis' }, redis: 'steady' },
    { name: 'redis-own', processes: 2, session: { driver: 'redis' }, redis: 'disturbed' },
    { name: 'memory', processes: 1, session: { driver: 'memory' }, forgets: true },
    { name: 'encrypted', processes: 2, session: { driver: 'file', encrypt: true } },
    {
        name: 'fallback',
        processes: 2,
        before: { driver: 'redis' },
        session: { driver: 'file', fallback: ['redis'] },
        redis: 'disturbed',
    },
];

/** How long a session lives without a request, and its cookie; 5 % of it is written down, and sent again. */
export const COOKIE_MS = 120_000;
/** For so long after it, trouble may still be the cause of a 503: leases end, clients connect anew. */
const AFTERMATH_MS = 8_000;

interface Span {
    readonly what: string;
    readonly from: number;
    until: number;
}

/** Server processes that share a storage, and what happens to them. */
export class Cluster {
    public readonly options: ModelOptions & { answerTimeoutMs: number; storeTimeoutMs: number };
    /** When the store forgot all, so far; the last may be under way. */
    public readonly wipes: { from: number; until: number; readonly done: Promise<void> }[] = [];
    /** What no process may say or do. */
    public readonly faults: string[] = [];
    public readonly counts: Record<string, number> = {};
    private readonly root = mkdtempSync(join(tmpdir(), 'model-'));
    private readonly processes: ModelProcess[] = [];
    private readonly all: ModelProcess[] = [];
    private readonly troubles: Span[] = [];
    private session: Record<string, unknown>;
    private redis: RedisServer | undefined;

    private constructor(
        public readonly setup: Setup,
        private readonly script: string,
        private readonly random: Random,
    ) {
        this.options = {
            unset: random.pick(['keep', 'destroy'] as const),
            lockTimeoutMs: 4_000,
            storeTimeoutMs: 2_000,
            answerTimeoutMs: random.pick([1_200, 30_000]),
        };
        this.session = setup.before ?? setup.session;
    }

    public static async open(setup: Setup, script: string, random: Random): Promise<Cluster> {
        const cluster = new Cluster(setup, script, random);
        mkdirSync(join(cluster.root, 'sessions'));
        try {
            if (setup.redis) {
                cluster.redis = await RedisServer.start();
            }
            await Promise.all(Array.from({ length: setup.processes }, (_, place) => cluster.start(place)));
        } catch (error) {
            await cluster.close();
            throw error;
        }
        return cluster;
    }

    public process(place: number): { process: ModelProcess; place: number } {
        const index = place % this.setup.processes;
        return { process: this.processes[index] as ModelProcess, place: index };
    }

    /** What may have caused a 503 that was given between these times. */
    public troubleIn(from: number, until: number): string | undefined {
        return this.troubles.find((span) => span.from <= until && span.until + AFTERMATH_MS >= from)?.what;
    }

    /** Something happens to one of the processes, or to Redis. */
    public async disturb(): Promise<void> {
        const { random } = this;
        const disturbed = this.setup.redis === 'disturbed' && !this.setup.before;
        const what = random.weighted({
            kill: 40,
            stop: 35,
            restart: 10,
            redisDies: disturbed ? 30 : 0,
            redisStops: disturbed ? 20 : 0,
        });
        const place = random.between(0, this.setup.processes - 1);
        const ms = random.pick([50, 200, 700, 1_500, 2_600]);
        this.counts[what] = (this.counts[what] ?? 0) + 1;
        const trouble: Span = { what, from: clock(), until: Number.POSITIVE_INFINITY };
        this.troubles.push(trouble);
        if (what === 'redisDies') {
            await this.wipedBy(async () => this.redis?.kill());
            await sleep(random.between(0, 400));
            await this.redis?.start();
        } else if (what === 'redisStops') {
            this.redis?.freeze();
            await sleep(ms);
            this.redis?.thaw();
        } else if (what === 'stop') {
            const { process } = this.process(place);
            process.freeze();
            await sleep(ms);
            process.thaw();
        } else {
            const { process } = this.process(place);
            const end = () => process.kill(what === 'kill' ? 'SIGKILL' : 'SIGTERM');
            await (this.setup.forgets ? this.wipedBy(end) : end());
            await this.start(place);
        }
        trouble.until = clock();
    }

    /** From now on on the driver that the setup names; what is stored in the one before is found by the fallback. */
    public async changeDriver(): Promise<void> {
        const trouble: Span = { what: 'another driver', from: clock(), until: Number.POSITIVE_INFINITY };
        this.troubles.push(trouble);
        await Promise.all(this.processes.map((process) => process.kill('SIGTERM')));
        this.session = this.setup.session;
        await Promise.all(this.processes.map((_, place) => this.start(place)));
        trouble.until = clock();
    }

    /** All that the processes said, by level. */
    public get log(): { level: string; message: string; stack?: string }[] {
        return this.all.flatMap(({ log }) => log);
    }

    public async close(): Promise<void> {
        await Promise.all(this.processes.map((process) => process.kill()));
        await this.redis?.stop();
        rmSync(this.root, { recursive: true, force: true });
    }

    private async wipedBy(work: () => Promise<unknown>): Promise<void> {
        let over = () => {};
        const done = new Promise<void>((resolve) => {
            over = resolve;
        });
        const wipe = { from: clock(), until: Number.POSITIVE_INFINITY, done };
        this.wipes.push(wipe);
        await work();
        wipe.until = clock();
        over();
    }

    private async start(place: number): Promise<void> {
        const { unset, lockTimeoutMs, storeTimeoutMs, answerTimeoutMs } = this.options;
        const options: ChildOptions = {
            root: this.root,
            project: PROJECT,
            answerTimeoutMs,
            // All on one machine, as far as files are concerned; other storages are shared by several.
            clockMs: this.setup.redis === undefined ? 0 : place * 300,
            session: {
                unset,
                lockTimeoutMs,
                storeTimeoutMs,
                pruneIntervalMs: 700,
                cookie: { maxAge: COOKIE_MS },
                drivers: {
                    file: { path: join(this.root, 'sessions') },
                    ...(this.redis && { redis: this.redis.options }),
                },
                ...this.session,
            },
        };
        const process = new ModelProcess(this.script, options, (why) => this.faults.push(why));
        this.processes[place] = process;
        this.all.push(process);
        await process.start();
    }
}
