import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ConsoleProject } from './consoleProject.js';
import { Browser } from './helpers/Browser.js';
import type { SessionDriver } from './helpers/inside/Session/Drivers.js';
import { keyOf, NO_CHANGE } from './helpers/inside/Session/Record.js';
import { SessionRepository } from './helpers/inside/Session/Repository.js';
import { FileStore } from './helpers/inside/Session/Stores/File.js';
import { RedisStore } from './helpers/inside/Session/Stores/Redis.js';
import { onRedis } from './helpers/onRedis.js';
import { freePort } from './helpers/redis.js';

const HOUR = 3_600_000;
/** SOSISE_MIGRATE=100000 measures: the speed, and the memory, are printed. */
const STORED = Number(process.env['SOSISE_MIGRATE'] ?? 1_000);
const VISITORS = 40;

const ROUTES = `
import { Router } from 'express';
import { authenticatedUser, increment, login, logout } from 'sosise';

const router = Router();
router.get('/', (_request, response) => response.json('here'));
router.post('/login/:user', async (request, response) => {
    await login(request, request.params.user);
    response.json('in');
});
router.post('/count', (request, response) => {
    increment(request, 'count');
    response.json(authenticatedUser(request) ?? null);
});
router.post('/logout', async (request, response) => {
    await logout(request);
    response.json('out');
});
router.get('/me', (request, response) =>
    response.json({ user: authenticatedUser(request) ?? null, count: request.session['count'] ?? null }),
);
export default router;
`;

/** The project as somebody runs it: a server process, and the console beside it. */
class Installation {
    public readonly project = new ConsoleProject();
    public url = '';

    public constructor(private readonly redisPort: number) {
        this.project.put('src/routes/api.ts', ROUTES);
    }

    public configure(driver: string, fallback: string[]): void {
        this.project.put(
            'src/config/session.ts',
            `import { defineSessionConfig, env } from 'sosise';
export default defineSessionConfig({
    enabled: true,
    driver: '${driver}',
    fallback: ${JSON.stringify(fallback)},
    secret: [env.string('SESSION_SECRET')],
    idle: ${HOUR},
    drivers: { redis: { port: ${this.redisPort} } },
});
`,
        );
    }

    /** Starts the server; gives what stops it. */
    public async serve(): Promise<() => Promise<void>> {
        const port = await freePort();
        const child = spawn(process.execPath, ['--import', 'tsx', 'src/server.ts'], {
            cwd: this.project.folder,
            env: { PATH: process.env['PATH'], LISTEN_PORT: String(port), NODE_ENV: 'development', LOG_LEVEL: 'error' },
            stdio: ['ignore', 'ignore', 'inherit'],
        });
        const exit = once(child, 'exit');
        onTestFinished(() => void child.kill('SIGKILL'));
        this.url = `http://127.0.0.1:${port}`;
        await vi.waitFor(async () => expect((await fetch(`${this.url}/ready`)).status).toBe(200), 20_000);
        return async () => {
            child.kill('SIGTERM');
            expect(await exit).toEqual([0, null]);
        };
    }

    /** Stores many sessions at once, as they would have come over the months. */
    public async fill(driver: string, count: number): Promise<void> {
        const path = `${this.project.folder}/storage/sessions`;
        const store: SessionDriver =
            driver === 'file' ? new FileStore({ path }) : await RedisStore.open({ port: this.redisPort });
        const options = { idleMs: HOUR, maxAgeMs: undefined, timeoutMs: 10_000, keepDamagedMs: HOUR, warn: () => {} };
        const repository = new SessionRepository(store, options);
        const change = { ...NO_CHANGE, set: new Map([['data', JSON.stringify('x'.repeat(900))]]) };
        for (let n = 0; n < count; n += 50) {
            await Promise.all(
                Array.from({ length: Math.min(50, count - n) }, (_, m) =>
                    repository.create(keyOf(`stored-${n + m}`), { originalMaxAge: null }, change),
                ),
            );
        }
        await store.close();
    }

    /** Runs the command; stops it after a time where one is given. */
    public async migrate(args: string[], stopAfterMs?: number) {
        const child = spawn(`${this.project.folder}/artisan`, ['session:migrate', ...args], {
            cwd: '/',
            env: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
            stdio: ['ignore', 'pipe', 'pipe'],
        });
        let [output, peak, over] = ['', 0, false];
        child.stdout.on('data', (text) => {
            output += text;
        });
        child.stderr.on('data', (text) => {
            output += text;
        });
        const exit = once(child, 'exit').then(([code]) => {
            over = true;
            return code as number;
        });
        const started = performance.now();
        let stopped = false;
        while (!over) {
            peak = Math.max(peak, residentMegabytes(child.pid));
            if (
                stopAfterMs !== undefined &&
                !stopped &&
                / of \d+ records/.test(output) &&
                performance.now() - started > stopAfterMs
            ) {
                stopped = true;
                child.kill('SIGINT');
            }
            await Promise.race([exit, sleep(20)]);
        }
        return {
            code: await exit,
            output,
            peak,
            moved: Number(/([\d,]+) sessions? moved.*It took/.exec(output)?.[1]?.replaceAll(',', '') ?? 0),
        };
    }
}

