import { describe, expect, test } from 'vitest';
import { Browser } from './helpers/Browser.js';
import { onRedis } from './helpers/onRedis.js';
import type { ServerOptions } from './helpers/server/ServerOptions.js';
import { startTwo } from './helpers/startTwo.js';

/** Each on connections of its own, so that both workers get their part. */
async function race(store: ServerOptions['store'], redisPort = 0): Promise<void> {
    const said = await startTwo({ store, redisPort });
    expect(new Set(said.map(({ pid }) => pid)).size).toBe(2);
    expect(new Set(said.map(({ port }) => port)).size, 'one port').toBe(1);
    const browser = new Browser(`http://127.0.0.1:${said[0]?.port}`);
    await browser.visit('/set/known/yes');
    for (let round = 0; round < 10; round += 1) {
        const paths = Array.from({ length: 20 }, (_, n) =>
            n % 2 === 0 ? '/increment/n' : `/set/key${round}-${n}/yes`,
        );
        const answers = await Promise.all(
            paths.map((path) => browser.copy().visit(path, { headers: { connection: 'close' } })),
        );
        expect(answers.every(({ status }) => status === 200)).toBe(true);
    }
    const data = await browser.json('/read');
    expect(data['n']).toBe(100);
    expect(Object.keys(data)).toHaveLength(102);
    const thief = browser.copy();
    await browser.visit('/destroy');
    for (let look = 0; look < 6; look += 1) {
        expect(await thief.json('/read', { headers: { connection: 'close' } })).toEqual({});
    }
}

describe('two processes of node:cluster', () => {
    test('lose nothing of each other on the file driver', () => race('file'));

    test('do not start on the memory driver, and say why', async () => {
        for (const { error } of await startTwo({ store: 'memory' })) {
            expect(error).toMatch(
                /^Session driver \[memory\] keeps sessions in one process, and this is one of several .*Set driver: 'file', 'redis' or 'database'/,
            );
        }
    });
});

await onRedis('two processes of node:cluster on Redis', (server) => {
    test('lose nothing of each other', () => race('redis', server.port));
});
