import {
    chmodSync,
    chownSync,
    existsSync,
    lstatSync,
    mkdirSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    rmSync,
} from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { keyOf } from '../helpers/inside/Session/Record.js';
import { type PostgresCluster, whyNoCluster } from '../helpers/PostgresCluster.js';
import { RedisServer, whyNoRedis } from '../helpers/redis.js';
import type { ServerOptions } from '../helpers/server/ServerOptions.js';
import { PROJECT } from './compile.js';
import { type LogLine, type ProcessOptions, ServerProcess } from './ServerProcess.js';
import { SqlTable, sharedCluster } from './SqlTable.js';

export interface RigOptions extends ProcessOptions {
    idleMs?: number;
    session?: Record<string, unknown>;
    /** More settings of the Redis server. */
    redis?: readonly string[];
    /** Runs before the servers start, with the folder that the sessions folder will be made in. */
    prepare?(root: string): void;
    /** The other way round, when all servers are gone. */
    undo?(root: string): void | Promise<void>;
}

/** One column of the table. */
export interface System {
    readonly name: string;
    readonly wiring: 'handwired' | 'skeleton';
    readonly store: ServerOptions['store'];
    readonly processes: 1 | 2;
}

export const SYSTEMS: readonly System[] = [
    { name: 'hand-wired, session-file-store', wiring: 'handwired', store: 'file', processes: 1 },
    { name: 'hand-wired, memorystore', wiring: 'handwired', store: 'memory', processes: 1 },
    { name: 'hand-wired, connect-redis', wiring: 'handwired', store: 'redis', processes: 1 },
    { name: 'file', wiring: 'skeleton', store: 'file', processes: 1 },
    { name: 'memory', wiring: 'skeleton', store: 'memory', processes: 1 },
    { name: 'redis', wiring: 'skeleton', store: 'redis', processes: 1 },
    { name: 'file, 2 processes', wiring: 'skeleton', store: 'file', processes: 2 },
    { name: 'redis, 2 processes', wiring: 'skeleton', store: 'redis', processes: 2 },
    { name: 'postgres', wiring: 'skeleton', store: 'postgres', processes: 1 },
    { name: 'postgres, 2 processes', wiring: 'skeleton', store: 'postgres', processes: 2 },
    { name: 'sqlite', wiring: 'skeleton', store: 'sqlite', processes: 1 },
    { name: 'sqlite, 2 processes', wiring: 'skeleton', store: 'sqlite', processes: 2 },
];

/** Why a system can't run here; undefined where it can. */
export function whyNot({ store }: System): string | undefined {
    if (store === 'sqlite') {
        return isBuiltin('node:sqlite') ? undefined : `Node.js ${process.versions.node} has no SQLite.`;
    }
    return store === 'redis' ? whyNoRedis() : store === 'postgres' ? whyNoCluster() : undefined;
}

/** Locks are leases there, which end so long after their process was last heard of. */
export const hasLeases = ({ store }: System) => store === 'redis' || store === 'postgres' || store === 'sqlite';

/** A plain store from npm behind our adapter: promises hold within one process. Not in the table; for the tests. */
export const POSTGRES: System = {
    name: 'connect-pg-simple behind the adapter',
    wiring: 'skeleton',
    store: 'connect-pg-simple',
    processes: 1,
};

export const isOurs = (system: System) => system.wiring === 'skeleton';

/** A system that runs: its server processes and their folder. */
export class Rig {
    public readonly root = mkdtempSync(join(tmpdir(), 'promises-'));
    public readonly folder = join(this.root, 'sessions');
    private readonly table: SqlTable | undefined;
    private asked = 0;
    private readonly gone: LogLine[] = [];

    private constructor(
        public readonly system: System,
        private readonly script: string,
        private readonly options: RigOptions,
        public readonly servers: ServerProcess[],
        private readonly redisServer: RedisServer | undefined,
        private readonly cluster: PostgresCluster | undefined,
    ) {
        if (cluster) {
            this.table = SqlTable.onPostgres(cluster, basename(this.root).replaceAll(/\W/g, '_').toLowerCase());
        } else if (system.store === 'sqlite') {
            this.table = SqlTable.onSqlite(this.folder);
        }
    }

    public static async open(system: System, script: string, options: RigOptions = {}): Promise<Rig> {
        const redis = system.store === 'redis' ? await RedisServer.start(...(options.redis ?? [])) : undefined;
        const cluster = system.store === 'postgres' ? await sharedCluster() : undefined;
        const rig = new Rig(system, script, options, [], redis, cluster);
        mkdirSync(rig.folder);
        if (options.asNobody && process.getuid?.() === 0) {
            chownSync(rig.root, 65_534, 65_534);
            chownSync(rig.folder, 65_534, 65_534);
        }
        options.prepare?.(rig.root);
        try {
            for (let count = 0; count < system.processes; count += 1) {
                rig.servers.push(rig.spare());
            }
            await Promise.all(rig.servers.map((server) => server.start()));
        } catch (error) {
            await rig.close();
            throw error;
        }
        return rig;
    }