function residentMegabytes(pid: number | undefined): number {
    try {
        return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
    } catch {
        return 0;
    }
}

/** One who asks again and again, and notes what was answered. */
class Load {
    public answered = 0;
    public wrong: string[] = [];
    private readonly cookies;

    public constructor(
        browser: Browser,
        private readonly user: string,
    ) {
        this.cookies = browser.cookies;
    }

    public at(url: string): Browser {
        const browser = new Browser(url);
        for (const [name, value] of this.cookies) {
            browser.cookies.set(name, value);
        }
        return browser;
    }

    public async run(url: string, isOver: () => boolean): Promise<void> {
        const browser = this.at(url);
        while (!isOver()) {
            const answer = await browser.visit('/count', { method: 'POST' });
            const user = answer.status === 200 ? await answer.json() : undefined;
            if (user === this.user) {
                this.answered += 1;
            } else {
                this.wrong.push(`${answer.status} ${String(user)}`);
            }
            await sleep(Math.random() * 20);
        }
    }
}

await onRedis('./artisan session:migrate', (server) => {
    test.each([
        ['file', 'redis'],
        ['redis', 'file'],
    ])(
        'from %s to %s, while visitors are served: all sessions kept, nothing lost, nobody logged out',
        { timeout: 300_000 },
        async (from, to) => {
            server.cli('FLUSHALL');
            const installation = new Installation(server.port);
            await installation.project.artisan('key:generate');
            installation.configure(from, []);
            const stopBefore = await installation.serve();
            const loads = await Promise.all(
                Array.from({ length: VISITORS }, async (_, n) => {
                    const browser = new Browser(installation.url);
                    await browser.visit(`/login/${n}`, { method: 'POST' });
                    return new Load(browser, String(n));
                }),
            );
            const gone = new Browser(installation.url);
            await gone.visit('/login/gone', { method: 'POST' });
            await installation.fill(from, STORED);
            const early = performance.now() + 300;
            await Promise.all(loads.map((load) => load.run(installation.url, () => performance.now() > early)));
            await stopBefore();

            const unready = await installation.migrate(['--from', from, '--to', to]);
            expect(unready.code).toBe(1);
            expect(unready.output).toContain(`Set driver: '${to}' and fallback: ['${from}'] there`);

            installation.configure(to, [from]);
            const stopAfter = await installation.serve();
            let isOver = false;
            const load = Promise.all(loads.map((each) => each.run(installation.url, () => isOver)));
            const leaving = new Load(gone, 'gone').at(installation.url);
            await leaving.visit('/logout', { method: 'POST' });

            const first = await installation.migrate([], 0);
            const second = await installation.migrate([]);
            const third = await installation.migrate([]);
            isOver = true;
            await load;

            expect([second.code, third.code]).toEqual([0, 0]);
            expect(second.output).toContain(`All sessions that live are in ${to}: take '${from}' out of fallback`);
            expect(third.moved).toBe(0);
            expect(loads.flatMap(({ wrong }) => wrong)).toEqual([]);
            await stopAfter();

            // Alone, without what was there before.
            installation.configure(to, []);
            const stopAlone = await installation.serve();
            for (const [n, each] of loads.entries()) {
                expect(await each.at(installation.url).json('/me')).toEqual({ user: String(n), count: each.answered });
            }
            expect(await new Load(gone, 'gone').at(installation.url).json('/me')).toEqual({ user: null, count: null });
            await stopAlone();
            // Visitors moved theirs by coming; what was stored for nobody was moved by the command.
            const moved = first.moved + second.moved;
            expect(moved).toBeGreaterThanOrEqual(STORED);
            expect(moved).toBeLessThanOrEqual(STORED + VISITORS);
            const counts = loads.reduce((sum, { answered }) => sum + answered, 0);
            console.log(
                `${from} → ${to}: ${first.output.trim()} | ${second.output.trim()} | ${Math.max(first.peak, second.peak).toFixed(0)} MB, ${counts} additions`,
            );
        },
    );
});
