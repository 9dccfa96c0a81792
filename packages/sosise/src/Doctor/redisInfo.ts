import type { RedisError } from '../Session/Stores/Redis/Connection/RedisError.js';
import type { SendCommand } from '../Session/Stores/Redis/Connection/RedisLink.js';

/** A section of INFO; undefined where this user may not ask. */
export async function infoOf(ask: SendCommand, section: string): Promise<Record<string, string> | undefined> {
    return allowed(async () => {
        const lines = String(await ask(['INFO', section])).split('\r\n');
        const pairs = lines.map((line) => /^([^#:][^:]*):(.*)$/.exec(line)).filter((pair) => pair !== null);
        return Object.fromEntries(pairs.map(([, name, value]) => [name, value]));
    });
}

/** One setting of the server; undefined where this user may not ask. */
export async function settingOf(ask: SendCommand, setting: string): Promise<string | undefined> {
    return allowed(async () => {
        const reply = await ask(['CONFIG', 'GET', setting]);
        const pairs = Array.isArray(reply) ? reply : Object.entries(reply as object).flat();
        return pairs.length > 1 ? String(pairs[1]) : undefined;
    });
}

async function allowed<T>(ask: () => Promise<T>): Promise<T | undefined> {
    try {
        return await ask();
    } catch (error) {
        if ((error as RedisError).kind === 'refused') {
            return undefined;
        }
        throw error;
    }
}
