import { inTime } from '../../../Support/Deadlines.js';
import { Lanes } from '../../../Support/Lanes.js';
import type { Database, Row } from './Database.js';
import { silent } from './DatabaseError.js';
import type { Statements } from './statements.js';

/** Reads that wait for each other, of whatever sessions, are one statement of PostgreSQL: one round trip for all. */
export class ReadBatches {
    private readonly lanes = new Lanes<'read', string, ReadonlyMap<unknown, Row>>((_, keys) => this.readAll(keys));

    public constructor(
        private readonly database: Database,
        private readonly sql: Statements,
    ) {}

    /** @param key As the table holds it. */
    public async read(key: string): Promise<Row | undefined> {
        const { commandTimeoutMs: limitMs } = this.database;
        // Also where it waits behind a statement that does not come back.
        const rows = await inTime(this.lanes.add('read', key), limitMs, () => silent(limitMs));
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
