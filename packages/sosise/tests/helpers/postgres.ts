import connectPgSimple from 'connect-pg-simple';
import session, { type Store } from 'express-session';
import pg from 'pg';

/** The PostgreSQL of the tests; PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE name another. */
export const postgresServer = {
    host: process.env['PGHOST'] ?? '127.0.0.1',
    port: Number(process.env['PGPORT'] ?? 5432),
    user: process.env['PGUSER'] ?? 'postgres',
    database: process.env['PGDATABASE'] ?? 'test',
};

/** connect-pg-simple on a table of its own. */
export class PostgresTable {
    private readonly pool = new pg.Pool({ ...postgresServer, max: 4 });

    public constructor(private readonly name: string) {}

    public open(): Store {
        const PgStore = connectPgSimple(session);
        return new PgStore({
            pool: this.pool,
            tableName: this.name,
            pruneSessionInterval: false,
            errorLog: () => undefined,
        });
    }

    /** Makes the table where there is none. The store's own way fails where two make it at the same moment. */
    public async create(): Promise<this> {
        const columns = 'sid varchar PRIMARY KEY, sess json NOT NULL, expire timestamp(6) NOT NULL';
        try {
            await this.pool.query(`CREATE TABLE IF NOT EXISTS "${this.name}" (${columns})`);
        } catch (error) {
            if ((error as { code?: string }).code !== '23505') {
                throw error; // 23505: another has just made it
            }
        }
        return this;
    }

    /** Removes the table and gives up the connections. */
    public async drop(): Promise<void> {
        await this.pool.query(`DROP TABLE IF EXISTS "${this.name}"`);
        await this.pool.end();
    }
}

/** A pool, and the texts of the statements that it was asked for: those that match. */
export function notingPool(max: number, noted = /^/): { pool: pg.Pool; asked: string[] } {
    const pool = new pg.Pool({ ...postgresServer, max });
    const asked: string[] = [];
    pool.on('connect', (client) => {
        const { query } = client;
        client.query = function noting(this: pg.PoolClient, ...args: unknown[]) {
            const { text } = args[0] as { text: string };
            noted.test(text) && asked.push(text);
            return Reflect.apply(query, this, args);
        } as typeof client.query;
    });
    return { pool, asked };
}

/** A schema of its own, gone with `drop()`, and the address of a database in which it is the only one. */
export async function postgresSchema(name: string): Promise<{ url: string; drop(): Promise<void> }> {
    const run = async (statement: string) => {
        const client = new pg.Client(postgresServer);
        await client.connect();
        await client.query(statement).finally(() => client.end());
    };
    await run(`CREATE SCHEMA IF NOT EXISTS "${name}"`);
    const { user, host, port, database } = postgresServer;
    const password = process.env['PGPASSWORD'];
    const login = encodeURIComponent(user) + (password ? `:${encodeURIComponent(password)}` : '');
    return {
        url: `postgres://${login}@${host}:${port}/${database}?options=-csearch_path%3D${name}`,
        drop: () => run(`DROP SCHEMA IF EXISTS "${name}" CASCADE`),
    };
}

/** Why no server answers; undefined where one does. */
export async function whyNoPostgres(): Promise<string | undefined> {
    const client = new pg.Client({ ...postgresServer, connectionTimeoutMillis: 2_000 });
    try {
        await client.connect();
        await client.query('SELECT 1');
        return undefined;
    } catch (error) {
        return `${postgresServer.host}:${postgresServer.port}: ${error instanceof Error ? error.message : String(error)}`;
    } finally {
        await client.end().catch(() => undefined);
    }
}

/** Whether tests that need a server fail, instead of being skipped, where there is none. */
export const serversAreRequired = process.env['SOSISE_REQUIRE_SERVERS'] === '1';
