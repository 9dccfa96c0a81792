import { setImmediate } from 'node:timers/promises';
import { inTime } from '../../../Support/Deadlines.js';
import { KeyedBatches } from '../../../Support/KeyedBatches.js';
import type { Database, Value } from './Database.js';
import { type DatabaseError, silent } from './DatabaseError.js';
import type { Statements } from './statements.js';

/** One write, as its statement takes it: key, record, version, written_at, expires_at, and the version that it replaces, if any. */
export type WriteValues = readonly [key: string, record: string, version: number, ...others: Value[]];

interface Write {
    readonly values: WriteValues;
    /** Nobody waits for it any more: what was not sent by now must not be. */
    isOver: boolean;
}

/**
 * Writes of one turn of the event loop, and those that wait for them, are one statement of PostgreSQL each: one round trip and one
 * flush of its log for all. Such a statement waits for no row: those that somebody else works on are written alone, as is what a
 * refused one held.
 */
export class WriteBatches {
    private readonly batches = new KeyedBatches<Write, ReadonlySet<number>>(
        (statement, writes) => this.writeAll(statement as 'create' | 'replace', writes),
        () => setImmediate(),
    );

    public constructor(
        private readonly database: Database,
        private readonly sql: Statements,
    ) {}

    /** @returns Whether the row was written. */
    public write(statement: 'create' | 'replace', values: WriteValues): Promise<boolean> {
        const { commandTimeoutMs: limitMs } = this.database;
        const write: Write = { values, isOver: false };
        return inTime(this.written(statement, write), limitMs, () => {
            write.isOver = true;
            return silent(limitMs);
        });
    }

    private async written(statement: 'create' | 'replace', write: Write): Promise<boolean> {
        const written = await this.batches.add(statement, write);
        const alone = () => (write.isOver ? undefined : write.values);
        return written.has(write.values[2]) || (await this.database.change(this.sql[statement], alone)) === 1;
    }

    /** Gives the versions that stand in the table now. */
    private async writeAll(statement: 'create' | 'replace', writes: readonly Write[]): Promise<ReadonlySet<number>> {
        try {
            const rows = await this.database.rows(this.sql[`${statement}Many`], () => columnsOf(writes), false);
            return new Set(rows.map((row) => Number(row['version'])));
        } catch (error) {
            const { kind, isLasting } = error as DatabaseError;
            if (kind !== 'refused' || isLasting) {
                throw error;
            }
            return new Set();
        }
    }
}

/** Of those that somebody waits for. */
function columnsOf(writes: readonly Write[]): Value[][] | undefined {
    const rows = writes.flatMap(({ values, isOver }) => (isOver ? [] : [values]));
    return rows[0]?.map((_, column) => rows.map((values) => values[column] as Value));
}
