import { KeyedBatches } from '../../../Support/KeyedBatches.js';
import type { Database, Value } from './Database.js';
import type { DatabaseError } from './DatabaseError.js';
import type { Statements } from './statements.js';

/** One write, as its statement takes it: key, record, version, written_at, expires_at, and the version that it replaces, if any. */
export type WriteValues = readonly [key: string, record: string, version: number, ...others: Value[]];

interface Outcome {
    /** The versions that stand in the table now. */
    readonly written: ReadonlySet<number>;
    /** Whether the others are not written for sure: another version was there. */
    readonly isFinal: boolean;
}

/** How many statements are under way before a write waits, and shares the next one. */
const LANES = 2;

/**
 * Writes that wait for each other, of whatever sessions, are one statement of PostgreSQL: one round trip and one flush of its log
 * for all. A statement for many waits for nobody: rows that somebody else works on are written alone, as is what a refused one held.
 */
export class WriteBatches {
    private readonly batches = new KeyedBatches<WriteValues, Outcome>((lane, writes) => this.writeAll(lane, writes));
    private next = 0;

    public constructor(
        private readonly database: Database,
        private readonly sql: Statements,
    ) {}

    /** @returns Whether the row was written. */
    public async write(statement: 'create' | 'replace', values: WriteValues): Promise<boolean> {
        const { written, isFinal } = await this.batches.add(this.laneOf(statement), values);
        return written.has(values[2]) || (!isFinal && (await this.database.change(this.sql[statement], values)) === 1);
    }

    private laneOf(statement: string): string {
        for (let tried = 0; tried < LANES; tried += 1) {
            const lane = `${statement} ${tried}`;
            if (!this.batches.waiting.has(lane)) {
                return lane;
            }
        }
        this.next = (this.next + 1) % LANES;
        return `${statement} ${this.next}`;
    }

    private async writeAll(lane: string, writes: readonly WriteValues[]): Promise<Outcome> {
        const statement = lane.startsWith('create') ? 'create' : 'replace';
        const [first] = writes as [WriteValues];
        if (writes.length === 1) {
            const rows = await this.database.change(this.sql[statement], first);
            return { written: new Set(rows === 1 ? [first[2]] : []), isFinal: true };
        }
        try {
            const columns = first.map((_, column) => writes.map((values) => values[column] as Value));
            const rows = await this.database.rows(this.sql[`${statement}Many`], columns, false);
            return { written: new Set(rows.map((row) => Number(row['version']))), isFinal: false };
        } catch (error) {
            const { kind, isLasting } = error as DatabaseError;
            if (kind !== 'refused' || isLasting) {
                throw error;
            }
            return { written: new Set(), isFinal: false };
        }
    }
}
