import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PostgresCluster } from '../helpers/PostgresCluster.js';

/** One server for all systems, each with a table of its own: to make one takes seconds. */
let cluster: Promise<PostgresCluster> | undefined;

export function sharedCluster(): Promise<PostgresCluster> {
    cluster ??= PostgresCluster.start();
    return cluster;
}

export async function closeCluster(): Promise<void> {
    await (await cluster)?.stop();
    cluster = undefined;
}

/** The sessions' table, as somebody else sees it who speaks SQL. */
export class SqlTable {
    private constructor(
        public readonly name: string,
        /** The driver's options that lead here. */
        public readonly options: Record<string, unknown>,
        private readonly run: (sql: string) => string[],
        private readonly refusal: readonly string[],
        private readonly permission: readonly string[],
    ) {}

    public static onPostgres(server: PostgresCluster, name: string): SqlTable {
        const psql = ['-h', '127.0.0.1', '-p', String(server.port), '-U', 'postgres', '-d', 'postgres', '-qAtX'];
        const run = (input: string) =>
            execFileSync('psql', [...psql, '-v', 'ON_ERROR_STOP=1'], { input, encoding: 'utf8' })
                .split('\n')
                .filter(Boolean);
        return new SqlTable(
            name,
            { ...server.options, table: name },
            run,
            [
                "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$",
                `CREATE OR REPLACE TRIGGER refuse BEFORE INSERT OR UPDATE ON ${name} FOR EACH STATEMENT EXECUTE FUNCTION refuse()`,
            ],
            [`DROP TRIGGER refuse ON ${name}`],
        );
    }

    public static onSqlite(folder: string): SqlTable {
        const url = join(folder, 'sessions.sqlite');
        const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as {
            DatabaseSync: new (
                path: string,
            ) => { exec(sql: string): void; prepare(sql: string): { all(): object[] }; close(): void };
        };
        const run = (sql: string) => {
            const connection = new DatabaseSync(url);
            try {
                connection.exec('PRAGMA busy_timeout = 5000');
                if (!sql.startsWith('SELECT')) {
                    connection.exec(sql);
                    return [];
                }
                return connection
                    .prepare(sql)
                    .all()
                    .map((row) => String(Object.values(row)[0]));
            } finally {
                connection.close();
            }
        };
        const trigger = (what: string) =>
            `CREATE TRIGGER refuse_${what} BEFORE ${what} ON sessions BEGIN SELECT RAISE(ABORT, 'full'); END`;
        return new SqlTable(
            'sessions',
            { url },
            run,
            [trigger('INSERT'), trigger('UPDATE')],
            ['DROP TRIGGER refuse_INSERT', 'DROP TRIGGER refuse_UPDATE'],
        );
    }

    public refuseWrites(): void {
        this.refusal.forEach((sql) => void this.run(sql));
    }

    public allowWrites(): void {
        this.permission.forEach((sql) => void this.run(sql));
    }

    public read(key: string): string {
        return this.run(`SELECT record FROM ${this.name} WHERE key = '${key}'`).join('\n');
    }

    public write(key: string, record: string): void {
        this.run(
            `UPDATE ${this.name} SET record = '${record.replaceAll("'", "''")}', version = version + 1 WHERE key = '${key}'`,
        );
    }

    /** Those that begin so. */
    public keys(beginning: string): string[] {
        return this.run(`SELECT key FROM ${this.name} WHERE key LIKE '${beginning}%'`);
    }

    public drop(): void {
        this.run(`DROP TABLE IF EXISTS ${this.name}`);
    }
}
