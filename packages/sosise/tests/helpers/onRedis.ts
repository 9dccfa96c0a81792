import { afterAll, describe, test } from 'vitest';
import { serversAreRequired } from './postgres.js';
import { RedisServer, whyNoRedis } from './redis.js';

/**
 * Tests on a Redis of their own: `await onRedis('the redis driver', (server) => { test(…) })`. Where there is none to start
 * they are skipped, with a word; where servers are required, they fail.
 */
export async function onRedis(name: string, tests: (server: RedisServer) => void): Promise<void> {
    const why = whyNoRedis();
    if (why === undefined) {
        const server = await RedisServer.start();
        describe(name, () => {
            tests(server);
            afterAll(() => server.stop());
        });
        return;
    }
    test.skipIf(!serversAreRequired)(name, () => {
        throw new Error(`Redis is required here (SOSISE_REQUIRE_SERVERS=1): ${why}`);
    });
    console.log(`Skipped: ${name}: ${why}`);
}
