import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PostgresCluster } from '../tests/helpers/PostgresCluster.js';
import { freePort, RedisServer } from '../tests/helpers/redis.js';
import { BenchSchema } from './BenchSchema.js';
import { onAllCores, onServerCore } from './pinning.js';

export type AppName =
    | 'hand-wired'
    | 'ours'
    | 'adapter'
    | 'files'
    | 'with metrics'
    | 'before'
    | 'as shipped'
    | 'fastify'
    | 'node:http';
/** `database` is PostgreSQL. */
export type Driver = 'file' | 'memory' | 'redis' | 'database' | 'sqlite';

/** Into files and a standard output that nobody reads, as JSON; or into files and, readable, on a terminal. */
export type AccessLog = 'log' | 'terminal';

export interface AppOptions {
    driver: Driver;
    /** The Node program that runs it. Default: the one that runs this. */
    node?: string | undefined;
    /** How many processes share the port, by node:cluster. Default: 1. */
    processes?: number;
    /** Bytes of JSON in each session. */
    bytes?: number;
    /** Ours: one line per request. */
    accessLog?: AccessLog | undefined;
    /** Ours: sessions are stored encrypted. */
    encrypt?: boolean;
    /** Settings of its Redis server. */
    redis?: readonly string[];
    /** A PostgreSQL of its own, to be frozen and killed, in place of a schema in that of this machine. */
    cluster?: boolean;
    /** Hand-wired: load what else the skeleton loads. */
    allPackages?: boolean;
    /** Fastify: the folder of its packages. */
    peers?: string | undefined;
    /** Before: the folder of the other working tree, which has been built. */
    before?: string | undefined;
    /** Write a CPU profile to this file when it stops. */
    profile?: string;
}

export const SECRET = 'Bench-5tQw8nLz2vXk7mRj4hFp9sDc3yGb6aUe';

const ENTRIES: Record<Exclude<AppName, 'before'>, string> = {
    'hand-wired': './apps/handWired.js',
    ours: './apps/ours.js',
    adapter: './apps/ours.js',
    files: './apps/ours.js',
    'with metrics': './apps/ours.js',
    'as shipped': '../../../build/server.js',
    fastify: './apps/fastify.js',
    'node:http': './apps/nodeHttp.js',
};

/** Ours beside ours: connect-pg-simple behind the adapter for stores from npm, and the file driver. */
const DRIVERS: Partial<Record<AppName, string>> = { adapter: 'adapter', files: 'file' };

const CLUSTER = fileURLToPath(new URL('./apps/cluster.js', import.meta.url));

const BOOT_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 15_000;

const running = new Set<AppProcess>();
process.on('exit', () => {
    for (const app of running) {
        app.kill();
    }
});

/** One of the compared apps: a production process on a free loopback port, with a temporary folder of its own. */
export class AppProcess {
    private errors = '';

    private constructor(
        public readonly name: AppName,
        public readonly port: number,
        private readonly child: ChildProcess,
        private readonly folder: string,
        /** Its own, where that is its driver. */
        public readonly redis: RedisServer | undefined,
        public readonly cluster: PostgresCluster | undefined,
        private readonly schema: BenchSchema | undefined,
        /** What was started is the terminal, and the application its child. */
        private readonly onTerminal: boolean,
    ) {
        running.add(this);
        child.stderr?.setEncoding('utf8').on('data', (text: string) => {
            this.errors = (this.errors + text).slice(-2_000);
        });
    }

    public static async start(name: AppName, options: AppOptions): Promise<AppProcess> {
        const port = await freePort();
        const folder = mkdtempSync(join(tmpdir(), 'sosise-bench-'));
        const entry = entryOf(name, options);
        const { processes = 1 } = options;
        // On the client's core: it is the application that is measured.
        const redis = options.driver === 'redis' ? await RedisServer.start(...(options.redis ?? [])) : undefined;
        const cluster = options.cluster ? await PostgresCluster.start() : undefined;
        const usesSchema = options.driver === 'database' && !cluster;
        const schema = usesSchema ? await BenchSchema.make({ forPackage: name !== 'ours' }) : undefined;
        const { profile } = options;
        const flags = profile
            ? [
                  '--cpu-prof',
                  '--cpu-prof-interval=500',
                  `--cpu-prof-dir=${dirname(profile)}`,
                  `--cpu-prof-name=${basename(profile)}`,
              ]
            : [];
        const script = processes > 1 ? [CLUSTER, entry, String(processes)] : [entry];
        const node = [options.node ?? process.execPath, ...flags, ...script];
        const pinned = processes > 1 ? onAllCores(node) : onServerCore(node);
        const onTerminal = options.accessLog === 'terminal';
        const [command = '', ...args] = onTerminal ? inTerminal(pinned) : pinned;
        const child = spawn(command, args, {
            cwd: folder,
            env: {
                PATH: process.env['PATH'],
                NODE_ENV: 'production',
                PORT: String(port),
                LISTEN_PORT: String(port),
                LISTEN_HOST: '127.0.0.1',
                SESSION_SECRET: SECRET,
                BENCH_DRIVER: DRIVERS[name] ?? options.driver,
                BENCH_FOLDER: folder,
                BENCH_REDIS_PORT: String(redis?.port ?? 0),
                BENCH_DATABASE: schema?.url ?? (cluster ? addressOf(cluster) : ''),
                BENCH_BYTES: String(options.bytes ?? 1024),
                BENCH_ACCESS_LOG: options.accessLog ?? '',
                BENCH_ENCRYPT: options.encrypt ? '1' : '0',
                BENCH_METRICS: name === 'with metrics' ? '1' : '0',
                BENCH_PEERS: options.peers ?? '',
                BENCH_PACKAGES: options.allPackages ? 'all' : '',
            },
            stdio: ['ignore', 'ignore', 'pipe'],
        });
        return new AppProcess(name, port, child, folder, redis, cluster, schema, onTerminal);
    }

