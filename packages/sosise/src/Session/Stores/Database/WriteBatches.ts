import { inTime } from '../../../Support/Deadlines.js';
import { Lanes } from '../../../Support/Lanes.js';
import type { MaybePromise } from '../../../Support/MaybePromise.js';
import type { Database, Row, Value } from './Database.js';
import { type DatabaseError, silent } from './DatabaseError.js';
import type { Statements } from './statements.js';

/** One write, as its statement takes it: key, record, version, written_at, expires_at, and the version that it replaces, if any. */
export type WriteValues = readonly [key: string, record: string, version: number, ...others: Value[]];

/**
 * Writes that wait for each other, of whatever sessions, are one statement of PostgreSQL: one round trip and one flush of its log
 * for all. Such a statement waits for no row: those that somebody else works on are written alone, as is what a refused one held.
 */
export class WriteBatches {
    private readonly lanes = new Lanes<'create' | 'replace', WriteValues, ReadonlySet<number>>(
        (statement, writes, lostMs) => this.writeAll(statement, writes, lostMs),
    );

    public constructor(
        private readonly database: Database,
        private readonly sql: Statements,
    ) {}

    /** @returns Whether the row was written. */
    public async write(statement: 'create' | 'replace', values: WriteValues): Promise<boolean> {
        const written = await this.lanes.add(statement, values);
        return written.has(values[2]) || (await this.database.change(this.sql[statement], values)) === 1;
    }

    /** Gives the versions that stand in the table now. */
    private async writeAll(
        statement: 'create' | 'replace',
        writes: readonly WriteValues[],
        lostMs: number,
    ): Promise<ReadonlySet<number>> {
        const columns = (writes[0] as WriteValues).map((_, column) => writes.map((values) => values[column] as Value));
        try {
            const rows = await this.inLimit(this.database.rows(this.sql[`${statement}Many`], columns, false), lostMs);
            return new Set(rows.map((row) => Number(row['version'])));
        } catch (error) {
            const { kind, isLasting } = error as DatabaseError;
            if (kind !== 'refused' || isLasting) {
                throw error;
            }
            return new Set();
        }
    }

    /** Whoever has waited in vain for the statement before gets half of the time. */
    private inLimit(rows: MaybePromise<readonly Row[]>, lostMs: number): MaybePromise<readonly Row[]> {
        const limitMs = Math.ceil(this.database.commandTimeoutMs / 2);
        return lostMs < limitMs ? rows : inTime(Promise.resolve(rows), limitMs, () => silent(limitMs));
    }
}
