import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openDatabaseStore } from './helpers/inside/Session/Stores/Database.js';
import { exclusive } from './helpers/inside/Session.js';
import { testSessionStore } from './helpers/inside/Testing.js';
import { onCluster } from './helpers/onPostgres.js';
import type { PostgresCluster } from './helpers/PostgresCluster.js';
import { freePort } from './helpers/redis.js';
import { sessionApp } from './helpers/sessionApp.js';

/*
 * The real PgBouncer in transaction mode, with fewer connections to the server than the application has to it: two statements
 * of one connection run on different ones, and what one leaves on its connection, another would find.
 */
function whyNoPgBouncer(): string | undefined {
    try {
        execFileSync('pgbouncer', ['--version'], { stdio: 'ignore' });
        return undefined;
    } catch {
        return 'pgbouncer is not installed (Debian: apt-get install pgbouncer).';
    }
}

const why = whyNoPgBouncer();

class PgBouncer {
    private process: ChildProcess | undefined;
    private readonly folder = mkdtempSync(join(tmpdir(), 'sosise-pgbouncer-'));

    private constructor(public readonly port: number) {}

    public static async start(server: PostgresCluster): Promise<PgBouncer> {
        const bouncer = new PgBouncer(await freePort());
        const users = join(bouncer.folder, 'users.txt');
        writeFileSync(users, '"postgres" ""\n');
        writeFileSync(
            join(bouncer.folder, 'pgbouncer.ini'),
            [
                '[databases]',
                `* = host=127.0.0.1 port=${server.port}`,
                '[pgbouncer]',
                'listen_addr = 127.0.0.1',
                `listen_port = ${bouncer.port}`,
                'unix_socket_dir =',
                'auth_type = any',
                `auth_file = ${users}`,
                'pool_mode = transaction',
                'default_pool_size = 2',
                'server_login_retry = 1',
            ]
                .map((line) => (line.startsWith('*') ? `${line} user=postgres` : line))
                .join('\n'),
        );
        chmodSync(bouncer.folder, 0o755);
        await bouncer.start();
        return bouncer;
    }

    public get options() {
        return { host: '127.0.0.1', port: this.port, user: 'postgres', database: 'postgres' };
    }

    public async start(): Promise<void> {
        const ini = join(this.folder, 'pgbouncer.ini');
        const command = ['pgbouncer', '-q', ini];
        const [program = '', ...args] =
            process.getuid?.() === 0
                ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', ...command]
                : command;
        this.process = spawn(program, args, { stdio: 'ignore' });
    }

    public async kill(): Promise<void> {
        const exit = once(this.process as ChildProcess, 'exit');
        this.process?.kill('SIGKILL');
        await exit;
    }

    public async stop(): Promise<void> {
        await this.kill();
        rmSync(this.folder, { recursive: true, force: true });
    }
}

if (why !== undefined) {
    console.log(`Skipped: behind PgBouncer: ${why}`);
    test.skip('behind PgBouncer', () => {});
} else {
    await onCluster('behind PgBouncer in transaction mode', (cluster) => {
        let bouncer: PgBouncer;
        const ready = async () => {
            bouncer ??= await PgBouncer.start(cluster);
            return bouncer.options;
        };
        let tables = 0;

        testSessionStore(
            'the database driver behind PgBouncer',
            async () => {
                const options = { ...(await ready()), table: `bouncer_${++tables}`, createTable: true, max: 6 };
                const reopen = () => openDatabaseStore(options);
                return { store: await reopen(), reopen };
            },
            { lacks: [] },
        );

        test('two applications count on, lock, and come back when PgBouncer or the server was away', async () => {
            const database = { ...(await ready()), table: 'behind', createTable: true, max: 20 };
            onTestFinished(() => bouncer.stop());
            const apps = await Promise.all(
                [1, 2].map(() =>
                    sessionApp({
                        session: { driver: 'database', drivers: { database } },
                        routes: (router) => {
                            router.post('/add', exclusive(), async (request, response) => {
                                const n = Number(request.session['n'] ?? 0);
                                await new Promise((resolve) => setTimeout(resolve, 2));
                                request.session['n'] = n + 1;
                                response.json(n + 1);
                            });
                            router.get('/n', (request, response) => void response.json(request.session['n']));
                        },
                    }),
                ),
            );
            const [browser, other] = apps.map((app) => app.browser());
            await browser?.visit('/add', { method: 'POST' });
            for (const [name, value] of browser?.cookies ?? []) {
                other?.cookies.set(name, value);
            }
            const answers = await Promise.all(
                Array.from({ length: 40 }, (_, n) =>
                    (n % 2 === 0 ? browser : other)?.copy().visit('/add', { method: 'POST' }),
                ),
            );
            expect(answers.map((answer) => answer?.status)).toEqual(Array(40).fill(200));
            expect(await other?.json('/n')).toBe(41);

            for (const [away, back] of [
                [() => bouncer.kill(), () => bouncer.start()],
                [() => cluster.kill(), () => cluster.start()],
            ] as const) {
                await away();
                expect((await browser?.visit('/n'))?.status).toBe(503);
                await back();
                await vi.waitFor(async () => expect((await browser?.visit('/n'))?.status).toBe(200), 5_000);
                expect(await browser?.json('/n')).toBe(41);
            }
        });
    });
}
