import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import pg from 'pg';
import { postgresSchema } from '../tests/helpers/postgres.js';

/** A schema of an app's own on the PostgreSQL of this machine. */
export class BenchSchema {
    private constructor(
        public readonly url: string,
        public readonly drop: () => Promise<void>,
    ) {}

    /** @param forPackage With connect-pg-simple's table: two of its processes can't make it at once. */
    public static async make({ forPackage }: { forPackage: boolean }): Promise<BenchSchema> {
        const { url, drop } = await postgresSchema(`bench_${randomBytes(6).toString('hex')}`);
        if (forPackage) {
            const client = new pg.Client(url);
            await client.connect();
            const file = createRequire(import.meta.url).resolve('connect-pg-simple/table.sql');
            await client.query(readFileSync(file, 'utf8')).finally(() => client.end());
        }
        return new BenchSchema(url, drop);
    }
}
