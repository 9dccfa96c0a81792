import { randomBytes } from 'node:crypto';
import { isBuiltin } from 'node:module';
import pg from 'pg';
import type { DatabaseStoreOptions } from './inside/Session/Stores/Database.js';
import { postgresServer } from './postgres.js';

/** Whether this Node.js has a SQLite. */
export const hasSqlite = isBuiltin('node:sqlite');

export interface OwnTable {
    readonly table: string;
    /** The driver's options that lead to it: it is made when it is opened. */
    readonly options: DatabaseStoreOptions;
    /** What SQL gives. `{}` in it stands for the table. */
    sql(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
    drop(): Promise<void>;
}

/** A table of a test's own on the PostgreSQL of this machine. */
export function ownTable(more: DatabaseStoreOptions = {}): OwnTable {
    const table = `t_${randomBytes(6).toString('hex')}`;
    const sql = async (text: string, values: unknown[] = []) => {
        const client = new pg.Client(postgresServer);
        await client.connect();
        try {
            return (await client.query(text.replaceAll('{}', table), values)).rows as Record<string, unknown>[];
        } finally {
            await client.end();
        }
    };
    return {
        table,
        options: { ...postgresServer, table, createTable: true, formerTable: false, max: 4, ...more },
        sql,
        drop: async () => void (await sql('DROP TABLE IF EXISTS {}')),
    };
}
