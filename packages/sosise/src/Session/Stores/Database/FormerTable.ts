import type { ListedRecord, StoredRecord } from '../../Drivers/SessionDriver.js';
import { withLastAccess } from '../../Drivers/storedForm.js';
import type { Database, Row } from './Database.js';
import type { DatabaseError } from './DatabaseError.js';
import { quoted } from './sessionTable.js';

const COLUMNS = "('sid', 'sess', 'expire')";
const LEFT = 'CAST(extract(epoch FROM CAST(expire AS timestamptz) - now()) * 1000 AS float8) AS left_ms';
const TEXT = 'CAST(sess AS text)';
const INSERT = '(key, record, version, written_at, expires_at) SELECT CAST($1 AS text)';
const REST = 'CAST($3 AS bigint), CAST($4 AS bigint), CAST($5 AS bigint) FROM gone ON CONFLICT (key) DO NOTHING';

/**
 * The table of connect-pg-simple, which stores each session under its plain id. What is read here moves to the driver's own
 * table; a row's version is its text.
 */
export class FormerTable {
    private readonly from: string;
    /** @param name As in the config. @param into The driver's own table, as SQL names it. */
    private constructor(
        private readonly database: Database,
        name: string,
        private readonly into: string,
        /** What the package gives a session whose cookie has no age. */
        private readonly fullMs: number,
    ) {
        this.from = quoted(name);
    }

    /** Undefined where there is no such table with its columns. */
    public static async find(
        database: Database,
        name: string,
        into: string,
        fullMs: number,
    ): Promise<FormerTable | undefined> {
        if (database.dialect !== 'postgres') {
            return undefined;
        }
        const [row] = await database.rows(
            `SELECT count(*) AS count FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname IN ${COLUMNS}`,
            [quoted(name)],
        );
        return Number(row?.['count']) === 3 ? new FormerTable(database, name, into, fullMs) : undefined;
    }

    public async read(key: string): Promise<StoredRecord | undefined> {
        const [row] = await this.rows(`SELECT ${TEXT} AS record, ${LEFT} FROM ${this.from} WHERE sid = $1`, [key]);
        return row && this.storedIn(row);
    }

    /** Moves a row into the driver's table, as something else. */
    public replace(
        key: string,
        record: string,
        version: number,
        times: [number, number],
        was: string,
    ): Promise<number> {
        return this.change(
            `WITH gone AS (DELETE FROM ${this.from} WHERE sid = $1 AND ${TEXT} = $6 RETURNING 1) INSERT INTO ${this.into} ${INSERT}, CAST($2 AS text), ${REST}`,
            [key, record, version, ...times, was],
        );
    }

    public remove(key: string, was: string): Promise<number> {
        return this.change(`DELETE FROM ${this.from} WHERE sid = $1 AND ${TEXT} = $2`, [key, was]);
    }

    /** The same, whatever it holds. */
    public setAside(key: string, aside: string, version: number, times: [number, number]): Promise<number> {
        return this.change(
            `WITH gone AS (DELETE FROM ${this.from} WHERE sid = $2 RETURNING ${TEXT} AS record) INSERT INTO ${this.into} ${INSERT}, record, ${REST}`,
            [aside, key, version, ...times],
        );
    }

    public async *records(pageSize: number): AsyncGenerator<ListedRecord> {
        const page = `SELECT sid, ${TEXT} AS record, ${LEFT} FROM ${this.from} WHERE sid > $1 ORDER BY sid LIMIT $2`;
        for (let after = ''; ; ) {
            const rows = await this.rows(page, [after, pageSize]);
            for (const row of rows) {
                after = String(row['sid']);
                const stored = this.storedIn(row);
                if (stored) {
                    yield { key: after, ...stored };
                }
            }
            if (rows.length < pageSize) {
                return;
            }
        }
    }

    /** Undefined: it has expired. */
    private storedIn(row: Row): StoredRecord | undefined {
        const record = String(row['record']);
        const leftMs = Number(row['left_ms']);
        if (leftMs <= 0) {
            return undefined;
        }
        return {
            record: record.startsWith('{') ? withLastAccess(record, leftMs, this.fullMs) : record,
            version: record,
        };
    }

    /** Somebody may drop the table once it is empty. */
    private async rows(sql: string, values: (string | number)[]): Promise<readonly Row[]> {
        try {
            return await this.database.rows(sql, values);
        } catch (error) {
            if ((error as DatabaseError).isOfTable) {
                return [];
            }
            throw error;
        }
    }

    private async change(sql: string, values: (string | number)[]): Promise<number> {
        return this.database.change(sql, values);
    }
}
