import { Agent } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { memberRoutes } from './helpers/loginRoutes.js';
import { onPostgres } from './helpers/onPostgres.js';
import { ownTable } from './helpers/ownTable.js';
import { ask, requestsIn, scrape } from './helpers/scrape.js';
import { type SessionApp, sessionApp } from './helpers/sessionApp.js';

const portOf = ({ url }: SessionApp) => Number(new URL(url).port);

test('a thousand paths, methods, forged cookies and users have as many series as a few', async () => {
    const app = await sessionApp({
        session: { driver: 'memory' },
        http: { metrics: true, methodOverride: true },
        routes: (router) => {
            memberRoutes(router);
            router.all('/users/:id', (_request, response) => response.json({}));
        },
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    onTestFinished(() => agent.destroy());
    const methods = ['PROPFIND', 'MKCOL', 'PURGE', 'LINK', 'GET'];
    const thousand = (run: number) =>
        Promise.all(
            Array.from({ length: 1_000 }, (_, index) =>
                ask(portOf(app), {
                    agent,
                    method: methods[index % methods.length] as string,
                    path: index % 2 ? `/users/${run}-${index}` : `/nowhere-${run}-${index}/${index}`,
                    headers: {
                        cookie: `sosise=s%3A${String(run * 10_000 + index).repeat(8)}.${'y'.repeat(43)}`,
                    },
                }),
            ),
        );
    const members = async (run: number) => {
        for (let index = 0; index < 30; index += 1) {
            const visitor = app.client();
            await visitor.post('/login', { json: { user: `user-${run}-${index}` } });
            await visitor.post('/logout');
        }
    };
    await Promise.all([thousand(1), members(1)]);
    const before = await scrape(portOf(app));
    await Promise.all([thousand(2), members(2)]);
    const after = await scrape(portOf(app));
    expect(requestsIn(after)).toMatchObject({
        '_OTHER /users/:id 200': 800,
        '_OTHER - 404': 800,
        'GET /users/:id 200': 200,
        'GET - 404': 200,
    });
    expect(after.value('sosise_session_refused_total', { reason: 'signature' })).toBe(2_000);
    expect(after.value('sosise_session_ended_total', { reason: 'logout' })).toBe(60);
    const grown = after.samples.length - before.samples.length;
    expect(grown, 'nothing but the scrape before').toBe(17); // 15 buckets, sum and count of `GET - 200`
});

await onPostgres('the number of live sessions in PostgreSQL', () => {
    test('leaves out tombstones, lists of users and what has expired', async () => {
        const { options, sql, drop } = ownTable();
        onTestFinished(drop);
        const app = await sessionApp({
            session: { driver: 'database', drivers: { database: options } },
            http: { metrics: true },
            routes: memberRoutes,
        });
        const visitors = await Promise.all(
            ['ann', 'ben', 'cem', 'dan'].map(async (user) => {
                const visitor = app.client();
                await visitor.post('/login', { json: { user } });
                return visitor;
            }),
        );
        await visitors[0]?.post('/logout');
        const kinds = await sql('SELECT left(key, 5) AS kind, count(*)::int FROM {} GROUP BY 1');
        expect(kinds).toContainEqual({ kind: 'sha25', count: 4 }); // with a tombstone
        expect(kinds).toContainEqual({ kind: 'user-', count: expect.any(Number) });
        const live = async () => (await scrape(portOf(app))).value('sosise_session_live');
        await expect.poll(live).toBe(3);
        const day = 24 * 3_600_000;
        await sql(
            `UPDATE {} SET expires_at = $1 WHERE key = (SELECT key FROM {} WHERE key LIKE 'sha256-%' AND record NOT LIKE '%"ended":%' LIMIT 1)`,
            [Date.now() + day - 1],
        );
        await expect.poll(live, { timeout: 10_000 }).toBe(2);
    });
});
