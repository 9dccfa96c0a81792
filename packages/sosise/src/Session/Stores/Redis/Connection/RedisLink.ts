/** Sends one command to one server. Errors are the client's own. */
export type SendCommand = (args: readonly string[]) => Promise<unknown>;

/** One client of the package redis: to a server, a cluster, or what sentinels watch over. */
export interface RedisLink {
    /** Connected to one server: when that is silent, everything is. It is not connected again, but replaced. */
    readonly isSingle: boolean;
    connect(): Promise<unknown>;
    /** @param key Where the command goes in a cluster; undefined: anywhere. */
    send(key: string | undefined, args: readonly string[]): Promise<unknown>;
    /** All servers that hold a part of the keys. */
    nodes(): Promise<SendCommand[]>;
    onError(listener: (error: unknown) => void): void;
    /** Gives up the connection. Commands under way fail. */
    destroy(): void;
}
