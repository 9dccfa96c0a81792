import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FileStore } from '../../src/framework/Session/stores/FileStore.js';
import { ended, startWorker } from './workers/startWorker.js';
import { type Acknowledged, stormAndKill } from './workers/stormAndKill.js';

const KILLS = 200;
const AT_ONCE = 5;
let folder: string;
let store: FileStore;

beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'file-store-full-'));
    store = new FileStore({ path: folder });
});

afterAll(() => {
    store.close();
    fs.rmSync(folder, { recursive: true, force: true });
});

async function stored(id: string): Promise<Record<string, unknown>> {
    return JSON.parse((await store.read(id))?.record ?? '{}') as Record<string, unknown>;
}

test('two processes that change one session lose nothing', async () => {
    const workers = ['a', 'b', 'a', 'c'].map((key) => startWorker(folder, 'increment', 'race', key, '250'));
    await Promise.all(workers.map(ended));
    expect(await stored('race')).toMatchObject({ a: 500, b: 250, c: 250 });
});

test('a lease makes plain reading and writing exact between processes', async () => {
    await Promise.all([1, 2, 3].map(() => ended(startWorker(folder, 'exclusive', 'counted', '60'))));
    expect(await stored('counted')).toMatchObject({ n: 180 });
});

test(`${KILLS} processes killed in the middle of 16 writes at once leave no torn record and lose no acknowledged change`, async () => {
    const acknowledged: Acknowledged = new Map();
    let left = KILLS;
    await Promise.all(
        Array.from({ length: AT_ONCE }, async (_, slot) => {
            for (let round = 0; left > 0; round += 1) {
                left -= 1;
                await stormAndKill(folder, `k${slot}x${round}x`, acknowledged);
            }
        }),
    );
    const started = performance.now();
    const records = await Promise.all([0, 1, 2, 3].map((index) => stored(`storm${index}`)));
    let changes = 0;
    for (const [id, keys] of acknowledged) {
        for (const [key, value] of keys) {
            expect(records[Number(id)]?.[key] ?? 0, `${id} ${key}`).toBeGreaterThanOrEqual(value);
            changes += value;
        }
    }
    expect(changes).toBeGreaterThan(KILLS);
    // Locks of the dead don't hold up the living.
    for (const index of [0, 1, 2, 3]) {
        const id = `storm${index}`;
        const now = await store.read(id);
        expect(await store.write(id, now?.record ?? '', now?.version, Date.now())).toBeDefined();
    }
    expect(performance.now() - started).toBeLessThan(2_000);
    await store.tidy(Date.now());
    expect(fs.readdirSync(folder).filter((name) => name.startsWith('.') && name !== '.locks')).toEqual([]);
}, 180_000);
