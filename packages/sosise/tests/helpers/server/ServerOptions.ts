/** What a server under test is told when it starts. */
export interface ServerOptions {
    wiring: 'handwired' | 'skeleton';
    store: 'file' | 'memory' | 'redis' | 'postgres' | 'sqlite' | 'connect-pg-simple';
    /** The sessions folder; with connect-pg-simple, its name is that of the table. */
    folder: string;
    /** The port of the Redis server; 0 where there is none. */
    redisPort: number;
    /** The options of the database driver, where that is under test. */
    database?: Record<string, unknown> | undefined;
    /** How long a session lives without a request, in ms. */
    idleMs: number;
    secret: string;
    /** The project, where sosise.json is. */
    project: string;
    /** More of the session config, for the skeleton only. */
    session?: Record<string, unknown>;
}
