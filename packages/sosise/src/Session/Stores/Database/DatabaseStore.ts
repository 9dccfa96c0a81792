import { randomInt } from 'node:crypto';
import { andThen } from '../../../Support/andThen.js';
import type { Lease } from '../../../Support/Lease.js';
import type { MaybePromise } from '../../../Support/MaybePromise.js';
import { TimeSlice } from '../../../Support/TimeSlice.js';
import { LeasedLocks } from '../../Drivers/LeasedLocks.js';
import type { DriverAbilities, ListedRecord, SessionDriver, StoredRecord } from '../../Drivers/SessionDriver.js';
import { isSessionKey, isUserKey, type RecordKey } from '../../Record/storageKeys.js';
import type { Database, Row } from './Database.js';
import type { FormerTable } from './FormerTable.js';
import { ReadBatches } from './ReadBatches.js';
import { OTHER, type Statements, statementsFor } from './statements.js';
import { WriteBatches, type WriteValues } from './WriteBatches.js';

const HOUR_MS = 3_600_000;
const KEEP_DAMAGED_MS = 7 * 24 * HOUR_MS;
/** The end of the year 9999: larger numbers have no whole hour that the table can hold. */
const LAST_TIME = 253_402_300_799_999;
/** Versions are random, so that a record which was removed and made again has another one. */
const VERSIONS = 2 ** 48 - 1;
/** Rows that one statement reads or removes: a few milliseconds of the server's time, and no long locks. */
const AT_ONCE = 200;
const REMOVED_AT_ONCE = 500;
/** How long the row stays by which `check` finds out whether the database can be written to. */
const CHECK_MS = 10_000;

export interface OpenedDatabase {
    readonly database: Database;
    /** The table, as SQL names it. */
    readonly table: string;
    /** connect-pg-simple's, where there is one. */
    readonly former: FormerTable | undefined;
    readonly keepDamagedMs?: number | undefined;
}

/**
 * Sessions in a table of PostgreSQL or SQLite. All promises hold between all processes on one database: each call is one
 * statement, which compares and changes at once.
 */
export class DatabaseStore implements SessionDriver {
    public readonly abilities: DriverAbilities;
    private readonly database: Database;
    private readonly sql: Statements;
    /** SQLite reads and writes in this process: nothing would wait. */
    private readonly reads: ReadBatches | undefined;
    private readonly writes: WriteBatches | undefined;
    private readonly locks = new LeasedLocks<number>({
        newOwner: newVersion,
        take: (key, owner, ms) => this.isOne(this.database.change(this.sql.take, [key, owner, ms])),
        renew: (key, owner, ms) => this.isOne(this.database.change(this.sql.renew, [key, owner, ms])),
        release: (key, owner) => this.database.change(this.sql.remove, [key, owner]),
    });

    public constructor(private readonly opened: OpenedDatabase) {
        this.database = opened.database;
        this.sql = statementsFor(opened.database.dialect, opened.table);
        if (opened.database.dialect === 'postgres') {
            this.reads = new ReadBatches(opened.database, this.sql);
            this.writes = new WriteBatches(opened.database, this.sql);
        }
        this.abilities = {
            atomicBetweenProcesses: true,
            lists: true,
            quarantines: true,
            survivesRestart: true,
            answersWithinMs: opened.database.commandTimeoutMs,
        };
    }

    public read(key: RecordKey): MaybePromise<StoredRecord | undefined> {
        return andThen(this.readRow(stored(key)), (row) => (row ? storedIn(row) : this.formerOf(key)?.read(key)));
    }

    private readRow(key: string): MaybePromise<Row | undefined> {
        return this.reads?.read(key) ?? andThen(this.database.rows(this.sql.read, [key]), ([row]) => row);
    }

    /** SQLite answers in this process: many at once are no faster. */
    public async readMany(keys: readonly RecordKey[]): Promise<ReadonlyMap<RecordKey, StoredRecord>> {
        const { readMany } = this.sql;
        const rows = readMany === undefined ? [] : await this.database.rows(readMany, [keys.map(stored)], true);
        return new Map(rows.map((row) => [keyIn(String(row['key'])), storedIn(row)]));
    }

    public write(key: RecordKey, record: string, ifVersion: unknown, expiresAt: number): MaybePromise<unknown> {
        const version = newVersion();
        const times = timesUntil(expiresAt);
        const written =
            typeof ifVersion === 'string'
                ? this.isOne(this.formerOf(key)?.replace(key, record, version, times, ifVersion) ?? 0)
                : ifVersion === undefined
                  ? this.writeRow('create', [stored(key), record, version, ...times])
                  : this.writeRow('replace', [stored(key), record, version, ...times, ifVersion as number]);
        return andThen(written, (isWritten) => (isWritten ? version : undefined));
    }

    private writeRow(statement: 'create' | 'replace', values: WriteValues): MaybePromise<boolean> {
        return this.writes?.write(statement, values) ?? this.isOne(this.database.change(this.sql[statement], values));
    }

    public remove(key: RecordKey, ifVersion: unknown): MaybePromise<boolean> {
        if (ifVersion === undefined) {
            return false;
        }
        return this.isOne(
            typeof ifVersion === 'string'
                ? (this.formerOf(key)?.remove(key, ifVersion) ?? 0)
                : this.database.change(this.sql.remove, [stored(key), ifVersion as number]),
        );
    }

