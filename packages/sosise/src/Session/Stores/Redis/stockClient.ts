import type { RedisConnection } from './Connection/RedisConnection.js';
import { keysIn } from './keysIn.js';

interface SetOptions {
    expiration?: { type: string; value: number };
}

export interface StockClientOptions {
    /** Keys that begin with this are no sessions, and not listed. */
    readonly hidden: string;
    /** Keys are spread over servers: each is asked for by itself. */
    readonly isCluster: boolean;
}

/** What connect-redis calls of the client, with the same limits as all else. */
export function stockClient(connection: RedisConnection, { hidden, isCluster }: StockClientOptions) {
    const each = (keys: readonly string[], name: string) =>
        Promise.all(keys.map((key) => connection.askAgain(key, [name, key]).catch(ofWrongType)));

    return {
        get: (key: string) => connection.askAgain(key, ['GET', key]),
        set: (key: string, text: string, { expiration }: SetOptions = {}) =>
            connection.ask(key, ['SET', key, text, ...(expiration ? [expiration.type, String(expiration.value)] : [])]),
        expire: (key: string, seconds: number) => connection.ask(key, ['EXPIRE', key, String(seconds)]),
        del: (keys: readonly string[]) => each(keys, 'DEL'),
        mGet: (keys: readonly string[]) =>
            isCluster ? each(keys, 'GET') : connection.askAgain(undefined, ['MGET', ...keys]),
        async *scanIterator({ MATCH, COUNT }: { MATCH: string; COUNT: number }): AsyncGenerator<string[]> {
            for (const ask of await connection.nodes()) {
                for await (const found of keysIn(ask, MATCH, COUNT)) {
                    const keys = found.filter((key) => !key.startsWith(hidden));
                    if (keys.length > 0) {
                        yield keys;
                    }
                }
            }
        },
    };
}

/** Under a session's name stands something else: there is no session. */
function ofWrongType(error: unknown): null {
    if ((error as { code?: unknown }).code === 'WRONGTYPE') {
        return null;
    }
    throw error;
}
