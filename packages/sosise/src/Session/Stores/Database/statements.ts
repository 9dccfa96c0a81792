import { ENDED } from '../../Record/recordText.js';
import type { Database } from './Database.js';

/** Keys that hold no session begin with this. Ids never do. */
export const OTHER = '~';

/** The database's own clock, in ms since the epoch: that of a statement which waited for a lock is the time after the wait. */
const NOW = {
    postgres: 'CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)',
    sqlite: "CAST(unixepoch('subsec') * 1000 AS bigint)",
};

export type Statements = ReturnType<typeof statementsFor>;

/** Each is one statement that decides by itself. @param table As SQL names it. */
export function statementsFor(dialect: Database['dialect'], table: string) {
    const now = NOW[dialect];
    const isSession = `key NOT LIKE '${OTHER}%'`;
    const columns = 'key, record, version, written_at, expires_at';
    const arrays = ['text', 'text', 'bigint', 'bigint', 'bigint', 'bigint'].map(
        (type, n) => `CAST($${n + 1} AS ${type}[])`,
    );
    const expired = `SELECT key FROM ${table} WHERE expires_hour <= $2 AND expires_at <= $1 LIMIT $3`;
    return {
        read: `SELECT record, version FROM ${table} WHERE key = $1`,
        readMany: dialect === 'postgres' ? `SELECT key, record, version FROM ${table} WHERE key = ANY($1)` : undefined,
        create: `INSERT INTO ${table} (${columns}) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (key) DO NOTHING`,
        replace: `UPDATE ${table} SET record = $2, version = $3, written_at = $4, expires_at = $5 WHERE key = $1 AND version = $6`,
        // Many at once, of PostgreSQL. They tell which were written by their new versions.
        createMany: `INSERT INTO ${table} (${columns}) SELECT * FROM unnest(${arrays.slice(0, -1)}) ON CONFLICT (key) DO NOTHING RETURNING version`,
        replaceMany: `UPDATE ${table} AS session SET record = change.record, version = change.version, written_at = change.written_at, expires_at = change.expires_at FROM unnest(${arrays}) AS change (${columns}, replaced) WHERE session.key = change.key AND session.version = change.replaced AND session.key = ANY(ARRAY(SELECT key FROM ${table} WHERE key = ANY($1) FOR NO KEY UPDATE SKIP LOCKED)) RETURNING session.version`,
        remove: `DELETE FROM ${table} WHERE key = $1 AND version = $2`,
        rename: `UPDATE ${table} SET key = $2, version = $3, written_at = $4, expires_at = $5 WHERE key = $1`,
        touch: `INSERT INTO ${table} (${columns}) VALUES ($1, '', 0, $2, $3) ON CONFLICT (key) DO UPDATE SET written_at = excluded.written_at, expires_at = excluded.expires_at`,
        list: `SELECT key, record, version FROM ${table} WHERE key > $1 AND ${isSession} ORDER BY key LIMIT $2`,
        // What has expired is as good as gone: expire() removes it, many at once.
        listWritten: `SELECT key, record, version, written_hour FROM ${table} WHERE (written_hour, key) > ($1, $2) AND written_hour <= $3 AND written_at < $4 AND expires_at > $5 AND ${isSession} ORDER BY written_hour, key LIMIT $6`,
        // Rows that somebody works on are left for the next time; as an array, or the plan might look for them once per row.
        expire:
            dialect === 'postgres'
                ? `DELETE FROM ${table} WHERE key = ANY(ARRAY(${expired} FOR UPDATE SKIP LOCKED)) RETURNING key, record`
                : `DELETE FROM ${table} WHERE key IN (${expired}) RETURNING key, record`,
        count: `SELECT count(*) AS count FROM ${table} WHERE ${isSession}`,
        // By the index of hours, for sessions stay a day longer than they live. SQLite would hold up this process.
        countLive:
            dialect === 'postgres'
                ? `SELECT count(*) AS count FROM ${table} WHERE expires_hour >= $2 AND expires_at > $1 AND key LIKE 'sha256-%' AND left(record, ${ENDED.length}) <> '${ENDED}'`
                : undefined,
        // A lease that is held costs a look, and no write.
        take: `INSERT INTO ${table} AS lease (${columns}) SELECT CAST($1 AS text), '', CAST($2 AS bigint), ${now}, ${now} + CAST($3 AS bigint) WHERE NOT EXISTS (SELECT 1 FROM ${table} WHERE key = $1 AND expires_at > ${now}) ON CONFLICT (key) DO UPDATE SET version = excluded.version, written_at = excluded.written_at, expires_at = excluded.expires_at WHERE lease.expires_at <= ${now}`,
        renew: `UPDATE ${table} SET expires_at = ${now} + CAST($3 AS bigint) WHERE key = $1 AND version = $2`,
    };
}