    /** In the order of keys, or of the hours in which they were written: each statement goes on where the last one ended. */
    public async *records(writtenBefore?: number, signal?: AbortSignal): AsyncGenerator<ListedRecord> {
        const slice = new TimeSlice();
        const now = Date.now();
        let hour = 0;
        for (let after = '', rows: readonly Row[] = []; !signal?.aborted; ) {
            rows = await (writtenBefore === undefined
                ? this.database.rows(this.sql.list, [after, AT_ONCE])
                : this.database.rows(this.sql.listWritten, [
                      hour,
                      after,
                      hourOf(Math.min(writtenBefore, now)),
                      Math.min(writtenBefore, LAST_TIME),
                      now,
                      AT_ONCE,
                  ]));
            for (const row of rows) {
                after = String(row['key']);
                hour = Number(row['written_hour'] ?? 0);
                yield { key: keyIn(after), ...storedIn(row) };
                if (slice.isOver) {
                    await slice.rest(); // answers of SQLite come without a pause
                }
            }
            if (rows.length < AT_ONCE) {
                break;
            }
        }
        if (this.opened.former) {
            yield* this.opened.former.records(AT_ONCE);
        }
    }

    public lock(key: RecordKey, waitMs: number): Promise<Lease | undefined> {
        return this.locks.lock(stored(`${OTHER}lock:${key}`), waitMs);
    }

    /** It is kept under another key until `keepDamagedMs` are over. */
    public setAside(key: RecordKey): MaybePromise<boolean> {
        const { keepDamagedMs = KEEP_DAMAGED_MS } = this.opened;
        const aside = stored(`${OTHER}aside:${Date.now()}:${key}`);
        const times = timesUntil(Date.now() + keepDamagedMs);
        const moved = this.database.change(this.sql.rename, [stored(key), aside, newVersion(), ...times]);
        return andThen(this.isOne(moved), (isMoved) =>
            isMoved ? true : this.isOne(this.formerOf(key)?.setAside(key, aside, newVersion(), times) ?? 0),
        );
    }

    /** Removes what has expired, of whatever kind: sessions, quarantined ones, leases of processes that died. */
    public async tidy(
        _quarantinedBefore: number,
        signal?: AbortSignal,
        removed?: (record: string) => void,
    ): Promise<void> {
        const slice = new TimeSlice();
        const now = Date.now();
        for (let rows: readonly Row[] = []; !signal?.aborted; ) {
            rows = await this.database.rows(this.sql.expire, [now, hourOf(now), REMOVED_AT_ONCE], false);
            for (const row of rows) {
                String(row['key']).startsWith(OTHER) || removed?.(String(row['record']));
            }
            if (rows.length < REMOVED_AT_ONCE) {
                return;
            }
            await slice.rest();
        }
    }

    /** One process walks for all: a lease that nobody renews. */
    public mayWalk(everyMs: number): MaybePromise<boolean> {
        return this.isOne(this.database.change(this.sql.take, [`${OTHER}walk`, newVersion(), Math.max(1, everyMs)]));
    }

    public count(): MaybePromise<number> {
        return andThen(this.database.rows(this.sql.count, []), ([row]) => Number(row?.['count']));
    }

    public async countLive(expiringAfter: number): Promise<number | undefined> {
        const { countLive } = this.sql;
        const rows = countLive && (await this.database.rows(countLive, [expiringAfter, hourOf(expiringAfter)]));
        return rows ? Number(rows[0]?.['count']) : undefined;
    }

    /** Writes, as a database that is full, or a replica, is not ready for sessions. */
    public check(): MaybePromise<void> {
        return andThen(
            this.database.change(this.sql.touch, [`${OTHER}check`, ...timesUntil(Date.now() + CHECK_MS)]),
            () => undefined,
        );
    }

    public close(): MaybePromise<void> {
        return this.database.close();
    }

    /** Where a session may still stand under its plain id. */
    private formerOf(key: RecordKey): FormerTable | undefined {
        return isSessionKey(key) || isUserKey(key) ? undefined : this.opened.former;
    }

    private isOne(rows: MaybePromise<number>): MaybePromise<boolean> {
        return andThen(rows, (count) => count === 1);
    }
}

function newVersion(): number {
    return randomInt(1, VERSIONS);
}

function timesUntil(expiresAt: number): [writtenAt: number, expiresAt: number] {
    return [Date.now(), Math.min(Math.ceil(expiresAt), LAST_TIME)];
}

function hourOf(time: number): number {
    return Math.floor(time / HOUR_MS);
}

/** A package may give large numbers as texts. */
function storedIn(row: Row): StoredRecord {
    return { record: String(row['record']), version: Number(row['version']) };
}

/** A key as the table holds it: PostgreSQL has no text with a NUL in it. Ours have neither that nor a backslash. */
function stored(key: string): string {
    return /[\0\\]/.test(key) ? key.replaceAll('\\', '\\\\').replaceAll('\0', '\\0') : key;
}

function keyIn(text: string): RecordKey {
    return text.includes('\\') ? text.replace(/\\(.)/g, (_, sign: string) => (sign === '0' ? '\0' : sign)) : text;
}
