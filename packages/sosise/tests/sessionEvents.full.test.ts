import { expect, onTestFinished, test } from 'vitest';
import { heardApp, inShort, onePass, PASS } from './eventsApp.js';
import { onPostgres } from './helpers/onPostgres.js';
import { onRedis } from './helpers/onRedis.js';
import { ownTable } from './helpers/ownTable.js';

/** The same as on the drivers of sessionEvents.test.ts. */
async function expectPass(session: Record<string, unknown>): Promise<void> {
    const { events, secrets } = await onePass(await heardApp({ session }));
    expect(inShort(events)).toEqual(PASS);
    const said = JSON.stringify(events);
    expect(secrets.filter((secret) => said.includes(secret))).toEqual([]);
}

await onRedis('the events of sessions on Redis', (server) => {
    test('are those of every driver', () =>
        expectPass({ driver: 'redis', drivers: { redis: { url: `redis://127.0.0.1:${server.port}` } } }));
});

await onPostgres('the events of sessions on PostgreSQL', () => {
    test('are those of every driver', async () => {
        const { options, drop } = ownTable();
        onTestFinished(drop);
        await expectPass({ driver: 'database', drivers: { database: { ...options } } });
    });
});
