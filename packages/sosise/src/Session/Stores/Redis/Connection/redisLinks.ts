import type { createClient, createCluster, createSentinel } from 'redis';
import type { RedisLink, SendCommand } from './RedisLink.js';
import type { RedisStoreOptions } from './RedisStoreOptions.js';

type Client = ReturnType<typeof createClient>;
type Cluster = ReturnType<typeof createCluster>;
type Sentinel = ReturnType<typeof createSentinel>;
export type RedisPackage = typeof import('redis');

/** More unanswered commands than this, and the client refuses new ones: a server that is slow must not fill the memory. */
const LIMITS = { commandsQueueMaxLength: 10_000 };
/** Without a connection, commands fail at once. */
const AT_ONCE = { disableOfflineQueue: true };
/** Our own options; every other one is the client's. */
const OURS = [
    'url',
    'host',
    'port',
    'username',
    'password',
    'database',
    'tls',
    'connectTimeoutMs',
    'commandTimeoutMs',
    'prefix',
    'ttl',
    'scanCount',
    'serializer',
    'disableTTL',
    'disableTouch',
    'keepDamagedMs',
    'warn',
];

/** What makes links by these options: to a cluster where they have `rootNodes`, over sentinels with `sentinelRootNodes`. */
export function linkMaker(redis: RedisPackage, options: RedisStoreOptions): () => RedisLink {
    const rest: Record<string, unknown> = Object.fromEntries(
        Object.entries(options).filter(([key]) => !OURS.includes(key)),
    );
    // The client's own timer, one for each command, ends when the command is written: ours counts to the answer.
    rest['commandOptions'] = { ...(rest['commandOptions'] as object), timeout: 0 };
    if (options.rootNodes) {
        const defaults = nodeOptions(options, rest['defaults']);
        return () => clusterLink(redis.createCluster({ ...rest, defaults } as never));
    }
    if (options.sentinelRootNodes) {
        const nodeClientOptions = nodeOptions(options, rest['nodeClientOptions']);
        return () => sentinelLink(redis.createSentinel({ ...rest, nodeClientOptions } as never));
    }
    const { socket, ...login } = connectionOf(options);
    // Copies: the client writes into what it is given. Reconnecting is RedisConnection's business.
    return () =>
        singleLink(
            redis.createClient({
                ...LIMITS,
                ...rest,
                ...login,
                ...AT_ONCE,
                socket: { ...socket, ...socketOf(rest), reconnectStrategy: false },
            } as never),
        );
}

/** For each server of several, whose addresses the others tell. */
function nodeOptions(options: RedisStoreOptions, given: unknown): object {
    const { socket, ...login } = connectionOf(options);
    const { host: _host, port: _port, ...others } = socket;
    return { ...LIMITS, ...login, ...(given as object), ...AT_ONCE, socket: { ...others, ...socketOf(given) } };
}

/** Where the server is, for messages: never a name or a password. */
export function addressOf(options: RedisStoreOptions): string {
    if (options.rootNodes) {
        return 'the cluster';
    }
    if (options.sentinelRootNodes) {
        return 'the servers behind the sentinels';
    }
    const { host, port, path } = connectionOf(options).socket as { host?: string; port?: number; path?: string };
    return path ?? (socketOf(options)['path'] as string | undefined) ?? `${host ?? 'localhost'}:${port ?? 6379}`;
}

function connectionOf({ url, connectTimeoutMs, ...options }: RedisStoreOptions) {
    // Taken apart here: the client would put the whole address into its errors.
    const parsed = url === undefined ? undefined : partsOf(url);
    const { username = parsed?.username, password = parsed?.password, database = parsed?.database } = options;
    const tls = options.tls ?? parsed?.tls;
    const { host = parsed?.host, port = parsed?.port } = options;
    return {
        ...(username !== undefined && { username }),
        ...(password !== undefined && { password }),
        ...(database !== undefined && { database }),
        socket: {
            ...(host !== undefined && { host }),
            ...(port !== undefined && { port }),
            ...(tls && { tls: true, ...(typeof tls === 'object' && tls) }),
            connectTimeout: connectTimeoutMs,
        },
    };
}

function partsOf(url: string) {
    const { protocol, hostname, port, username, password, pathname } = new URL(url);
    return {
        host: hostname.replace(/^\[(.+)\]$/, '$1') || 'localhost',
        port: port === '' ? undefined : Number(port),
        username: username === '' ? undefined : decodeURIComponent(username),
        password: password === '' ? undefined : decodeURIComponent(password),
        database: pathname.length > 1 ? Number(pathname.slice(1)) : undefined,
        tls: protocol === 'rediss:',
    };
}

function socketOf(options: unknown): Record<string, unknown> {
    return ((options as { socket?: Record<string, unknown> } | undefined)?.socket ?? {}) as Record<string, unknown>;
}

function singleLink(client: Client): RedisLink {
    const send: SendCommand = (args) => client.sendCommand(args as string[]);
    return {
        isSingle: true,
        connect: () => client.connect(),
        send: (_key, args) => client.sendCommand(args as string[]),
        nodes: async () => [send],
        onError: (listener) => void client.on('error', listener),
        destroy: () => client.isOpen && client.destroy(),
    };
}

function clusterLink(cluster: Cluster): RedisLink {
    return {
        isSingle: false,
        connect: () => cluster.connect(),
        // Never from a replica: it may not have yet what was stored a moment ago.
        send: (key, args) => cluster.sendCommand(key, false, args as string[]),
        nodes: () =>
            Promise.all(
                cluster.masters.map(async (master): Promise<SendCommand> => {
                    const node = await cluster.nodeClient(master);
                    return (args) => node.sendCommand(args as string[]);
                }),
            ),
        onError: (listener) => void cluster.on('error', listener),
        destroy: () => cluster.destroy(),
    };
}

function sentinelLink(sentinel: Sentinel): RedisLink {
    return {
        isSingle: false,
        connect: () => sentinel.connect(),
        send: (_key, args) => sentinel.sendCommand(false, args as string[]),
        nodes: async () => [(args) => sentinel.sendCommand(false, args as string[])],
        onError: (listener) => void sentinel.on('error', listener),
        destroy: () => void Promise.resolve(sentinel.destroy()).catch(() => undefined),
    };
}
