import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { startWorker } from './startWorker.js';

/** By session (the number in `storm0` to `storm3`) and key: the last value whose write was acknowledged. */
export type Acknowledged = Map<string, Map<string, number>>;

/** Lets a worker write 16 keys at once, and kills it a little after its first acknowledged change. */
export async function stormAndKill(folder: string, key: string, acknowledged: Acknowledged): Promise<void> {
    const worker = startWorker(folder, 'storm', key);
    const exit = once(worker, 'exit');
    const lines = createInterface(worker.stdout as NonNullable<ChildProcess['stdout']>);
    const closed = once(lines, 'close');
    lines.on('line', (line) => {
        const [index = '', value = ''] = line.split(' ');
        const id = String(Number(index) % 4);
        const keys = acknowledged.get(id) ?? new Map<string, number>();
        keys.set(`${key}${index}`, Number(value));
        acknowledged.set(id, keys);
    });
    await Promise.race([once(lines, 'line'), closed]);
    await sleep(Math.random() * 60);
    worker.kill('SIGKILL');
    await Promise.all([exit, closed]);
}
