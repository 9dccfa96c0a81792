import { SessionMigration, SessionRegistry } from 'sosise';
import { expect, test } from 'vitest';
import { artisanOn } from './artisanOn.js';
import { Browser } from './helpers/Browser.js';
import { keyOf, NO_CHANGE } from './helpers/inside/Session/Record.js';
import type { SessionRepository } from './helpers/inside/Session/Repository.js';
import { memberRoutes } from './helpers/loginRoutes.js';
import { onRedis } from './helpers/onRedis.js';
import { type SessionApp, sessionApp, temporaryFolder } from './helpers/sessionApp.js';

const HOUR = 3_600_000;
const post = (body: unknown = {}) => ({ method: 'POST', body });

const repositoryOf = (app: SessionApp) =>
    (app.app.container.make(SessionRegistry) as unknown as { services(): { repository: SessionRepository } }).services()
        .repository;

/** Stores sessions of 20 users, and as many that will have expired at once. */
async function fill(app: SessionApp, count: number): Promise<void> {
    const repository = repositoryOf(app);
    for (let n = 0; n < count; n += 1) {
        const login = { user: String(n % 20), at: Date.now() };
        await repository.create(keyOf(`live-${n}`), { originalMaxAge: null }, NO_CHANGE, login);
        await repository.create(keyOf(`short-${n}`), { originalMaxAge: 1 }, NO_CHANGE);
    }
}

await onRedis('moving all sessions', (server) => {
    let places = 0;

    function place() {
        const path = temporaryFolder();
        const prefix = `migration${++places}:`;
        return (driver: string, fallback: string[] = [], more: object = {}) =>
            sessionApp({
                session: {
                    driver,
                    fallback,
                    drivers: { file: { path }, redis: { port: server.port, prefix } },
                    idle: HOUR,
                    ...more,
                },
                routes: memberRoutes,
            });
    }

    test.each([
        ['file', 'redis', {}],
        ['redis', 'file', {}],
        ['file', 'redis', { encrypt: true }],
    ] as const)('from %s to %s may be stopped, and goes on where it stopped: %j', async (from, to, more) => {
        const start = place();
        const before = await start(from, [], more);
        await fill(before, 150);
        await before.close();
        const app = await start(to, [from], more);
        const migration = app.app.container.make(SessionMigration);
        const stopping = new AbortController();
        const first = await migration.run({
            from,
            to,
            signal: stopping.signal,
            progress: ({ moved }) => moved >= 40 && stopping.abort(),
        });
        expect(first.moved).toBeGreaterThanOrEqual(40);
        expect(first.moved).toBeLessThan(100);
        const second = await migration.run({ from, to });
        expect(first.moved + second.moved).toBe(150);
        expect(first.lists + second.lists).toBe(20);
        expect(second).toMatchObject({ known: 0, over: 150, damaged: 0 });
        expect(await migration.run({ from, to })).toMatchObject({ moved: 0, lists: 0 });
        await app.close();

        const alone = await start(to, [], more);
        expect(await alone.app.container.make(SessionRegistry).revoke(7), 'sessions and lists are there').toBe(8);
        expect(await alone.app.container.make(SessionRegistry).revokeAll()).toBe(142);
    });

    test('while visitors use, end and begin sessions loses none of it', async () => {
        const start = place();
        const before = await start('file');
        const visitors = await Promise.all(
            Array.from({ length: 60 }, async (_, n) => {
                const browser = before.browser();
                await browser.visit('/login', post({ user: n }));
                return browser;
            }),
        );
        await before.close();
        const apps = [await start('redis', ['file']), await start('redis', ['file'])];
        const migrating = (apps[0] as SessionApp).app.container
            .make(SessionMigration)
            .run({ from: 'file', to: 'redis' });
        const at = (n: number, visitor: Browser) => {
            const browser = new Browser((apps[n % 2] as SessionApp).url);
            browser.cookies.set('sosise', visitor.cookies.get('sosise') ?? '');
            return browser;
        };
        await Promise.all(
            visitors.map(async (visitor, n) => {
                if (n % 3 === 0) {
                    return expect((await at(n, visitor).visit('/logout', post())).status).toBe(200);
                }
                const counted = [0, 1, 2, 3].map(async (m) => (await at(m, visitor).visit('/count', post())).status);
                return expect(await Promise.all(counted)).toEqual([200, 200, 200, 200]);
            }),
        );
        await migrating;
        for (const [n, visitor] of visitors.entries()) {
            const me = await at(n, visitor).json('/me');
            expect(me).toMatchObject(
                n % 3 === 0 ? { user: null, ended: 'destroyed' } : { user: String(n), data: { count: 4 } },
            );
        }
    });

    test('what a process that died left in both places is cleared away', async () => {
        const start = place();
        const before = await start('file');
        await fill(before, 1);
        await before.close();
        const both = await start('redis');
        await fill(both, 1);
        await both.close();
        const app = await start('redis', ['file']);
        const counts = await app.app.container.make(SessionMigration).run({ from: 'file', to: 'redis' });
        expect(counts).toMatchObject({ moved: 0, known: 1, lists: 1 });
    });

    test('a server in trouble breaks it off with what to do next, and nothing is lost', async () => {
        const path = temporaryFolder();
        const drivers = { file: { path }, redis: { port: server.port, prefix: `migration${++places}:` } };
        const before = await sessionApp({ session: { driver: 'file', drivers, idle: HOUR } });
        await fill(before, 5);
        await before.close();
        const artisan = artisanOn({ session: { driver: 'redis', fallback: ['file'], drivers, idle: HOUR } });
        server.cli('CONFIG', 'SET', 'maxmemory', '1');
        const broken = await artisan('session:migrate');
        server.cli('CONFIG', 'SET', 'maxmemory', '0');
        expect(broken.code).toBe(1);
        expect(broken.errors).toMatch(/OOM .*\. What has moved is safe: run it again to move the rest\./);
        expect((await artisan('session:migrate')).output).toContain('5 sessions moved');
    });

    test.each([
        ['redis', ['file'], 'memory', 'redis'],
        ['redis', [], 'file', 'redis'],
        ['file', ['redis'], 'file', 'redis'],
    ])(
        'is refused where the application would lose them: driver %s, fallback %j, from %s to %s',
        async (driver, fallback, from, to) => {
            const app = await place()(driver, fallback);
            await expect(app.app.container.make(SessionMigration).run({ from, to })).rejects.toThrow(
                `Set driver: '${to}' and fallback: ['${from}'] there, and restart the application first`,
            );
        },
    );
});
