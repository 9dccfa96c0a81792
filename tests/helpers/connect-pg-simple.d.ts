/** The part of connect-pg-simple that the tests use; the package brings no types. */
declare module 'connect-pg-simple' {
    import type session from 'express-session';
    import type { Pool } from 'pg';

    interface PgStoreOptions {
        pool: Pool;
        tableName?: string;
        createTableIfMissing?: boolean;
        pruneSessionInterval?: false | number;
        errorLog?: (...args: unknown[]) => void;
    }

    export default function connectPgSimple(express: typeof session): new (options: PgStoreOptions) => session.Store;
}
