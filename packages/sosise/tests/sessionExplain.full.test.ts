import { expect, onTestFinished, test } from 'vitest';
import { AUDIT, loggedIn, post, registryOf, Site } from './explainSite.js';
import { travel } from './helpers/inside/Testing.js';
import { onPostgres } from './helpers/onPostgres.js';
import { onRedis } from './helpers/onRedis.js';
import { ownTable } from './helpers/ownTable.js';

const HOUR = 3_600_000;

/** How sessions of every driver end, each as its tombstone says it, with and without the audit log. */
async function expectCauses(session: Record<string, unknown>, logging?: Record<string, unknown>): Promise<void> {
    const site = new Site({ session: { ...session, idle: HOUR }, ...(logging && { logging }) });
    const app = await site.start();
    const [idle, out, revoked] = [await loggedIn(app), await loggedIn(app), await loggedIn(app)];
    await out.browser.visit('/logout', post());
    await registryOf(app).revokeOne('42', revoked.name);
    travel('90 minutes');
    const lives = await loggedIn(await site.start());
    const causes = [];
    for (const { name } of [idle, out, revoked, lives]) {
        causes.push((await site.cause(name)).name);
    }
    expect(causes).toEqual(['idle', logging ? 'logout' : 'destroyed', 'revoked', 'lives']);
    const named = (await site.explain('--user=42')).map(({ fingerprint, name }) => [fingerprint, name]);
    expect(named).toContainEqual([idle.name, 'idle']);
    expect(named[0]).toEqual([lives.name, 'lives']);
}

for (const logging of [undefined, AUDIT]) {
    const how = logging ? 'with the audit log' : 'by tombstones alone';

    test(`why sessions of a plain store have ended, ${how}`, () => expectCauses({ driver: 'plain' }, logging));

    await onRedis(`sessions on Redis, ${how}`, (server) => {
        test('have ended for the causes that are told', () =>
            expectCauses(
                { driver: 'redis', drivers: { redis: { url: `redis://127.0.0.1:${server.port}` } } },
                logging,
            ));
    });

    await onPostgres(`sessions on PostgreSQL, ${how}`, () => {
        test('have ended for the causes that are told', async () => {
            const { options, drop } = ownTable();
            onTestFinished(drop);
            await expectCauses({ driver: 'database', drivers: { database: { ...options } } }, logging);
        });
    });
}
