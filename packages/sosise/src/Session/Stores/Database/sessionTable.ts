import type { Database } from './Database.js';
import type { DatabaseError } from './DatabaseError.js';
import { OTHER } from './statements.js';

/** What the table is like. A newer version only adds to it, so that processes of an older one go on beside it. */
export const TABLE_VERSION = 1;
/** Where the table keeps its version. */
const VERSION_KEY = `${OTHER}table`;
const FOREVER = 253_402_300_799_999;

/** A name as SQL takes it: `shop.sessions` is a table of a schema. */
export function quoted(table: string): string {
    return table
        .split('.')
        .map((part) => `"${part}"`)
        .join('.');
}

/** The SQL that makes the table; where it is there, nothing changes. */
export function tableSql(dialect: Database['dialect'], name: string): string {
    const isPostgres = dialect === 'postgres';
    const table = quoted(name);
    const index = (what: string) => quoted(`${name.split('.').at(-1)}_${what}`);
    return [
        `-- Sosise sessions, version ${TABLE_VERSION}.`,
        '-- Indexes hold the whole hours of times: they change once an hour at most, so that nearly all updates touch no index',
        ...(isPostgres
            ? ['-- (heap-only tuples), and the free fifth of each page is where they go.']
            : ['-- and no more than one page.']),
        `CREATE TABLE IF NOT EXISTS ${table} (`,
        `    key text${isPostgres ? ' COLLATE "C"' : ''} NOT NULL PRIMARY KEY,`,
        '    record text NOT NULL,',
        '    version bigint NOT NULL,',
        '    written_at bigint NOT NULL,',
        '    expires_at bigint NOT NULL,',
        '    written_hour integer GENERATED ALWAYS AS (written_at / 3600000) STORED,',
        '    expires_hour integer GENERATED ALWAYS AS (expires_at / 3600000) STORED',
        `)${isPostgres ? ' WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05)' : ''};`,
        `CREATE INDEX IF NOT EXISTS ${index('written')} ON ${table} (written_hour, key);`,
        `CREATE INDEX IF NOT EXISTS ${index('expires')} ON ${table} (expires_hour);`,
        `INSERT INTO ${table} (key, record, version, written_at, expires_at) VALUES ('${VERSION_KEY}', '${TABLE_VERSION}', 0, 0, ${FOREVER}) ON CONFLICT (key) DO NOTHING;`,
    ].join('\n');
}

/** The version of the table that is there; 0 where there is none of ours. Also finds whether the columns are. */
export async function tableVersion(database: Database, name: string): Promise<number> {
    try {
        const sql = `SELECT record, version, written_hour, expires_hour FROM ${quoted(name)} WHERE key = $1`;
        const [row] = await database.rows(sql, [VERSION_KEY]);
        return Number(row?.['record'] ?? 0);
    } catch (error) {
        if ((error as DatabaseError).isOfTable) {
            return 0;
        }
        throw error;
    }
}

/** Makes the table. Several processes may do so at once. */
export async function createTable(database: Database, name: string): Promise<void> {
    // Of the transaction: it is safe behind PgBouncer, and ends with the statement.
    const lock = database.dialect === 'postgres' ? `SELECT pg_advisory_xact_lock(hashtext('sosise ${name}'));\n` : '';
    await database.script(lock + tableSql(database.dialect, name));
}

/** For tables of tests. */
export async function dropTable(database: Database, name: string): Promise<void> {
    await database.script(`DROP TABLE IF EXISTS ${quoted(name)}`);
}
