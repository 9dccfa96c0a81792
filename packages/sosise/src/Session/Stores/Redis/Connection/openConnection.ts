import { ConfigError } from '../../../../Exceptions/errors.js';
import { RedisConnection } from './RedisConnection.js';
import type { RedisError } from './RedisError.js';
import type { RedisStoreOptions } from './RedisStoreOptions.js';
import { addressOf, linkMaker } from './redisLinks.js';

const CONNECT_TIMEOUT_MS = 5_000;
export const COMMAND_TIMEOUT_MS = 1_000;

/** Connects. Throws ConfigError where the server does not answer within `connectTimeoutMs`, or refuses. */
export async function openConnection(options: RedisStoreOptions): Promise<RedisConnection> {
    const { connectTimeoutMs = CONNECT_TIMEOUT_MS, commandTimeoutMs = COMMAND_TIMEOUT_MS } = options;
    const redis = await import('redis');
    const connection = new RedisConnection({
        connectTimeoutMs,
        commandTimeoutMs,
        makeLink: linkMaker(redis, { ...options, connectTimeoutMs }),
        isReply: (error): error is Error => error instanceof redis.ErrorReply,
        warn: options.warn ?? (() => undefined),
    });
    try {
        await connection.open();
        return connection;
    } catch (error) {
        throw notOpened(error, options);
    }
}

/** Why start-up ends: the server could not be asked, or refused. */
export function notOpened(error: unknown, options: RedisStoreOptions): ConfigError {
    const { connectTimeoutMs = CONNECT_TIMEOUT_MS } = options;
    const where = `Session driver [redis]: ${addressOf(options)}`;
    return new ConfigError(`${where} ${whyNot(error as RedisError, connectTimeoutMs)}`, { cause: error });
}

function whyNot({ message, code, kind, isLasting, isOfTls }: RedisError, connectTimeoutMs: number): string {
    if (isOfTls) {
        return `can't be spoken to over TLS (${code}): correct tls of drivers.redis in src/config/session.ts; its ca holds the certificate of who signed the server's.`;
    }
    if (kind === 'refused' && !isLasting) {
        return `let nobody in within ${connectTimeoutMs} ms: ${message} Look at the server, then start again.`;
    }
    return isLasting
        ? `refused the application: ${message} Correct username, password, database and tls of drivers.redis in src/config/session.ts.`
        : `did not answer within ${connectTimeoutMs} ms (${code}): start Redis, or correct drivers.redis in src/config/session.ts.`;
}
