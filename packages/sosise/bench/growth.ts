import type { Driver } from './AppProcess.js';
import { fixed, markdown } from './report.js';
import { Subject } from './Subject.js';

/** One thing grows, the others stay as they are in the first point. Sessions are a multiple of the connections. */
interface Point {
    readonly sessions: number;
    readonly bytes: number;
    readonly connections: number;
}

export interface Growth extends Point {
    readonly driver: Driver;
    void?: string;
    read?: Speed;
    change?: Speed;
}

interface Speed {
    perSecond: number;
    /** In ms. */
    p99: number;
}

export interface StoredMemory {
    app: 'hand-wired' | 'ours';
    /** Resident memory that a stored session of 1 KB takes, in bytes; undefined where /proc does not tell. */
    bytes: number | undefined;
}

const START: Point = { sessions: 1024, bytes: 1024, connections: 32 };
/** Just below the memory driver's cap. */
const MANY = 99_968;

const POINTS: Point[] = [
    START,
    { ...START, sessions: MANY },
    ...[100, 16_384, 65_536].map((bytes) => ({ ...START, bytes })),
    ...[1, 256].map((connections) => ({ ...START, connections })),
    { ...START, sessions: 1000, connections: 1000 },
];
const MILLION: Point = { ...START, sessions: 1_000_000 };
const WARM_SECONDS = 0.5;

/** @param million Also with a million sessions, in files only. */
export async function measureGrowth(
    drivers: readonly Driver[],
    { seconds, million, node }: { seconds: number; million: boolean; node: string },
    say: (text: string) => void,
): Promise<Growth[]> {
    const rows: Growth[] = [];
    for (const driver of drivers) {
        for (const point of million && driver === 'file' ? [...POINTS, MILLION] : POINTS) {
            say(`${driver}: ${point.sessions} sessions of ${point.bytes} bytes, ${point.connections} connections`);
            rows.push(await measurePoint(driver, point, { seconds, node }));
        }
    }
    return rows;
}

async function measurePoint(
    driver: Driver,
    point: Point,
    { seconds, node }: { seconds: number; node: string },
): Promise<Growth> {
    const row: Growth = { driver, ...point };
    let subject: Subject | undefined;
    try {
        subject = await Subject.start('ours', 'read', { ...point, seconds }, { driver, bytes: point.bytes, node });
        for (const workload of ['read', 'change'] as const) {
            await subject.measure(WARM_SECONDS, workload);
            const { requests, seconds: spent, latencies } = await subject.measure(seconds, workload);
            row[workload] = { perSecond: requests / spent, p99: latencies[Math.floor(requests * 0.99)] ?? Number.NaN };
        }
    } catch (error) {
        row.void = (error as Error).message;
    } finally {
        await subject?.stop();
    }
    return row;
}

/** What the memory drivers of both apps take for a session. */
export async function measureStoredMemory(node: string, say: (text: string) => void): Promise<StoredMemory[]> {
    const found: StoredMemory[] = [];
    for (const app of ['hand-wired', 'ours'] as const) {
        say(`memory per stored session: ${app}`);
        const before = await residentWith(app, START.sessions, node);
        const after = await residentWith(app, MANY, node);
        const bytes = before && after && ((after - before) * 1024 * 1024) / (MANY - START.sessions);
        found.push({ app, bytes });
    }
    return found;
}

async function residentWith(app: 'hand-wired' | 'ours', sessions: number, node: string): Promise<number | undefined> {
    const load = { ...START, sessions, seconds: WARM_SECONDS };
    const subject = await Subject.start(app, 'read', load, { driver: 'memory', bytes: START.bytes, node });
    try {
        await subject.measure(WARM_SECONDS);
        return subject.app.residentMegabytes();
    } finally {
        await subject.stop();
    }
}

export function growthTable(rows: readonly Growth[]): string {
    return markdown(
        ['driver', 'sessions', 'bytes', 'connections', 'read req/s', 'read p99 ms', 'change req/s', 'change p99 ms'],
        rows.map((row) => [
            row.driver,
            ...[row.sessions, row.bytes, row.connections].map(String),
            ...(row.void
                ? [`void: ${row.void}`, '', '', '']
                : [row.read, row.change].flatMap((speed) => [fixed(speed?.perSecond, 0), fixed(speed?.p99, 2)])),
        ]),
    );
}

export function storedMemoryTable(found: readonly StoredMemory[]): string {
    return markdown(
        ['memory driver', 'bytes of resident memory per session of 1 KB'],
        found.map(({ app, bytes }) => [app, fixed(bytes, 0)]),
    );
}
