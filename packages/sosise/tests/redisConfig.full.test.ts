import { describe, expect, test } from 'vitest';
import { optionalImport } from './helpers/inside/Config.js';
import { freePort } from './helpers/redis.js';
import { createKernel } from './helpers/sessionApp.js';

const PASSWORD = 'Geheim7kQ2vX9mZ4rT8w';

/** What start-up says of the options of the driver. */
async function refusal(redis: Record<string, unknown>): Promise<string> {
    try {
        const { app } = createKernel({ session: { driver: 'redis', drivers: { redis } } });
        await app.boot();
        await app.shutdown();
        return 'started';
    } catch (error) {
        return (error as Error).message;
    }
}

describe('the options of the redis driver', () => {
    test.each([
        [{ hots: 'x' }, /drivers\.redis\.hots is not a known key: did you mean drivers\.redis\.host\?/],
        [{ port: '6379' }, /drivers\.redis\.port .* use 6379 without quotes/],
        [{ commandTimeout: 5 }, /did you mean drivers\.redis\.commandTimeoutMs\?/],
        [{ url: `http://anna:${PASSWORD}@x` }, /drivers\.redis\.url is no address of a Redis server/],
        [{ url: `redis://anna:${PASSWORD}@x/shop` }, /drivers\.redis\.url is no address of a Redis server/],
        [{ url: `anna:${PASSWORD}` }, /drivers\.redis\.url is no address of a Redis server/],
        [{ password: 7 }, /drivers\.redis\.password/],
    ])('are checked at start-up, without a password in the message: %j', async (redis, message) => {
        const said = await refusal(redis);
        expect(said).toMatch(message);
        expect(said).not.toContain(PASSWORD);
    });

    test.each([
        { pingInterval: 1_000 },
        { RESP: 3 },
        { name: 'shop' },
        { readonly: false },
        { clientInfoTag: 'shop' },
        { useReplicas: false },
        { maxCommandRedirections: 16 },
        { minimizeConnections: true },
        { scanInterval: 10_000 },
        { masterPoolSize: 1 },
        { commandOptions: {} },
        { socket: { keepAlive: true } },
        { commandsQueueMaxLength: 100 },
        { disableOfflineQueue: true },
    ])('may be any of the client: %j', async (redis) => {
        const said = await refusal({ ...redis, port: await freePort(), connectTimeoutMs: 1 });
        expect(said).toMatch(/did not answer/);
    });

    test('without a server, start-up tries for a while, and says in one sentence what to do', async () => {
        const port = await freePort();
        const started = performance.now();
        const said = await refusal({ url: `redis://anna:${PASSWORD}@127.0.0.1:${port}/0`, connectTimeoutMs: 300 });
        expect(said).toBe(
            `Session driver [redis]: 127.0.0.1:${port} did not answer within 300 ms (ECONNREFUSED): start Redis, or correct drivers.redis in src/config/session.ts.`,
        );
        expect(performance.now() - started).toBeGreaterThan(100);
    });
});

test('packages that are not installed are named with the command that installs them', async () => {
    const missing = 'no-such-package';
    await expect(
        optionalImport('Session driver [redis]', 'connect-redis redis', () => import(missing)),
    ).rejects.toThrow(
        'Session driver [redis] needs packages that are not installed: npm install connect-redis redis --save-prod',
    );
    const broken = () => Promise.reject(new SyntaxError('broken'));
    await expect(optionalImport('Session driver [redis]', 'connect-redis redis', broken)).rejects.toThrow('broken');
});
