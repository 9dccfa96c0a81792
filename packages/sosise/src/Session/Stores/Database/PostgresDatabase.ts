import { setTimeout as sleep } from 'node:timers/promises';
import { inTime } from '../../../Support/Deadlines.js';
import { Throttle } from '../../../Support/Throttle.js';
import type { Database, LateValues, Row, Value, Values } from './Database.js';
import { type DatabaseError, postgresError, silent } from './DatabaseError.js';
import type { PgClient, PgPool, PgQuery, PgResult } from './DatabaseStoreOptions.js';

export interface PostgresOptions {
    readonly address: string;
    readonly commandTimeoutMs: number;
    readonly prepare: boolean;
    /** Whether the pool was made for this, and ends with it. */
    readonly isOwn: boolean;
    warn(message: string): void;
}

/** Undefined: nobody waits for it any more. */
type LateQuery = () => PgQuery | undefined;

/** One call, which may try more than once. */
interface Call {
    readonly query: LateQuery;
    readonly isRead: boolean;
    readonly startedAt: number;
    isOver: boolean;
    /** Why the last try failed. */
    failure?: DatabaseError;
    /** Closes the connection that it has now. */
    giveUp?(): void;
}

/** PostgreSQL's numbers of the types in lists. */
const TEXT = 25;
const BIGINT = 20;
const BIGINT_BYTES = 8;
const LIST_BYTES = 20;
const FIRST_PAUSE_MS = 15;
const LONGEST_PAUSE_MS = 200;
/** After a failover, the pool's connections may still lead to the server that was the primary: new ones find the new one. */
const READ_ONLY = '25006';
const REPLACE_READ_ONLY_EVERY_MS = 100;
/** Said in place of "no rows" where the database's default isolation is stricter than PostgreSQL's own. */
const OTHER_WAS_FIRST = '40001';

/**
 * Statements to PostgreSQL are answered, or fail, in time, whatever happens to the server, and behind PgBouncer too: nothing
 * here lives longer than a statement. A connection whose answer did not come in time is closed: the next statement on it would
 * wait behind it. While the server is silent one statement at a time asks for it, and nothing piles up there or here.
 */
export class PostgresDatabase implements Database {
    public readonly dialect = 'postgres';
    public readonly address: string;
    public readonly commandTimeoutMs: number;
    private readonly warned = new Throttle();
    /** When the server last said anything, by performance.now(). */
    private heardAt = 0;
    /** Since when it can't be reached; 0: it can. */
    private lostAt = 0;
    private isSilent = false;
    /** What was read last: it asks for a silent server, as also a locked table is silence. */
    private lastRead: LateQuery = () => ({ text: 'SELECT 1' });
    private replacedAt = 0;
    private isClosed = false;

    public constructor(
        private readonly pool: PgPool,
        private readonly options: PostgresOptions,
    ) {
        this.address = options.address;
        this.commandTimeoutMs = options.commandTimeoutMs;
        pool.on('error', ignore); // of idle connections: without a listener it would end the process
    }

    public async rows(sql: string, values: Values | LateValues, isRead = true): Promise<readonly Row[]> {
        const query = this.queryOf(sql, values);
        if (isRead) {
            this.lastRead = query;
        }
        return (await this.ask(query, isRead)).rows;
    }

    public async change(sql: string, values: Values | LateValues): Promise<number> {
        try {
            return (await this.ask(this.queryOf(sql, values), false)).rowCount ?? 0;
        } catch (error) {
            if ((error as DatabaseError).code === OTHER_WAS_FIRST) {
                return 0;
            }
            throw error;
        }
    }

    /** Without values it is one message, which the server takes as one transaction. */
    public async script(sql: string): Promise<void> {
        await this.ask(() => ({ text: sql }), false);
    }

    public async close(): Promise<void> {
        this.isClosed = true;
        if (this.options.isOwn) {
            await inTime(this.pool.end(), this.commandTimeoutMs, () => this.silence()).catch(() => undefined);
        } else {
            this.pool.off('error', ignore);
        }
    }

    private queryOf(sql: string, values: Values | LateValues): LateQuery {
        return () => {
            const due = typeof values === 'function' ? values() : values;
            // A name of up to 63 characters: the package wants it to mean one text.
            return (
                due && {
                    text: sql,
                    values: due.map((value) => (typeof value === 'object' ? binaryArray(value) : value)),
                    ...(this.options.prepare && { name: nameOf(sql) }),
                }
            );
        };
    }

    private ask(query: LateQuery, isRead: boolean): Promise<PgResult> {
        if (this.isSilent) {
            return Promise.reject(this.silence());
        }
        const call = callOf(query, isRead);
        return this.inLimit(call, this.tries(call), () => {
            if (call.failure) {
                return call.failure;
            }
            if (this.heardAt < call.startedAt && !this.isSilent && !this.isClosed) {
                this.isSilent = true;
                void this.askUntilHeard();
                this.warn(`PostgreSQL does not answer within ${this.commandTimeoutMs} ms.`);
            }
            return this.silence();
        });
    }