    /** A server that has loaded and is not started. */
    public spare(): ServerProcess {
        const { wiring, store } = this.system;
        const server: ServerOptions = {
            wiring,
            store,
            folder: this.folder,
            redisPort: this.redisServer?.port ?? 0,
            database: this.table?.options,
            idleMs: this.options.idleMs ?? 3_600_000,
            secret: 'a secret for the promises, long enough',
            project: PROJECT,
            session: { ...this.options.session },
        };
        return new ServerProcess(this.script, server, this.options);
    }

    /** Ends a server at once, and has a spare take its place. */
    public async replace(index: number, spare: ServerProcess): Promise<void> {
        const killed = this.servers[index] as ServerProcess;
        await killed.kill();
        this.gone.push(...killed.log);
        this.servers[index] = await spare.start();
    }

    /** An address, taking turns between the processes. */
    public url(path: string): string {
        this.asked += 1;
        return this.urlOf(this.asked % this.servers.length, path);
    }

    public urlOf(index: number, path: string): string {
        return `${this.servers[index % this.servers.length]?.url}${path}`;
    }

    /** Starts those anew that ended by themselves. Gives their number. */
    public async revive(): Promise<number> {
        let ended = 0;
        for (const [index, server] of this.servers.entries()) {
            if (!server.isAlive) {
                ended += 1;
                await this.replace(index, this.spare());
            }
        }
        return ended;
    }

    /** What all processes have logged. */
    public get log(): LogLine[] {
        return [...this.gone, ...this.servers.flatMap(({ log }) => log)];
    }

    public get redis(): RedisServer {
        return this.redisServer as RedisServer;
    }

    public get postgres(): PostgresCluster {
        return this.cluster as PostgresCluster;
    }

    /** From now on nothing can be stored. */
    public refuseWrites(): void {
        if (this.table) {
            this.table.refuseWrites();
        } else if (this.redisServer) {
            this.redis.cli('CONFIG', 'SET', 'maxmemory', '1');
        } else {
            chmodSync(this.folder, 0o500);
        }
    }

    public allowWrites(): void {
        if (this.table) {
            this.table.allowWrites();
        } else if (this.redisServer) {
            this.redis.cli('CONFIG', 'SET', 'maxmemory', '0');
        } else {
            chmodSync(this.folder, 0o700);
        }
    }

    /** Puts something else in a session's place: what `damage` makes of its file, or of a file with its record. */
    public damage(id: string, damage: (file: string, whole: Buffer) => void): void {
        const file = this.fileOf(id);
        if (!this.redisServer && !this.table) {
            const whole = readFileSync(file);
            rmSync(file);
            damage(file, whole);
            return;
        }
        const key = `sess:${isOurs(this.system) ? keyOf(id) : id}`;
        const copy = join(this.root, 'damaged');
        rmSync(copy, { recursive: true, force: true });
        if (this.table) {
            damage(copy, Buffer.from(this.table.read(keyOf(id))));
            // A database takes text only, and PostgreSQL none with a NUL in it.
            const text = lstatSync(copy).isFile() ? readFileSync(copy, 'utf8').replaceAll('\0', '') : 'no record';
            this.table.write(keyOf(id), text);
            return;
        }
        damage(copy, Buffer.from(this.redis.cli('GET', key)));
        if (lstatSync(copy).isFile()) {
            this.redis.set(key, readFileSync(copy));
        } else {
            this.redis.cli('DEL', key);
            this.redis.cli('RPUSH', key, 'no text');
        }
    }

    /** The sessions' files. */
    public files(): string[] {
        return existsSync(this.folder) ? readdirSync(this.folder).filter((name) => name.endsWith('.json')) : [];
    }

    /** Where a session is stored: ours under the hash of its id, hand-wired under the id itself. */
    public fileOf(id: string): string {
        return join(this.folder, `${isOurs(this.system) ? keyOf(id) : id}.json`);
    }

    /** Locks and temporary files, of ours or of session-file-store. */
    public leftovers(): string[] {
        if (this.table) {
            return this.table.keys('~lock:');
        }
        if (this.redisServer) {
            return this.keys('sess:~lock:*');
        }
        return readdirSync(this.folder).filter(
            (name) => name !== '.set-aside' && name !== '.locks' && (name.startsWith('.') || /\.json\.\d+$/.test(name)),
        );
    }

    /** What was moved out of the way. */
    public setAside(): string[] {
        if (this.table) {
            return this.table.keys('~aside:');
        }
        if (this.redisServer) {
            return this.keys('sess:~aside:*');
        }
        const aside = join(this.folder, '.set-aside');
        return existsSync(aside) ? readdirSync(aside) : [];
    }

    public async close(): Promise<void> {
        await Promise.all(this.servers.map((server) => server.kill()));
        await this.redisServer?.stop();
        await this.cluster?.recover();
        this.cluster && this.table?.drop();
        await this.options.undo?.(this.root);
        rmSync(this.root, { recursive: true, force: true });
    }

    private keys(pattern: string): string[] {
        return this.redis.cli('KEYS', pattern).split('\n').filter(Boolean);
    }
}
