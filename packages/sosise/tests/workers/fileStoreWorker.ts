import { setTimeout as pause } from 'node:timers/promises';
import { FileStore } from '../helpers/inside/Session/Stores/File.js';

/*
 * A process of its own that works on a sessions folder: `node --import tsx fileStoreWorker.ts <folder> <job> <…>`.
 * It says what it did line by line on its standard output.
 */
const [folder = '', job = '', ...rest] = process.argv.slice(2);
const store = new FileStore({ path: folder });
const say = (line: string) => process.stdout.write(`${line}\n`);

async function increment(id: string, key: string): Promise<number> {
    for (;;) {
        const stored = await store.read(id);
        const data = JSON.parse(stored?.record ?? '{"cookie":{}}') as Record<string, unknown>;
        const value = Number(data[key] ?? 0) + 1;
        const record = JSON.stringify({ ...data, [key]: value });
        if ((await store.write(id, record, stored?.version, Date.now() + 60_000)) !== undefined) {
            return value;
        }
    }
}

const jobs: Record<string, () => Promise<void>> = {
    /** Adds one to a key of a session, so many times. */
    async increment() {
        const [id = '', key = '', times = '0'] = rest;
        for (let done = 0; done < Number(times); done += 1) {
            await increment(id, key);
        }
    },
    /** The same by plain reading and writing, under the lease. */
    async exclusive() {
        const [id = '', times = '0'] = rest;
        for (let done = 0; done < Number(times); done += 1) {
            const lease = await store.lock(id, 30_000);
            const stored = await store.read(id);
            const data = JSON.parse(stored?.record ?? '{"cookie":{},"n":0}') as { n: number };
            data.n += 1;
            await store.write(id, JSON.stringify(data), stored?.version, Date.now() + 60_000);
            await lease?.release();
        }
    },
    /** Writes 16 sessions at once without end, and says each change that was acknowledged. */
    async storm() {
        await Promise.all(
            Array.from({ length: 16 }, async (_, index) => {
                for (;;) {
                    const key = rest[0] ?? 'n';
                    const value = await increment(`storm${index % 4}`, `${key}${index}`);
                    say(`${index} ${value}`);
                }
            }),
        );
    },
    /** Stores new sessions, 16 at once, without end, and says the id of each that was acknowledged. */
    async create() {
        await Promise.all(
            Array.from({ length: 16 }, async (_, index) => {
                for (let count = 0; ; count += 1) {
                    const id = `${rest[0]}-${index}-${count}`;
                    await store.write(id, JSON.stringify({ cookie: {}, id }), undefined, Date.now() + 60_000);
                    say(id);
                }
            }),
        );
    },
    /** Stores a new session where another process has made a file for it, and stopped. */
    async take() {
        const [id = '', record = ''] = rest;
        while (!(await store.count())) {
            await pause(1);
        }
        const version = await store.write(id, record, undefined, Date.now() + 60_000);
        say(version === undefined ? 'not taken' : 'taken');
    },
    /** Takes a session's lease and keeps it. */
    async hold() {
        const lease = await store.lock(rest[0] ?? '', 1_000);
        say(lease ? 'held' : 'busy');
        setInterval(() => undefined, 60_000);
    },
};

await jobs[job]?.();
say('done');
