import type { SendCommand } from './Connection/RedisLink.js';

/** Redis' own pattern for keys that begin so. */
export function keysLike(prefix: string): string {
    return `${prefix.replace(/[\\*?[\]^-]/g, '\\$&')}*`;
}

/** The keys of one server that match a pattern, some at a time. @param count How many keys the server looks at for each answer. */
export async function* keysIn(ask: SendCommand, pattern: string, count = 1_000): AsyncGenerator<string[]> {
    let cursor = '0';
    do {
        const args = ['SCAN', cursor, 'MATCH', pattern, 'COUNT', String(count)];
        const [next, keys] = (await ask(args)) as [string, string[]];
        cursor = String(next);
        yield keys;
    } while (cursor !== '0');
}
