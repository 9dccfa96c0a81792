import { randomBytes } from 'node:crypto';
import type { SessionDriver } from '../Session/Drivers/SessionDriver.js';
import type { Scratch, ScratchOptions } from './Scratch.js';
import { ScratchDriver } from './ScratchDriver.js';

/** A driver whose storage nobody here knows: its sessions are beside the live ones, under ids of their own. */
export async function sharedScratch({ manager, name, options }: ScratchOptions): Promise<Scratch> {
    const handles: Promise<SessionDriver>[] = [];
    const handle = (index: number) => {
        handles[index] ??= manager.create(name, { ...options });
        return handles[index];
    };
    // What lives in a process can't be opened twice.
    const opensTwice = (await handle(0))?.abilities?.survivesRestart !== false;
    return {
        where: 'beside the live sessions, under random keys of its own: no other key is written, removed or quarantined',
        open: async () => {
            const ids = { prefix: `contract-${randomBytes(9).toString('hex')}-`, written: new Set<string>() };
            return {
                store: new ScratchDriver(await handle(0), ids),
                ...(opensTwice && { reopen: async () => new ScratchDriver(await handle(1), ids) }),
            };
        },
        close: async () => {
            for (const opened of handles) {
                await (await opened).close();
            }
        },
    };
}
