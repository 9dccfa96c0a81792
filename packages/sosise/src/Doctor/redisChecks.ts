import { randomBytes } from 'node:crypto';
import { openConnection } from '../Session/Stores/Redis/Connection/openConnection.js';
import type { RedisConnection } from '../Session/Stores/Redis/Connection/RedisConnection.js';
import { RedisError } from '../Session/Stores/Redis/Connection/RedisError.js';
import type { SendCommand } from '../Session/Stores/Redis/Connection/RedisLink.js';
import type { RedisStoreOptions } from '../Session/Stores/Redis/Connection/RedisStoreOptions.js';
import { addressOf } from '../Session/Stores/Redis/Connection/redisLinks.js';
import { requireRedisPackages } from '../Session/Stores/Redis/Connection/redisPackages.js';
import { keysIn, keysLike } from '../Session/Stores/Redis/keysIn.js';
import { counted } from '../Support/words.js';
import { type Check, ok, problem } from './Check.js';
import type { Examined } from './Examined.js';
import { asideCheck } from './folderChecks.js';
import { looked } from './looked.js';
import { infoOf } from './redisInfo.js';
import { redisServerChecks } from './redisServerChecks.js';
import { speedCheck } from './speedCheck.js';

const CONFIG = 'src/config/session.ts';
const CONNECT_MS = 1_500;
const COMMAND_MS = 1_000;
/** How long keys are counted, in ms: a server may hold millions of other applications. */
const COUNT_MS = 500;
const PINGS = 3;

/** Whether a Redis server answers, and is one that sessions can stay in. */
export async function redisChecks(options: RedisStoreOptions, examined: Examined): Promise<Check[]> {
    let connection: RedisConnection;
    try {
        await requireRedisPackages();
        connection = await openConnection({
            ...options,
            connectTimeoutMs: Math.min(CONNECT_MS, options.connectTimeoutMs ?? CONNECT_MS),
            commandTimeoutMs: Math.min(COMMAND_MS, options.commandTimeoutMs ?? COMMAND_MS),
        });
    } catch (error) {
        return [unreachable(error as Error, options)];
    }
    try {
        return await connected(connection, options, examined);
    } finally {
        await connection.close();
    }
}

function unreachable({ message, cause }: Error, options: RedisStoreOptions): Check {
    if (!(cause instanceof RedisError)) {
        return cause === undefined
            ? problem('Redis', message, `Correct drivers.redis in ${CONFIG}.`)
            : problem('Redis', 'Its packages are not installed.', 'npm install connect-redis redis --save-prod');
    }
    const address = addressOf(options);
    return cause.isLasting
        ? problem(
              'Redis',
              `${address} refused the application. ${cause.message}`,
              `Correct username, password, database and tls of drivers.redis in ${CONFIG}.`,
          )
        : problem(
              'Redis',
              `${address} does not answer (${cause.code}).`,
              `Start Redis, or correct drivers.redis in ${CONFIG}.`,
          );
}

async function connected(
    connection: RedisConnection,
    options: RedisStoreOptions,
    examined: Examined,
): Promise<Check[]> {
    const nodes = await connection.nodes();
    const [held = [], ...servers] = await Promise.all([
        looked('Records', () => contents(nodes, options, examined)),
        ...nodes.flatMap((ask) => [
            looked('Redis', async () => [await answering(ask, addressOf(options))]),
            looked('Redis memory', () => redisServerChecks(ask)),
        ]),
    ]);
    // The last: a server that refuses it is left, and looked for again.
    const written = await looked('Writing', async () => [await writing(connection, options)]);
    return [...withoutTwins(servers.flat()), ...written, ...held];
}

/** Several servers of a cluster that say the same say it once. */
function withoutTwins(checks: readonly Check[]): Check[] {
    return [...new Map(checks.map((check) => [`${check.name} ${check.text}`, check])).values()];
}

async function answering(ask: SendCommand, address: string): Promise<Check> {
    const times: number[] = [];
    for (let tries = 0; tries < PINGS; tries += 1) {
        const started = performance.now();
        await ask(['PING']);
        times.push(performance.now() - started);
    }
    const took = Math.min(...times);
    const server = await versionOf(ask);
    const text = `${server} answers at ${address} in ${took.toFixed(1)} ms.`;
    return speedCheck('Redis', text, took);
}

async function versionOf(ask: SendCommand): Promise<string> {
    const info = await infoOf(ask, 'server');
    const valkey = info?.['valkey_version'];
    return valkey
        ? `Valkey ${valkey}`
        : info?.['redis_version']
          ? `Redis ${info['redis_version']}`
          : 'A server that does not tell its version';
}

/** A key of its own, which is gone afterwards. */
async function writing(connection: RedisConnection, { prefix = 'sess:' }: RedisStoreOptions): Promise<Check> {
    const key = `${prefix}~doctor:${randomBytes(9).toString('hex')}`;
    try {
        await connection.ask(key, ['SET', key, '1', 'PX', '10000']);
        const read = await connection.ask(key, ['GET', key]);
        await connection.ask(key, ['DEL', key]);
        return read === '1'
            ? ok('Writing', 'A key was written, read and removed.')
            : problem(
                  'Writing',
                  'A key that was written could not be read.',
                  'Raise maxmemory: the server drops what it is given.',
              );
    } catch (error) {
        const { message, code } = error as RedisError;
        return problem(
            'Writing',
            `A key can't be written. ${message}`,
            FIXES[code] ?? `Fix the server, or correct drivers.redis in ${CONFIG}.`,
        );
    }
}

const FIXES: Readonly<Record<string, string>> = {
    READONLY: `Name the master in drivers.redis (${CONFIG}), or sentinels, which know it: sentinelRootNodes.`,
    OOM: 'Raise maxmemory on the server, or find out what fills it.',
    MISCONF: 'Make room on the disk of the server: it could not save.',
    NOPERM: 'Allow the user of drivers.redis to read and write keys that begin with its prefix (ACL SETUSER).',
};

async function contents(
    nodes: readonly SendCommand[],
    { prefix = 'sess:', keepDamagedMs }: RedisStoreOptions,
    { settings }: Examined,
): Promise<Check[]> {
    const until = performance.now() + COUNT_MS;
    const aside = { count: 0, oldest: Number.POSITIVE_INFINITY };
    let records = 0;
    let isWhole = true;
    for (const ask of nodes) {
        for await (const keys of keysIn(ask, keysLike(prefix))) {
            for (const key of keys) {
                const [, time] = /^~aside:(\d+):/.exec(key.slice(prefix.length)) ?? [];
                if (time) {
                    aside.count += 1;
                    aside.oldest = Math.min(aside.oldest, Number(time));
                }
                records += key.startsWith(`${prefix}~`) ? 0 : 1;
            }
            if (performance.now() > until) {
                isWhole = false;
                break;
            }
        }
    }
    const found = `${isWhole ? '' : 'At least '}${counted(records, 'record')}`;
    return [
        ok('Records', `${found} ${records === 1 && isWhole ? 'is' : 'are'} stored under ${prefix}.`),
        asideCheck(
            aside,
            keepDamagedMs ?? settings.keepDamagedMs,
            `Look at the keys that begin with ${prefix}~aside: another program may write there.`,
        ),
    ];
}
