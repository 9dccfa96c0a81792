/** What the driver uses of a pool of the package pg. */
export interface PgPool {
    connect(callback: (error: unknown, client?: PgClient) => void): unknown;
    on(event: 'error', listener: (error: unknown) => void): unknown;
    off(event: 'error', listener: (error: unknown) => void): unknown;
    end(): Promise<unknown>;
}

/** One connection of it. */
export interface PgClient {
    query(query: PgQuery): Promise<PgResult>;
    /** @param isBroken Closes the connection, instead of giving it back. */
    release(isBroken?: boolean): void;
    on(event: 'error', listener: (error: unknown) => void): unknown;
    off(event: 'error', listener: (error: unknown) => void): unknown;
}

export interface PgQuery {
    readonly text: string;
    readonly values?: unknown[];
    /** Under this name, the connection keeps it prepared. */
    readonly name?: string;
}

export interface PgResult {
    readonly rowCount: number | null;
    readonly rows: Record<string, unknown>[];
}

/** Where the database is, and what is kept there. All other options go to the pool of the package pg. */
export interface DatabaseStoreOptions {
    /** `postgres://user:password@host:5432/database`, or the path of a SQLite file. */
    url?: string;
    /** A pool that the application has already. It stays open when the driver is closed. */
    pool?: PgPool | (() => PgPool | Promise<PgPool>);
    /** Default: `sessions`. */
    table?: string;
    /** Makes the table at the start where there is none. */
    createTable?: boolean;
    /** connect-pg-simple's table, whose sessions are taken over. Default: `session`, where there is one. false: none. */
    formerTable?: string | false;
    /** Seconds that connect-pg-simple keeps a session whose cookie has no age. Default: 86,400. */
    ttl?: number;
    /** How long start-up tries, in ms. Default: 5,000. */
    connectTimeoutMs?: number;
    /** How long a statement may take, with the wait for a connection, in ms. Default: 1,000. */
    commandTimeoutMs?: number;
    /** Prepares each statement once per connection; behind a PgBouncer before 1.21, that fails. */
    prepare?: boolean;
    /** SQLite: an answer means stored even where the power fails: each write waits for the disk. */
    fsync?: boolean;
    /** How long a damaged record is kept for a person to look at, in ms. Default: seven days. */
    keepDamagedMs?: number;
    /** Where warnings go. They never hold ids, contents, names or passwords. */
    warn?: (message: string) => void;
    [option: string]: unknown;
}
