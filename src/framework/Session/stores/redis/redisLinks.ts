import type { createClient, createCluster, createSentinel } from 'redis';
import type { RedisLink, SendCommand } from './RedisLink.js';
import type { RedisStoreOptions } from './RedisStoreOptions.js';

type Client = ReturnType<typeof createClient>;
type Cluster = ReturnType<typeof createCluster>;
type Sentinel = ReturnType<typeof createSentinel>;
/** What the package redis exports. */
export type RedisPackage = typeof import('redis');

/** More unanswered commands than this, and the client refuses new ones: a server that is slow must not fill the memory. */
const MOST_COMMANDS = 10_000;
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
    const connection = connectionOf(options);
    const rest = Object.fromEntries(Object.entries(options).filter(([key]) => !OURS.includes(key)));
    if (options.rootNodes) {
        const { socket, ...login } = connection;
        const { host: _host, port: _port, ...others } = socket;
        const defaults = {
            ...login,
            ...(rest['defaults'] as object),
            socket: { ...others, ...socketOf(rest['defaults']) },
        };
        return () => clusterLink(redis.createCluster({ ...rest, defaults } as never));
    }
    if (options.sentinelRootNodes) {
        const { socket, ...login } = connection;
        const { host: _host, port: _port, ...others } = socket;
        const given = rest['nodeClientOptions'];
        const nodeClientOptions = { ...login, ...(given as object), socket: { ...others, ...socketOf(given) } };
        return () => sentinelLink(redis.createSentinel({ ...rest, nodeClientOptions } as never));
    }
    // Copies: the client writes into what it is given. Reconnecting is RedisConnection's business.
    return () =>
        singleLink(
            redis.createClient({
                ...rest,
                ...connection,
                disableOfflineQueue: true,
                socket: { ...connection.socket, ...socketOf(rest), reconnectStrategy: false },
            } as never),
        );
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
        commandsQueueMaxLength: MOST_COMMANDS,
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
