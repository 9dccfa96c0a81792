import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ConsoleProject, type Ran } from './consoleProject.js';
import { Browser } from './helpers/Browser.js';
import type { SessionDriver } from './helpers/inside/Session/Drivers.js';
import { isEndedRecord, keyOf, NO_CHANGE } from './helpers/inside/Session/Record.js';
import { SessionRepository } from './helpers/inside/Session/Repository.js';
import { FileStore } from './helpers/inside/Session/Stores/File.js';
import { RedisStore } from './helpers/inside/Session/Stores/Redis.js';
import { onRedis } from './helpers/onRedis.js';
import { freePort } from './helpers/redis.js';

const HOUR = 3_600_000;
/** Enough that the work is far from its end when some are gone. */
const STORED = 5_000;
/** Every so many are looked at to see that. */
const SAMPLED = 50;

const ROUTES = `
import { Router } from 'express';
import { authenticatedUser, login } from 'sosise';

const router = Router();
router.post('/login/:user', async (request, response) => {
    await login(request, request.params.user);
    request.session['theme'] = 'dark';
    response.json('in');
});
router.get('/me', (request, response) =>
    response.json({ user: authenticatedUser(request) ?? null, ended: request.sessionEnded ?? null }),
);
export default router;
`;

interface Listed {
    fingerprint: string;
    user: string | null;
}

/** The project as somebody runs it: a server process, and the console beside it. */
class Installation {
    public readonly project = new ConsoleProject();
    public url = '';

    public constructor(
        private readonly driver: string,
        private readonly redisPort: number,
    ) {
        this.project.put('src/routes/api.ts', ROUTES);
        this.project.put(
            'src/config/session.ts',
            `import { defineSessionConfig, env } from 'sosise';
export default defineSessionConfig({
    enabled: true,
    driver: '${driver}',
    secret: [env.string('SESSION_SECRET')],
    idle: ${HOUR},
    drivers: { redis: { port: ${redisPort} } },
});
`,
        );
    }

    public async serve(): Promise<void> {
        await this.project.artisan('key:generate');
        const port = await freePort();
        const child = spawn(process.execPath, ['--import', 'tsx', 'src/server.ts'], {
            cwd: this.project.folder,
            env: { PATH: process.env['PATH'], LISTEN_PORT: String(port), NODE_ENV: 'development', LOG_LEVEL: 'error' },
            stdio: ['ignore', 'ignore', 'inherit'],
        });
        const exit = once(child, 'exit');
        onTestFinished(async () => {
            child.kill('SIGKILL');
            await exit;
        });
        this.url = `http://127.0.0.1:${port}`;
        await vi.waitFor(async () => expect((await fetch(`${this.url}/ready`)).status).toBe(200), 20_000);
    }

    public async login(user: string): Promise<Browser> {
        const browser = new Browser(this.url);
        await browser.visit(`/login/${user}`, { method: 'POST' });
        expect(await browser.json('/me')).toEqual({ user, ended: null });
        return browser;
    }

    public async list(args = ''): Promise<Listed[]> {
        const { code, output } = await this.project.artisan(`session:list --json${args}`);
        expect(code).toBe(0);
        return output
            .split('\n')
            .filter(Boolean)
            .map((line) => JSON.parse(line) as Listed);
    }

    /** Stores visitors' sessions at once, as if they had been used a while ago. */
    public async fill(name: string, count: number, agoMs = 0): Promise<void> {
        const store = await this.open();
        const options = { idleMs: HOUR, maxAgeMs: undefined, timeoutMs: 10_000, keepDamagedMs: HOUR, warn: () => {} };
        const repository = new SessionRepository(store, options);
        vi.useFakeTimers({ now: Date.now() - agoMs, toFake: ['Date'] });
        try {
            for (let n = 0; n < count; n += 50) {
                await Promise.all(
                    Array.from({ length: 50 }, (_, m) =>
                        repository.create(keyOf(`${name}-${n + m}`), { originalMaxAge: null }, NO_CHANGE),
                    ),
                );
            }
        } finally {
            vi.useRealTimers();
        }
        await store.close();
    }

    /** Runs a command that ends the sessions of this name, and presses Ctrl-C once some of them are gone. */
    public async interrupt(name: string, ...args: string[]): Promise<Ran> {
        const child: ChildProcess = spawn(`${this.project.folder}/artisan`, args, {
            cwd: '/',
            env: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
            stdio: ['ignore', 'pipe', 'pipe'],
        });
        const ran: Ran = { code: -1, output: '', errors: '' };
        child.stdout?.on('data', (text) => {
            ran.output += text;
        });
        child.stderr?.on('data', (text) => {
            ran.errors += text;
        });
        const closed = once(child, 'close') as Promise<[number]>;
        const store = await this.open();
        while (child.exitCode === null && !(await hasEndedSome(store, name))) {
            // it is at work
        }
        child.kill('SIGINT');
        await store.close();
        [ran.code] = await closed;
        return ran;
    }

