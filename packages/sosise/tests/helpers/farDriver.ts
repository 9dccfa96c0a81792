import { setImmediate } from 'node:timers/promises';
import type { SessionDriver } from './inside/Session/Drivers.js';
import { interferedDriver } from './wrapDriver.js';

/** The memory driver as if far away: a seed says in which order it answers. Tells how many sessions of mia it has held at once. */
export function farDriver(seed: number): { driver: SessionDriver; most(): number } {
    const live = new Set<string>();
    let most = 0;
    const wait = async (): Promise<void> => {
        seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
        for (let turns = seed % 7; turns > 0; turns -= 1) {
            await setImmediate();
        }
    };
    const far = interferedDriver({ read: wait, write: wait });
    const driver: SessionDriver = {
        ...far,
        write: async (key, record, version, expiresAt) => {
            const written = await far.write(key, record, version, expiresAt);
            if (written !== undefined) {
                live[record.includes('"login":{"user":"mia"') ? 'add' : 'delete'](key);
                most = Math.max(most, live.size);
            }
            return written;
        },
    };
    return { driver, most: () => most };
}
