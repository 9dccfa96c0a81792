import { randomBytes } from 'node:crypto';
import { openConnection } from '../Session/Stores/Redis/Connection/openConnection.js';
import type { RedisStoreOptions } from '../Session/Stores/Redis/Connection/RedisStoreOptions.js';
import { requireRedisPackages } from '../Session/Stores/Redis/Connection/redisPackages.js';
import { removeKeys } from '../Session/Stores/Redis/removeKeys.js';
import type { Scratch, ScratchOptions } from './Scratch.js';

/** A killed test leaves nothing behind for longer, in ms: all other keys have shorter lives. */
const KEEP_DAMAGED_MS = 60_000;

/** Keys with a beginning of their own, below that of the sessions: where keys are limited, these are allowed too. */
export async function redisScratch({ manager, name, options }: ScratchOptions): Promise<Scratch> {
    const given = options as RedisStoreOptions;
    // The tilde keeps walks of the application away: no session's key has it there.
    const prefix = `${given.prefix ?? 'sess:'}~contract:${randomBytes(9).toString('hex')}:`;
    await requireRedisPackages();
    const connection = await openConnection(given);
    let opened = 0;
    return {
        where: `under keys of its own (${prefix}…): live sessions are not touched`,
        open: async () => {
            opened += 1;
            const own = { ...options, prefix: `${prefix}${opened}:`, keepDamagedMs: KEEP_DAMAGED_MS };
            const reopen = () => manager.create(name, own);
            return { store: await reopen(), reopen };
        },
        close: async () => {
            try {
                await removeKeys(connection, prefix);
            } finally {
                await connection.close();
            }
        },
    };
}
