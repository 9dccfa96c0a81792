import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FileStore } from './helpers/inside/Session/Stores/File.js';
import { ended, startWorker } from './workers/startWorker.js';
import { type Acknowledged, stormAndKill } from './workers/stormAndKill.js';

const KILLS = 60;
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

test('20 processes killed while they store new sessions lose none that was acknowledged, and leave none in part', async () => {
    const acknowledged = new Set<string>();
    const killOne = async (name: string) => {
        const worker = startWorker(folder, 'create', name);
        const exit = once(worker, 'exit');
        const lines = createInterface(worker.stdout as Readable);
        const closed = once(lines, 'close');
        lines.on('line', (line) => acknowledged.add(line));
        await once(lines, 'line');
        setTimeout(() => worker.kill('SIGKILL'), Math.random() * 40);
        await Promise.all([exit, closed]);
    };
    const lane = async (name: string) => {
        for (let round = 0; round < 4; round += 1) {
            await killOne(`new-${name}-${round}`);
        }
    };
    await Promise.all(['a', 'b', 'c', 'd', 'e'].map(lane));
    expect(acknowledged.size).toBeGreaterThan(20);
    const ids = fs.readdirSync(folder).flatMap((file) => /^(new-.+)\.json$/.exec(file)?.[1] ?? []);
    for (const id of new Set([...ids, ...acknowledged])) {
        const found = (await stored(id))['id'];
        expect(acknowledged.has(id) ? [id] : [id, undefined]).toContain(found);
    }
}, 60_000);

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
    await store.tidy(Date.now());
    expect(fs.readdirSync(folder).filter((name) => name.startsWith('.') && name !== '.locks')).toEqual([]);
}, 180_000);