    /** From now on calls fail at once, and routes that need no session go on; one statement at a time finds out when the server is back. */
    private async askUntilHeard(): Promise<void> {
        while (this.isSilent && !this.isClosed) {
            const call = callOf(this.lastRead, true);
            await this.inLimit(call, this.once(call), () => this.silence()).catch(() => sleep(LONGEST_PAUSE_MS));
        }
    }

    private inLimit(call: Call, answer: Promise<PgResult>, late: () => DatabaseError): Promise<PgResult> {
        return inTime(answer, this.commandTimeoutMs, () => {
            call.isOver = true;
            call.giveUp?.();
            return late();
        });
    }

    /** In the first moment without a server a statement that was not done is sent again: a server that restarts may be back by then. */
    private async tries(call: Call): Promise<PgResult> {
        for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
            try {
                return await this.once(call);
            } catch (error) {
                const failure = error as DatabaseError;
                call.failure = failure;
                const isUndone = failure.kind === 'unsent' || (call.isRead && failure.kind === 'lost');
                const isFirstMoment = this.heardAt > 0 && this.lostAt > performance.now() - this.commandTimeoutMs;
                if (call.isOver || failure.isLasting || !isUndone || !isFirstMoment) {
                    throw failure;
                }
            }
            await sleep(pause * (0.75 + Math.random() / 2));
        }
    }

    private async once(call: Call): Promise<PgResult> {
        const client = await this.client();
        let isReleased = false;
        const release = (isBroken: boolean) => {
            if (!isReleased) {
                isReleased = true;
                isBroken || client.off('error', ignore); // a connection that was given up may fail still
                client.release(isBroken);
            }
        };
        const query = call.isOver ? undefined : call.query();
        if (!query) {
            release(false);
            throw this.silence();
        }
        call.giveUp = () => release(true);
        try {
            const result = await client.query(query);
            release(false);
            this.heard();
            return result;
        } catch (error) {
            const failure = postgresError(error, true);
            release(failure.kind !== 'refused' || this.isToReplace(failure));
            throw call.isOver ? failure : this.failure(failure);
        }
    }

    /** By a callback: what a server says in one breath with its welcome is an error that nobody listens to a promise later. */
    private client(): Promise<PgClient> {
        return new Promise((resolve, reject) => {
            this.pool.connect((error, client) => {
                if (client) {
                    client.on('error', ignore);
                    resolve(client);
                } else {
                    reject(this.failure(postgresError(error, false)));
                }
            });
        });
    }

    private isToReplace({ code }: DatabaseError): boolean {
        const now = performance.now();
        if (code !== READ_ONLY || now - this.replacedAt < REPLACE_READ_ONLY_EVERY_MS) {
            return false;
        }
        this.replacedAt = now;
        return true;
    }

    private failure(failure: DatabaseError): DatabaseError {
        if (failure.kind === 'refused') {
            this.heard();
        } else {
            this.lostAt ||= performance.now();
            if (this.lostAt < performance.now() - this.commandTimeoutMs) {
                this.warn(failure.message);
            }
        }
        return failure;
    }

    private heard(): void {
        this.heardAt = performance.now();
        this.lostAt = 0;
        this.isSilent = false;
    }

    private silence(): DatabaseError {
        return silent(this.commandTimeoutMs);
    }

    private warn(what: string): void {
        if (this.warned.isDue()) {
            this.options.warn(`${what} It is tried again until it answers; requests that need a session get a 503.`);
        }
    }
}

function callOf(query: LateQuery, isRead: boolean): Call {
    return { query, isRead, startedAt: performance.now(), isOver: false };
}

const names = new Map<string, string>();

function nameOf(sql: string): string {
    let name = names.get(sql);
    if (!name) {
        name = `sosise-${names.size + 1}`;
        names.set(sql, name);
    }
    return name;
}

/**
 * A list of texts, or of integers, as PostgreSQL's array in binary. The package would send one long text: each quote of each
 * record would be escaped here, and looked for there.
 */
function binaryArray(values: readonly Value[]): Buffer {
    const isText = typeof values[0] !== 'number';
    const sizes = values.map((value) => (isText ? Buffer.byteLength(value as string) : BIGINT_BYTES));
    const bytes = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + 4 + size, LIST_BYTES));
    let at = 0;
    for (const field of [1, 0, isText ? TEXT : BIGINT, values.length, 1]) {
        at = bytes.writeInt32BE(field, at); // dimensions, nulls, the type, how many, the first one's number
    }
    for (const [index, value] of values.entries()) {
        at = bytes.writeInt32BE(sizes[index] as number, at);
        at = isText ? at + bytes.write(value as string, at) : bytes.writeBigInt64BE(BigInt(value), at);
    }
    return bytes;
}

function ignore(): void {}
