/** What a server under test is told when it starts. */
export interface ServerOptions {
    wiring: 'handwired' | 'skeleton';
    store: 'file' | 'memory' | 'postgres';
    /** The sessions folder; with PostgreSQL, its name is that of the table. */
    folder: string;
    /** How long a session lives without a request, in ms. */
    idleMs: number;
    secret: string;
    /** The project, where sosise.json is. */
    project: string;
    /** More of the session config, for the skeleton only. */
    session?: Record<string, unknown>;
}
