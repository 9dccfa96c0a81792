import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ConfigOverrides } from 'sosise';
import { afterEach, expect, test, vi } from 'vitest';
import type { TestApp } from './helpers/inside/Testing.js';
import { onRedis } from './helpers/onRedis.js';
import { createTestApp } from './stockTestApp.js';

const PLAIN = { enabled: true, cookie: { secure: false } };

/** The application's own src/config/session.ts, as its owner wrote it. */
function configured(session: object): void {
    vi.doMock('./stock/src/config/session.js', async (original) => {
        const { default: config } = await original<{ default: object }>();
        return { default: { ...config, ...session } };
    });
}

afterEach(() => vi.doUnmock('./stock/src/config/session.js'));

async function visited(session: ConfigOverrides['session'] = {}): Promise<TestApp> {
    const app = await createTestApp({ session: { ...PLAIN, ...session } });
    const client = app.client().withSession({ basket: [1] } as object);
    await client.get('/');
    expect(await client.session()).toEqual({ basket: [1] });
    return app;
}

await onRedis('an application that keeps its sessions in Redis', (server) => {
    const keys = () => server.cli('KEYS', '*').split('\n').filter(Boolean);
    const ownKey = 'sess:live';

    test.each([{}, { fallback: ['memory'] }])('is tested on files, and its keys stay untouched', async (also) => {
        server.cli('FLUSHALL');
        server.cli('SET', ownKey, 'a record');
        configured({ driver: 'redis', drivers: { redis: server.options }, ...also });
        const app = await visited();
        expect(readdirSync(join(app.storage, 'sessions')).some((name) => name.endsWith('.json'))).toBe(true);
        expect(keys()).toEqual([ownKey]);
    });

    test.each([{ driver: 'redis' }, { fallback: ['redis'] }])(
        'is tested there where a test says so (%o): under keys that are gone afterwards',
        async (named) => {
            server.cli('FLUSHALL');
            server.cli('SET', 'shop:live', 'a record');
            configured({ driver: 'file', drivers: { redis: { ...server.options, prefix: 'shop:' } } });
            const app = await visited(named);
            expect(keys().filter((key) => !/^shop:(live$|~test:[0-9a-f]{18}:)/.test(key))).toEqual([]);
            expect(keys().length > 1).toBe('driver' in named);
            await app.close();
            expect(keys()).toEqual(['shop:live']);
            expect(server.cli('GET', 'shop:live')).toBe('a record');
        },
    );

    test('two tests at the same time do not see each other, nor does the end of one take from the other', async () => {
        server.cli('FLUSHALL');
        const redis = { driver: 'redis', drivers: { redis: server.options } };
        const [first, second] = await Promise.all([visited(redis), visited(redis)]);
        await first?.close();
        expect(keys().length).toBeGreaterThan(0);
        await second?.close();
        expect(keys()).toEqual([]);
    });

    test('a test that gives its keys a beginning finds them afterwards', async () => {
        server.cli('FLUSHALL');
        const app = await visited({ driver: 'redis', drivers: { redis: { ...server.options, prefix: 'mine:' } } });
        await app.close();
        expect(keys().some((key) => key.startsWith('mine:'))).toBe(true);
    });
});

test('an application that keeps its sessions in files is tested in a folder that is gone afterwards', async () => {
    const app = await visited();
    await app.close();
    expect(existsSync(app.storage)).toBe(false);
});
