/** What a server under test is told when it starts. */
export interface ServerOptions {
    wiring: 'handwired' | 'skeleton';
    store: 'file' | 'memory' | 'redis' | 'postgres';
    /** The sessions folder; with PostgreSQL, its name is that of the table. */
    folder: string;
    /** The port of the Redis server; 0 where there is none. */
    redisPort: number;
    /** How long a session lives without a request, in ms. */
    idleMs: number;
    secret: string;
    /** The project, where sosise.json is. */
    project: string;
    /** More of the session config, for the skeleton only. */
    session?: Record<string, unknown>;
}
