import { setImmediate } from 'node:timers/promises';
import { inTime } from '../../../Support/Deadlines.js';
import { KeyedBatches } from '../../../Support/KeyedBatches.js';
import type { Database, Row } from './Database.js';
import { silent } from './DatabaseError.js';
import type { Statements } from './statements.js';

/** Reads of one turn of the event loop, and those that wait for them, are one statement of PostgreSQL each: one round trip for all. */
export class ReadBatches {
    private readonly batches = new KeyedBatches<string, ReadonlyMap<unknown, Row>>(
        (_, keys) => this.readAll(keys),
        () => setImmediate(),
    );

    public constructor(
        private readonly database: Database,
        private readonly sql: Statements,
    ) {}

    /** @param key As the table holds it. */
    public async read(key: string): Promise<Row | undefined> {
        const { commandTimeoutMs: limitMs } = this.database;
        // Also where it waits behind a statement that does not come back.
        const rows = await inTime(this.batches.add('read', key), limitMs, () => silent(limitMs));
        return rows.get(key);
    }

    private async readAll(keys: readonly string[]): Promise<ReadonlyMap<unknown, Row>> {
        const [first = ''] = keys;
        if (keys.length === 1) {
            const [row] = await this.database.rows(this.sql.read, [first]);
            return new Map(row && [[first, row]]);
        }
        const rows = await this.database.rows(this.sql.readMany as string, [keys]);
        return new Map(rows.map((row) => [row['key'], row]));
    }
}
