import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError } from '../../../Exceptions/errors.js';
import { Deadlines } from '../../../Support/Deadlines.js';
import type { MaybePromise } from '../../../Support/MaybePromise.js';
import type { Database, Row, Value, Values } from './Database.js';
import { DatabaseError } from './DatabaseError.js';

/** What the driver uses of node:sqlite, which the types of Node 20 do not know. */
interface DatabaseSync {
    exec(sql: string): void;
    prepare(sql: string): StatementSync;
    close(): void;
}

interface StatementSync {
    all(...values: Value[]): Row[];
    run(...values: Value[]): { readonly changes: number | bigint };
}

type DatabaseSyncClass = new (path: string) => DatabaseSync;

export interface SqliteOptions {
    readonly path: string;
    readonly commandTimeoutMs: number;
    /** Each write waits for the disk. */
    readonly fsync: boolean;
}

interface Prepared {
    readonly statement: StatementSync;
    /** The place of each value, as the statement asks for them. */
    readonly order: readonly number[];
}

/** SQLite's codes for a file that another process is writing to. */
const BUSY = new Set(['SQLITE_BUSY', 'SQLITE_LOCKED']);
/** After these the same connection goes on; after all others it is opened again. */
const PASSING = new Set([...BUSY, 'SQLITE_FULL', 'SQLITE_READONLY', 'SQLITE_CONSTRAINT', 'SQLITE_ERROR']);
const CODES: Readonly<Record<number, string>> = {
    1: 'SQLITE_ERROR',
    5: 'SQLITE_BUSY',
    6: 'SQLITE_LOCKED',
    8: 'SQLITE_READONLY',
    10: 'SQLITE_IOERR',
    11: 'SQLITE_CORRUPT',
    13: 'SQLITE_FULL',
    14: 'SQLITE_CANTOPEN',
    19: 'SQLITE_CONSTRAINT',
    26: 'SQLITE_NOTADB',
};
const LONGEST_PAUSE_MS = 20;

/**
 * One SQLite file, with a write-ahead log: readers and one writer work side by side, in any number of processes of one machine.
 * Answers come at once, without a promise. Where another process is writing, it is tried again, and the process does its other
 * work meanwhile: SQLite's own wait would stop it.
 */
export class SqliteDatabase implements Database {
    public readonly dialect = 'sqlite';
    public readonly address: string;
    public readonly commandTimeoutMs: number;
    private connection: DatabaseSync | undefined;
    private readonly statements = new Map<string, Prepared>();
    private isClosed = false;

    private constructor(
        private readonly Connection: DatabaseSyncClass,
        private readonly options: SqliteOptions,
    ) {
        this.address = options.path;
        this.commandTimeoutMs = options.commandTimeoutMs;
    }

    /** Makes the file where there is none, for nobody else to read. Throws ConfigError where this Node has no SQLite. */
    public static async open(options: SqliteOptions): Promise<SqliteDatabase> {
        const Connection = await sqlite();
        try {
            mkdirSync(dirname(options.path), { recursive: true, mode: 0o700 });
            closeSync(openSync(options.path, 'a', 0o600)); // what SQLite makes beside it gets the same mode
        } catch (cause) {
            const { code } = cause as NodeJS.ErrnoException;
            throw new ConfigError(
                `Session driver [database]: ${options.path} can't be written (${code}): correct url of drivers.database in src/config/session.ts, or the rights of the file and its folder.`,
                { cause },
            );
        }
        return new SqliteDatabase(Connection, options);
    }

    public rows(sql: string, values: Values): MaybePromise<readonly Row[]> {
        return this.attempt(() => {
            const { statement, order } = this.prepared(sql);
            return statement.all(...order.map((index) => values[index] as Value));
        });
    }

    public change(sql: string, values: Values): MaybePromise<number> {
        return this.attempt(() => {
            const { statement, order } = this.prepared(sql);
            return Number(statement.run(...order.map((index) => values[index] as Value)).changes);
        });
    }

    public script(sql: string): MaybePromise<void> {
        return this.attempt(() => {
            const connection = this.connected();
            connection.exec('BEGIN IMMEDIATE');
            try {
                connection.exec(sql);
                connection.exec('COMMIT');
            } catch (error) {
                connection.exec('ROLLBACK');
                throw error;
            }
        });
    }

    public close(): void {
        this.isClosed = true;
        this.disconnect();
    }

    private attempt<T>(work: () => T): MaybePromise<T> {
        try {
            return work();
        } catch (error) {
            const failure = this.failure(error);
            if (!BUSY.has(failure.code)) {
                throw failure;
            }
            return this.again(work);
        }
    }

    private async again<T>(work: () => T): Promise<T> {
        const deadline = Deadlines.of(this.commandTimeoutMs).start();
        try {
            for (let pause = 1; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS)) {
                await sleep(pause * (0.5 + Math.random()));
                try {
                    return work();
                } catch (error) {
                    const failure = this.failure(error);
                    if (!BUSY.has(failure.code) || deadline.isOver) {
                        throw failure;
                    }
                }
            }
        } finally {
            deadline.end();
        }
    }

    private prepared(sql: string): Prepared {
        const connection = this.connected();
        let prepared = this.statements.get(sql);
        if (!prepared) {
            const order: number[] = [];
            const text = sql.replace(/\$(\d+)/g, (_, number: string) => {
                order.push(Number(number) - 1);
                return '?';
            });
            prepared = { statement: connection.prepare(text), order };
            this.statements.set(sql, prepared);
        }
        return prepared;
    }

    private connected(): DatabaseSync {
        if (this.isClosed) {
            throw new DatabaseError('The SQLite file is closed.', 'ECLOSED', 'unsent');
        }
        if (!this.connection) {
            const connection = new this.Connection(this.options.path);
            try {
                // With NORMAL a commit is in the file's log, which outlives the process; FULL waits for the disk to have it.
                connection.exec(
                    `PRAGMA busy_timeout = 0; PRAGMA journal_mode = WAL; PRAGMA synchronous = ${this.options.fsync ? 'FULL' : 'NORMAL'};`,
                );
            } catch (error) {
                connection.close();
                throw error;
            }
            this.connection = connection;
        }
        return this.connection;
    }

    private failure(error: unknown): DatabaseError {
        if (error instanceof DatabaseError) {
            return error;
        }
        const { errcode, code } = error as { errcode?: number; code?: string };
        const name = errcode === undefined ? (code ?? 'unknown') : (CODES[errcode & 0xff] ?? `SQLITE_${errcode}`);
        if (!PASSING.has(name)) {
            this.disconnect();
        }
        return new DatabaseError(`SQLite refused (${name}).`, name, 'refused');
    }

    private disconnect(): void {
        this.statements.clear();
        try {
            this.connection?.close();
        } catch {
            // It was not open.
        }
        this.connection = undefined;
    }
}

/** As a variable: the types of Node 20 do not know it. */
const MODULE = 'node:sqlite';

async function sqlite(): Promise<DatabaseSyncClass> {
    try {
        return ((await import(MODULE)) as { DatabaseSync: DatabaseSyncClass }).DatabaseSync;
    } catch (cause) {
        throw new ConfigError(
            `Session driver [database]: SQLite needs Node.js 22.13 or newer (22.5 with --experimental-sqlite), and this is ${process.versions.node}: use a newer one, or set url of drivers.database in src/config/session.ts to a PostgreSQL server.`,
            { cause },
        );
    }
}
