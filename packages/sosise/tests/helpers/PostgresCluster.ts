import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from './redis.js';

const DEBIAN = '/usr/lib/postgresql';

/** Where initdb and postgres are; undefined where they are not installed. */
function programs(): string | undefined {
    const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((one, other) => Number(other) - Number(one)) : [];
    const folders = [...versions.map((version) => join(DEBIAN, version, 'bin')), '/usr/local/bin', '/usr/bin'];
    return folders.find((folder) => existsSync(join(folder, 'initdb')));
}

/** Why no server of one's own can be started here; undefined where one can. */
export function whyNoCluster(): string | undefined {
    return programs() === undefined ? 'initdb is not installed.' : undefined;
}

/** PostgreSQL refuses to run as root. */
const isRoot = process.getuid?.() === 0;
const asPostgres = (command: readonly string[]) =>
    isRoot ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups', ...command] : command;

/** A PostgreSQL of a test's own, on a port that stays the same when it is started again, with its data. */
export class PostgresCluster {
    private process: ChildProcess | undefined;

    private constructor(
        public readonly port: number,
        private readonly folder: string,
        private readonly settings: readonly string[],
    ) {}

    /** @param settings More of the server's own, such as `max_connections=8`. */
    public static async start(...settings: string[]): Promise<PostgresCluster> {
        const folder = mkdtempSync(join(tmpdir(), 'sosise-postgres-'));
        if (isRoot) {
            const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
            chownSync(folder, id('-u'), id('-g'));
        }
        const initdb = [
            join(programs() as string, 'initdb'),
            '-D',
            join(folder, 'data'),
            '-U',
            'postgres',
            '-A',
            'trust',
            '-N',
        ];
        const [command, ...args] = asPostgres(initdb) as [string, ...string[]];
        execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'], cwd: tmpdir() });
        const cluster = new PostgresCluster(await freePort(), folder, settings);
        await cluster.start();
        // One without a superuser's rights, as applications should have.
        await cluster.sql('CREATE ROLE shop LOGIN; GRANT CREATE ON SCHEMA public TO shop');
        return cluster;
    }

    /** The options of the driver that lead here. */
    public get options() {
        return { host: '127.0.0.1', port: this.port, user: 'postgres', database: 'postgres' };
    }

    /** Starts it, or starts it again. */
    public async start(): Promise<void> {
        const own = [
            `unix_socket_directories=${this.folder}`,
            'listen_addresses=127.0.0.1',
            'shared_buffers=16MB',
            'fsync=off',
        ];
        const settings = [...own, ...this.settings].flatMap((setting) => ['-c', setting]);
        const server = [
            join(programs() as string, 'postgres'),
            '-D',
            join(this.folder, 'data'),
            '-p',
            String(this.port),
            ...settings,
        ];
        const [command, ...args] = asPostgres(server) as [string, ...string[]];
        this.process = spawn(command, args, { stdio: 'ignore', cwd: tmpdir() });
        for (;;) {
            try {
                await this.sql('SELECT 1');
                return;
            } catch (error) {
                if (this.process.exitCode !== null) {
                    throw error;
                }
                await sleep(20);
            }
        }
    }

    /** What SQL gives, on a connection of its own. */
    public async sql(text: string, database = 'postgres'): Promise<Record<string, unknown>[]> {
        const client = new pg.Client({ ...this.options, database });
        client.on('error', () => undefined);
        try {
            await client.connect();
            return (await client.query(text)).rows as Record<string, unknown>[];
        } finally {
            await client.end();
        }
    }

    /** Ends the connections of all others, as an administrator does. */
    public async terminateBackends(): Promise<void> {
        await this.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
        );
    }

    public freeze(): void {
        this.signal('SIGSTOP');
    }

    public thaw(): void {
        this.signal('SIGCONT');
    }

    /** As when its machine loses power, but for what the disk has. */
    public async kill(): Promise<void> {
        const child = this.process;
        this.process = undefined;
        if (child && child.exitCode === null && child.signalCode === null) {
            const exit = once(child, 'exit');
            this.signal('SIGKILL', child);
            await exit;
        }
    }

    /** It runs again, whatever a test has done to it. */
    public async recover(): Promise<void> {
        if (this.process) {
            this.thaw();
        } else {
            await this.start();
        }
    }

    /** Ends it in order, which ends all connections. */
    public async shutDown(): Promise<void> {
        const child = this.process as ChildProcess;
        this.process = undefined;
        const exit = once(child, 'exit');
        this.signal('SIGINT', child, false);
        await exit;
    }

    /** Ends it for good. */
    public async stop(): Promise<void> {
        await this.kill();
        rmSync(this.folder, { recursive: true, force: true });
    }

    /** To the server, and to the processes that it has made for its connections. */
    private signal(signal: NodeJS.Signals, child = this.process, withBackends = true): void {
        const server = child?.pid as number;
        for (const each of [server, ...(withBackends ? childrenOf(server) : [])]) {
            try {
                process.kill(each, signal);
            } catch {
                // It has ended meanwhile.
            }
        }
    }
}

function childrenOf(pid: number): number[] {
    try {
        return execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
            .split('\n')
            .filter(Boolean)
            .map(Number);
    } catch {
        return []; // there are none
    }
}
