import { join } from 'node:path';
import session from 'express-session';
import memorystore from 'memorystore';
import { login, logout, SessionRegistry } from 'sosise';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Browser } from './helpers/Browser.js';
import { farDriver } from './helpers/farDriver.js';
import { limitRoutes, manyLogins } from './helpers/manyLogins.js';
import { onPostgres } from './helpers/onPostgres.js';
import { onRedis } from './helpers/onRedis.js';
import { hasSqlite, ownTable } from './helpers/ownTable.js';
import type { ServerOptions } from './helpers/server/ServerOptions.js';
import { SessionManager, sessionApp, temporaryFolder } from './helpers/sessionApp.js';
import { startTwo } from './helpers/startTwo.js';

const ROUNDS = 20;
const PlainStore = memorystore(session);
/** What `whenFull` says, and the answers that logins get: one that is replaced before it is stored is none. */
type Policy = [whenFull: 'endOldest' | 'refuse', answers: number[]];
const POLICIES: Policy[] = [
    ['endOldest', [200, 401]],
    ['refuse', [200, 409]],
];

/** 50 logins at once of a user who has no session yet, again and again. */
async function rounds(url: string, [whenFull, answers]: Policy): Promise<void> {
    const alive: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
        const logins = await manyLogins([url], `${whenFull}${round}`);
        alive.push(logins.alive);
        expect(answers).toEqual(expect.arrayContaining([...logins.statuses]));
    }
    expect(alive).toEqual(new Array(ROUNDS).fill(3));
}

async function roundsOfTwo(
    options: Pick<ServerOptions, 'store'> & Partial<ServerOptions>,
    policy: Policy,
): Promise<void> {
    const said = await startTwo({ ...options, session: { registry: { max: 3, whenFull: policy[0] } } });
    expect(new Set(said.map(({ pid }) => pid)).size).toBe(2);
    await rounds(`http://127.0.0.1:${said[0]?.port}`, policy);
}

describe('50 logins of one user at once leave exactly as many sessions as are allowed', () => {
    test.each(
        ['memory', 'file', 'plain'].flatMap((driver) =>
            POLICIES.map((policy): [string, ...Policy] => [driver, ...policy]),
        ),
    )('%s, one process, %s', async (driver, ...policy) => {
        const app = await sessionApp({
            session: { driver, registry: { max: 3, whenFull: policy[0] } },
            boot: ({ container }) => container.make(SessionManager).extend('plain', () => new PlainStore({}) as never),
            routes: limitRoutes,
        });
        await rounds(app.url, policy);
    });

    test.each(POLICIES)('file, two processes, %s', (...policy) => roundsOfTwo({ store: 'file' }, policy));

    test.skipIf(!hasSqlite).each(POLICIES)('SQLite, two processes, %s', (...policy) => {
        const url = join(temporaryFolder(), 'sessions.sqlite');
        return roundsOfTwo({ store: 'sqlite', database: { url } }, policy);
    });
});

await onRedis('50 logins of one user at once, on Redis', (server) => {
    test.each(POLICIES)('two processes, %s', (...policy) =>
        roundsOfTwo({ store: 'redis', redisPort: server.port }, policy),
    );
});

await onPostgres('50 logins of one user at once, on PostgreSQL', () => {
    test.each(POLICIES)('two processes, %s', (...policy) => {
        const { options, drop } = ownTable();
        onTestFinished(drop);
        return roundsOfTwo({ store: 'postgres', database: { ...options } }, policy);
    });
});

test('a list that is longer than one look ends all the same', async () => {
    let allowed = 200;
    const app = await sessionApp({
        session: { driver: 'memory', registry: { max: () => allowed } },
        routes: limitRoutes,
    });
    for (let count = 0; count < 4; count += 1) {
        await manyLogins([app.url], 'mia');
    }
    const registry = app.app.container.make(SessionRegistry);
    expect(await registry.list('mia')).toHaveLength(200);
    allowed = 2;
    await app.browser().visit('/login/mia', { method: 'POST' });
    expect(await registry.list('mia')).toHaveLength(2);
});

test.each(Array.from({ length: ROUNDS }, (_, n) => n + 1))(
    'logins, new ids and logouts in any order never leave more than are allowed (seed %i)',
    async (seed) => {
        const { driver } = farDriver(seed);
        const app = await sessionApp({
            session: { driver: 'far', registry: { max: 3 } },
            boot: ({ container }) => container.make(SessionManager).extend('far', () => driver),
            routes: (router) => {
                limitRoutes(router);
                router.post('/migrate', async (request, response) => {
                    await request.session.migrate();
                    response.json('moved');
                });
                router.post('/leave', async (request, response) => {
                    await logout(request);
                    response.json('bye');
                });
                router.post('/other', async (request, response) => {
                    await login(request, 'bob');
                    response.json('welcome');
                });
            },
        });
        const browsers = Array.from({ length: 8 }, () => app.browser());
        const paths = ['/login/mia', '/migrate', '/login/mia', '/leave', '/migrate', '/other', '/login/mia'];
        const walk = async (browser: Browser, n: number) => {
            for (let step = 0; step < paths.length; step += 1) {
                await browser.visit(paths[(step * (n + seed) + n) % paths.length] as string, { method: 'POST' });
            }
            await browser.visit('/login/mia', { method: 'POST' });
            await browser.visit('/migrate', { method: 'POST' });
        };
        await Promise.all(browsers.map(walk));
        const alive = async (all: Browser[]) => {
            const found = await Promise.all(all.map((browser) => browser.json('/me')));
            return found.filter(({ user }) => user === 'mia').length;
        };
        const left = await alive(browsers);
        expect(left).toBeLessThanOrEqual(3);
        expect(await app.app.container.make(SessionRegistry).list('mia')).toHaveLength(left);
        const more: Browser[] = [];
        for (let count = left; count < 3; count += 1) {
            more.push(app.browser());
            await more.at(-1)?.visit('/login/mia', { method: 'POST' });
            expect(await alive([...browsers, ...more]), 'nothing that has failed counts').toBe(count + 1);
        }
    },
);
