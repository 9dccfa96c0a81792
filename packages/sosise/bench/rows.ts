import type { AccessLog, AppName, AppOptions, Driver } from './AppProcess.js';
import { type Load, type Sample, Subject, type WorkloadName } from './Subject.js';

/** One line of the table: what is asked, of which driver. */
export interface RowPlan {
    readonly driver: Driver;
    readonly workload: WorkloadName;
    /** Where ours writes its access log, besides its files. */
    readonly accessLog: AccessLog | undefined;
    readonly processes: number;
}

/** Medians over the rounds of one app. */
export interface Figures {
    perSecond: number;
    cpu: number | undefined;
    p50: number;
    p99: number;
    /** The slowest of all rounds. */
    max: number;
}

const WARM_REQUESTS = 8_000;
const WARM_TURNS = 5;

/** The first is what the others are compared with. */
export const COMPARED = ['hand-wired', 'ours'] as const satisfies AppName[];
export const PEERS = ['fastify', 'node:http'] as const satisfies AppName[];
/** Of one driver alone: what else of ours it stands beside. */
const BESIDE: Partial<Record<Driver, 'adapter' | 'files'>> = { database: 'adapter', sqlite: 'files' };
export const ALL = [...COMPARED, 'adapter', 'files', 'with metrics', 'before', ...PEERS] as const;
export type Compared = (typeof ALL)[number];

/** What was measured of one app. */
export interface Result {
    figures: Figures;
    /** Requests per second, to those of hand-wired, round by round. */
    ratio: { median: number; min: number; max: number };
}

export interface Row extends RowPlan {
    /** Why the row does not count: what was wrong with an answer. */
    void?: string;
    results: Partial<Record<Compared, Result>>;
}

export interface Rounds extends Load {
    rounds: number;
    bytes: number;
    encrypt: boolean;
    /** Whether ours with its metrics on is asked, too. */
    metrics: boolean;
    /** The folder of another working tree whose ours is asked, too; undefined for none. */
    before: string | undefined;
    /** The Node program of the servers. */
    node: string;
    /** Where the packages of the peers are; undefined if these are not asked. */
    peers: string | undefined;
}

/** The rows of the default run, in their order. The access log costs the same with every driver. */
export function planRows(drivers: readonly Driver[], only: readonly string[], processes: readonly number[]): RowPlan[] {
    const workloads: WorkloadName[] = ['none', 'read', 'change', 'change-form', 'new', 'new-form', 'unknown'];
    const rows = drivers.flatMap((driver) =>
        processes.flatMap((count) =>
            workloads.map((workload) => ({ driver, workload, accessLog: undefined, processes: count })),
        ),
    );
    const driver = drivers[0] ?? 'memory';
    const logged = (['log', 'terminal'] as const).map(
        (accessLog): RowPlan => ({ driver, workload: 'none', accessLog, processes: 1 }),
    );
    return [...rows, ...logged].filter(
        ({ workload, accessLog }) => only.length === 0 || only.includes(accessLog ?? workload),
    );
}

/** Runs all apps at once and asks them in turn, so that whatever else the machine does meets each. */
export async function measureRow(plan: RowPlan, settings: Rounds, say: (text: string) => void): Promise<Row> {
    const beside = BESIDE[plan.driver];
    const metrics = settings.metrics ? (['with metrics'] as const) : [];
    const before = settings.before === undefined ? [] : (['before'] as const);
    const names: Compared[] = [
        ...COMPARED,
        ...metrics,
        ...before,
        ...(beside ? [beside] : settings.peers ? PEERS : []),
    ];
    const samples = new Map<AppName, Sample[]>(names.map((name) => [name, []]));
    const subjects: Subject[] = [];
    try {
        for (const name of names) {
            subjects.push(await startSubject(name, plan, settings));
        }
        for (const subject of subjects) {
            await warm(subject, settings.seconds);
        }
        const title = `${plan.driver} ${plan.workload}${plan.accessLog ? `, ${plan.accessLog}` : ''}`;
        for (let round = 0; round < settings.rounds; round += 1) {
            say(`${title}: round ${round + 1} of ${settings.rounds}`);
            for (const subject of turns(subjects, round)) {
                samples.get(subject.app.name)?.push(await subject.measure(settings.seconds));
            }
        }
    } catch (error) {
        return { ...plan, void: (error as Error).message, results: {} };
    } finally {
        await Promise.all(subjects.map((subject) => subject.stop()));
    }
    const base = samples.get('hand-wired') as Sample[];
    return { ...plan, results: Object.fromEntries([...samples].map(([name, each]) => [name, resultOf(each, base)])) };
}

/** Each app comes behind each other one as often: who follows writes to many files waits for the disk, too. */
function turns<T>(apps: readonly T[], round: number): readonly T[] {
    const first = Math.floor(round / 2) % apps.length;
    const turned = [...apps.slice(first), ...apps.slice(0, first)];
    return round % 2 === 0 ? turned : turned.toReversed();
}

/** Until the code is compiled: after so many requests, or some turns of a slow server. */
async function warm(subject: Subject, seconds: number): Promise<void> {
    for (let requests = 0, turn = 0; requests < WARM_REQUESTS && turn < WARM_TURNS; turn += 1) {
        requests += (await subject.measure(seconds)).requests;
    }
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
        peers: settings.peers,
        before: settings.before,
        ...more,
    });
}

function resultOf(samples: Sample[], base: Sample[]): Result {
    const ratios = samples.map((sample, round) => perSecond(sample) / perSecond(base[round] as Sample));
    return {
        figures: figures(samples),
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
        max: Math.max(...samples.map(({ latencies }) => latencies.at(-1) ?? Number.NaN)),
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
