import type { RedisConnection } from './Connection/RedisConnection.js';
import { keysIn, keysLike } from './keysIn.js';

/** Deletes what begins with `prefix`, on all servers, and nothing else. */
export async function removeKeys(connection: RedisConnection, prefix: string): Promise<void> {
    for (const ask of await connection.nodes()) {
        for await (const keys of keysIn(ask, keysLike(prefix))) {
            await Promise.all(keys.map((key) => connection.ask(key, ['DEL', key])));
        }
    }
}