    /** Ends all, and what they have in a database. */
    public static async stopAll(): Promise<void> {
        await Promise.all([...running].map((app) => app.stop()));
    }

    /** Waits for the first 200 that a path gives. */
    public async ready(path: string): Promise<void> {
        const end = performance.now() + BOOT_LIMIT_MS;
        while (!(await answers(this.port, path))) {
            if (this.child.exitCode !== null || performance.now() > end) {
                throw new Error(`The ${this.name} app did not answer ${path} with 200. ${this.errors}`);
            }
            await new Promise((resolve) => setTimeout(resolve, 1));
        }
    }

    /** CPU time of all threads so far, in microseconds; undefined where /proc does not tell. */
    public cpuMicroseconds(): number | undefined {
        const { pid } = this.child;
        const workers = read(`/proc/${pid}/task/${pid}/children`)?.split(' ').filter(Boolean) ?? [];
        const times = [...(this.onTerminal ? [] : [pid]), ...workers].map(timeOnCore);
        return times.reduce<number | undefined>(
            (sum, each) => (sum === undefined || each === undefined ? undefined : sum + each),
            0,
        );
    }

    /** Resident memory in MB; undefined where /proc does not tell. */
    public residentMegabytes(): number | undefined {
        const kilobytes = read(`/proc/${this.child.pid}/status`)?.match(/VmRSS:\s+(\d+) kB/)?.[1];
        return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
    }

    public get isAlive(): boolean {
        return this.child.exitCode === null && this.child.signalCode === null;
    }

    public async stop(): Promise<void> {
        if (this.isAlive) {
            const exited = once(this.child, 'exit');
            this.child.kill('SIGTERM');
            const limit = setTimeout(() => this.child.kill('SIGKILL'), STOP_LIMIT_MS);
            await exited;
            clearTimeout(limit);
        }
        await this.schema?.drop();
        this.kill();
    }

    public kill(): void {
        this.child.kill('SIGKILL');
        void this.redis?.stop();
        void this.cluster?.stop();
        rmSync(this.folder, { recursive: true, force: true });
        running.delete(this);
    }
}

function entryOf(name: AppName, { before = '' }: AppOptions): string {
    return name === 'before'
        ? resolve(before, 'packages/sosise/bench', ENTRIES.ours)
        : fileURLToPath(new URL(ENTRIES[name], import.meta.url));
}

/** A terminal whose screen nobody looks at, on the client's core. */
function inTerminal(command: string[]): string[] {
    return ['script', '-qfec', `exec ${command.map((each) => `'${each}'`).join(' ')}`, '/dev/null'];
}

function addressOf({ options: { host, port, database } }: PostgresCluster): string {
    return `postgres://shop@${host}:${port}/${database}`;
}

/** How long the threads of a process were on a core, in microseconds: as the scheduler counts it, not in clock ticks as /proc/PID/stat. */
function timeOnCore(pid: number | string | undefined): number | undefined {
    try {
        const threads = readdirSync(`/proc/${pid}/task`);
        const nanoseconds = threads.map((each) =>
            Number.parseInt(readFileSync(`/proc/${pid}/task/${each}/schedstat`, 'utf8'), 10),
        );
        return nanoseconds.reduce((sum, each) => sum + each, 0) / 1_000;
    } catch {
        return undefined;
    }
}

function read(file: string): string | undefined {
    try {
        return readFileSync(file, 'utf8');
    } catch {
        return undefined;
    }
}

/** One request over a raw socket: cheap enough to be tried every millisecond. */
function answers(port: number, path: string): Promise<boolean> {
    return new Promise((resolve) => {
        const socket = connect(port, '127.0.0.1');
        socket.on('connect', () => socket.write(`GET ${path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n`));
        socket.on('data', (chunk) => {
            resolve(chunk.toString('latin1').startsWith('HTTP/1.1 200'));
            socket.destroy();
        });
        socket.on('error', () => resolve(false));
        socket.on('close', () => resolve(false));
    });
}
