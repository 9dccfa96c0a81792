import type { AppName, AppOptions, Driver } from './AppProcess.js';
import { type Load, type Sample, Subject, type WorkloadName } from './Subject.js';

/** One line of the table: what is asked, of which driver. */
export interface RowPlan {
    readonly driver: Driver;
    readonly workload: WorkloadName;
    readonly accessLog: boolean;
    readonly processes: number;
}

/** Medians over the rounds of one app. */
export interface Figures {
    perSecond: number;
    cpu: number | undefined;
    p50: number;
    p99: number;
}

export interface Row extends RowPlan {
    /** Why the row does not count: what was wrong with an answer. */
    void?: string;
    handWired?: Figures;
    ours?: Figures;
    /** Requests per second of ours to hand-wired, round by round. */
    ratio?: { median: number; min: number; max: number };
}

export interface Rounds extends Load {
    rounds: number;
    bytes: number;
    encrypt: boolean;
    /** The Node program of the servers. */
    node: string;
}

/** The rows of the default run, in their order. The access log costs the same with every driver. */
export function planRows(drivers: readonly Driver[], only: readonly string[], processes: readonly number[]): RowPlan[] {
    const workloads: WorkloadName[] = ['none', 'read', 'change', 'change-form', 'new', 'new-form', 'unknown'];
    const rows = drivers.flatMap((driver) =>
        processes.flatMap((count) =>
            workloads.map((workload) => ({ driver, workload, accessLog: false, processes: count })),
        ),
    );
    const logged: RowPlan = { driver: drivers[0] ?? 'memory', workload: 'none', accessLog: true, processes: 1 };
    return [...rows, logged].filter(
        ({ workload, accessLog }) => only.length === 0 || only.includes(accessLog ? 'log' : workload),
    );
}

/** Runs both apps at once and asks them in turn, so that whatever else the machine does meets both. */
export async function measureRow(plan: RowPlan, settings: Rounds, say: (text: string) => void): Promise<Row> {
    const samples: Record<'hand-wired' | 'ours', Sample[]> = { 'hand-wired': [], ours: [] };
    const subjects: Subject[] = [];
    try {
        for (const name of ['hand-wired', 'ours'] as const) {
            subjects.push(await startSubject(name, plan, settings));
        }
        for (const subject of subjects) {
            await subject.measure(settings.seconds); // until the code is compiled
        }
        for (let round = 0; round < settings.rounds; round += 1) {
            say(
                `${plan.driver} ${plan.workload}${plan.accessLog ? ' with log' : ''}: round ${round + 1} of ${settings.rounds}`,
            );
            for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) {
                samples[subject.app.name as 'ours'].push(await subject.measure(settings.seconds));
            }
        }
    } catch (error) {
        return { ...plan, void: (error as Error).message };
    } finally {
        await Promise.all(subjects.map((subject) => subject.stop()));
    }
    return { ...plan, ...compare(samples['hand-wired'], samples.ours) };
}

/** An unknown id is about how long one visitor waits, the others about how many are served. */
function loadOf({ workload }: RowPlan, settings: Rounds): Load {
    return workload === 'unknown' ? { ...settings, connections: 1 } : settings;
}

export function startSubject(name: AppName, plan: RowPlan, settings: Rounds, more: Partial<AppOptions> = {}) {
    const { driver, workload, accessLog, processes } = plan;
    return Subject.start(name, workload, loadOf(plan, settings), {
        driver,
        accessLog,
        processes,
        bytes: settings.bytes,
        encrypt: settings.encrypt,
        node: settings.node,
        ...more,
    });
}

function compare(handWired: Sample[], ours: Sample[]): Partial<Row> {
    const ratios = ours.map((sample, round) => perSecond(sample) / perSecond(handWired[round] as Sample));
    return {
        handWired: figures(handWired),
        ours: figures(ours),
        ratio: { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) },
    };
}

function figures(samples: Sample[]): Figures {
    const known = samples.flatMap(({ cpu }) => cpu ?? []);
    return {
        perSecond: median(samples.map(perSecond)),
        cpu: known.length > 0 ? median(known) : undefined,
        p50: median(samples.map(({ latencies }) => quantile(latencies, 0.5))),
        p99: median(samples.map(({ latencies }) => quantile(latencies, 0.99))),
    };
}

const perSecond = ({ requests, seconds }: Sample): number => requests / seconds;

export function median(values: readonly number[]): number {
    return quantile(
        values.toSorted((a, b) => a - b),
        0.5,
    );
}

function quantile(sorted: ArrayLike<number>, part: number): number {
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
