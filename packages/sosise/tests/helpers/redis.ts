import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** The server's program; SOSISE_REDIS_SERVER names another, such as valkey-server. */
export const program = process.env['SOSISE_REDIS_SERVER'] ?? 'redis-server';

/** A Redis of a test's own: on a free port that stays the same when it is started again, and without a file. */
export class RedisServer {
    private process: ChildProcess | undefined;
    private readonly folder = mkdtempSync(join(tmpdir(), 'sosise-redis-'));

    private constructor(
        public readonly port: number,
        private readonly settings: readonly string[],
    ) {}

    /** @param settings More of the server's own, such as `--maxmemory 4mb`. */
    public static async start(...settings: string[]): Promise<RedisServer> {
        const server = new RedisServer(await freePort(), settings);
        await server.start();
        return server;
    }

    /** The options of the driver that lead here. */
    public get options(): { host: string; port: number } {
        return { host: '127.0.0.1', port: this.port };
    }

    /** Starts it, or starts it again: it is empty then. */
    public async start(): Promise<void> {
        const child = spawn(
            program,
            ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--dir', this.folder, ...this.settings],
            { stdio: ['ignore', 'pipe', 'inherit'] },
        );
        this.process = child;
        for await (const line of createInterface(child.stdout)) {
            if (/ready to accept connections/i.test(line)) {
                child.stdout.resume();
                return;
            }
        }
        throw new Error(`${program} did not start on port ${this.port}.`);
    }

    /** What `redis-cli` would say. */
    public cli(...args: string[]): string {
        return execFileSync('redis-cli', ['-p', String(this.port), ...args], { encoding: 'utf8' }).trim();
    }

    /** Stores bytes as they are. */
    public set(key: string, bytes: Buffer): void {
        execFileSync('redis-cli', ['-p', String(this.port), '-x', 'SET', key], { input: bytes });
    }

    public freeze(): void {
        this.process?.kill('SIGSTOP');
    }

    public thaw(): void {
        this.process?.kill('SIGCONT');
    }

    public async kill(): Promise<void> {
        const child = this.process;
        this.process = undefined;
        if (child && child.exitCode === null && child.signalCode === null) {
            const exit = once(child, 'exit');
            child.kill('SIGCONT');
            child.kill('SIGKILL');
            await exit;
        }
    }

    /** Ends it for good. */
    public async stop(): Promise<void> {
        await this.kill();
        rmSync(this.folder, { recursive: true, force: true });
    }
}

/** Why no server can be started here; undefined where one can. */
export function whyNoRedis(): string | undefined {
    try {
        execFileSync(program, ['--version'], { stdio: 'ignore' });
        return undefined;
    } catch {
        return `${program} is not installed.`;
    }
}

/**
 * A port that nothing listens on now, below those that the system gives to outgoing connections (32768 and up, 49152 elsewhere):
 * one of those may be taken again before a server has started on it.
 */
export async function freePort(): Promise<number> {
    for (;;) {
        const server = createServer().listen(randomInt(11_000, 22_000), '127.0.0.1');
        try {
            await once(server, 'listening');
        } catch {
            continue; // somebody listens there
        }
        const { port } = server.address() as AddressInfo;
        await new Promise((resolve) => server.close(resolve));
        return port;
    }
}