    private async open(): Promise<SessionDriver> {
        return this.driver === 'file'
            ? new FileStore({ path: `${this.project.folder}/storage/sessions` })
            : RedisStore.open({ port: this.redisPort });
    }
}

async function hasEndedSome(store: SessionDriver, name: string): Promise<boolean> {
    for (let n = 0; n < STORED; n += SAMPLED) {
        const { record = '' } = (await store.read(keyOf(`${name}-${n}`))) ?? {};
        if (isEndedRecord(record)) {
            return true;
        }
    }
    return false;
}

function numberIn(pattern: RegExp, { output }: Ran): number {
    return Number(pattern.exec(output)?.[1]?.replaceAll(',', ''));
}

await onRedis('./artisan session:… beside a server', (server) => {
    test.each(['file', 'redis'])(
        'on %s: what is revoked is logged out with its next request, and the others stay',
        { timeout: 180_000 },
        async (driver) => {
            server.cli('FLUSHALL');
            const installation = new Installation(driver, server.port);
            await installation.serve();
            const phone = await installation.login('ann');
            const laptop = await installation.login('ann');
            const bob = await installation.login('bob');
            const eve = await installation.login('eve');

            const listed = await installation.list();
            expect(listed.map(({ user }) => user).sort()).toEqual(['ann', 'ann', 'bob', 'eve']);
            const ann = await installation.list(' --user=ann');
            expect(listed).toEqual(expect.arrayContaining(ann));
            const fingerprint = ann[0]?.fingerprint ?? '';
            const shown = await installation.project.artisan(`session:show ${fingerprint}`);
            expect(shown.output).toMatch(/^theme +string +6 B$/m);

            await installation.project.artisan(`session:revoke ${fingerprint}`);
            expect(await phone.json('/me'), 'the older of the two').toEqual({ user: null, ended: 'revoked' });
            expect(await laptop.json('/me')).toEqual({ user: 'ann', ended: null });

            const byUser = await installation.project.artisan('session:revoke --user=bob');
            expect(byUser.output).toBe('1 session of user bob has ended.\n');
            expect(await bob.json('/me')).toEqual({ user: null, ended: 'revoked' });
            expect(await eve.json('/me')).toEqual({ user: 'eve', ended: null });

            const pruned = await installation.project.artisan('session:prune');
            expect(pruned.output).toMatch(/^0 expired sessions removed, 2 kept\./);
            await installation.project.artisan('session:revoke --all --force');
            expect(await eve.json('/me')).toEqual({ user: null, ended: 'revoked' });
            expect(await installation.list()).toEqual([]);
        },
    );

    test.each(['file', 'redis'])(
        'on %s: Ctrl-C in the midst of session:prune and session:revoke --all loses nothing; run again, they end the rest',
        { timeout: 240_000 },
        async (driver) => {
            server.cli('FLUSHALL');
            const installation = new Installation(driver, server.port);
            await installation.serve();
            const ann = await installation.login('ann');
            await installation.fill('over', STORED, 2 * HOUR);
            await installation.fill('live', 50);

            const pruning = await installation.interrupt('over', 'session:prune');
            expect(pruning).toMatchObject({
                code: 1,
                errors: 'Stopped before the end: run it again to remove the rest.\n',
            });
            const first = numberIn(/([\d,]+) expired sessions removed/, pruning);
            expect(first).toBeGreaterThan(0);
            const rest = await installation.project.artisan('session:prune');
            expect(rest.code).toBe(0);
            expect(first + numberIn(/([\d,]+) expired sessions removed/, rest)).toBe(STORED);
            expect(rest.output).toContain(', 51 kept.');
            expect(await ann.json('/me')).toEqual({ user: 'ann', ended: null });

            await installation.fill('more', STORED);
            const revoking = await installation.interrupt('more', 'session:revoke', '--all', '--force');
            expect(revoking).toMatchObject({
                code: 1,
                errors: 'Stopped before the end: run it again to end the rest.\n',
            });
            const ended = numberIn(/([\d,]+) sessions have ended/, revoking);
            const left = await installation.project.artisan('session:list --sort size --limit 1');
            expect(left.output).toContain(`\n1 of ${(STORED + 51 - ended).toLocaleString('en-US')} sessions.\n`);
            const last = await installation.project.artisan('session:revoke --all --force');
            expect(ended + numberIn(/([\d,]+) sessions have ended/, last)).toBe(STORED + 51);
            expect(await ann.json('/me')).toEqual({ user: null, ended: 'revoked' });
        },
    );
});
