/** Where the server is, connect-redis' options under its own names, and ours. All others go to the client of the package redis. */
export interface RedisStoreOptions {
    /** `redis://user:password@host:6379/0`; `rediss://` for TLS. Options beside it override its parts. */
    url?: string;
    host?: string;
    /** Default: 6379. */
    port?: number;
    username?: string;
    password?: string;
    database?: number;
    /** true, or Node's options for TLS. */
    tls?: boolean | object;
    /** How long one connection may take to be made, and how long start-up tries, in ms. Default: 5,000. */
    connectTimeoutMs?: number;
    /** How long a command may take, in ms. Default: 1,000. */
    commandTimeoutMs?: number;
    /** What all keys begin with. Default: `sess:`. */
    prefix?: string;
    /** Seconds that `set` and `touch` keep a session without `cookie.maxAge`. The session layer gives each record its own. */
    ttl?: number | ((session: unknown) => number);
    /** How many keys a walk asks for at once. Default: 100. */
    scanCount?: number;
    serializer?: { stringify(session: object): string; parse(text: string): object | Promise<object> };
    disableTTL?: boolean;
    disableTouch?: boolean;
    /** The servers of a cluster, as the package redis names them: `[{ url }]`. */
    rootNodes?: readonly object[];
    /** The sentinels, and beside them the `name` of what they watch over. */
    sentinelRootNodes?: readonly object[];
    /** How long a damaged record is kept for a person to look at, in ms. Default: seven days. */
    keepDamagedMs?: number;
    /** Where warnings go. They never hold ids, contents, names or passwords. */
    warn?: (message: string) => void;
    [option: string]: unknown;
}
