import type { Lease } from '../../Support/Lease.js';
import type { MaybePromise } from '../../Support/MaybePromise.js';
import type { RecordKey } from '../Record/storageKeys.js';

/** A record as a driver holds it. */
export interface StoredRecord {
    /** The record's text: one JSON object, made and read by the layer above, opaque to the driver. */
    readonly record: string;
    /** What `write` and `remove` compare. Opaque to everyone but the driver that gave it out. */
    readonly version: unknown;
}

/** A record as a walk gives it. */
export interface ListedRecord extends StoredRecord {
    readonly key: RecordKey;
    /** A write would store it in another form now, such as with a newer key: the next prune writes it again. */
    readonly outdated?: boolean;
    /** Tells the driver that pruning has nothing to do with this record before a time (ms since the epoch), unless it is written. Walks until then may leave it out. */
    rest?(until: number): void;
}

/** What a driver can promise: for the line at start-up that says what it can't, and for `./artisan session:test`. */
export interface DriverAbilities {
    /** What it can't promise, as a sentence; none where it keeps all promises. */
    readonly limits?: string;
    /** Compare-and-swap and locks hold between processes that share the storage, not only within one. */
    readonly atomicBetweenProcesses?: boolean;
    /** False: it has no `records`, and pruning is the store's own business. */
    readonly lists?: boolean;
    /** `setAside` keeps a damaged record for a person to look at; otherwise it removes it. */
    readonly quarantines?: boolean;
    /** Sessions outlive a restart of the process. Undefined: not known. */
    readonly survivesRestart?: boolean | undefined;
    /** A read that takes longer, in ms, fails by itself. Undefined: it may take for ever. */
    readonly answersWithinMs?: number | undefined;
}

/**
 * What the session layer asks of a driver. A driver stores text and compares versions. Merging, expiry and tombstones are
 * handled above it, once for all drivers. A method throws (or rejects) only where the storage fails.
 */
export interface SessionDriver {
    readonly abilities?: DriverAbilities;
    /** The record under a key, or undefined. Throws DamagedRecordError where what is stored can't be a record. */
    read(key: RecordKey): MaybePromise<StoredRecord | undefined>;
    /**
     * Those of many records that can be read in one go, and are sound; the others are read one by one. Left out: all are.
     */
    readMany?(keys: readonly RecordKey[]): MaybePromise<ReadonlyMap<RecordKey, StoredRecord>>;
    /**
     * Compare-and-swap: stores a record if the one stored now has the version `ifVersion` (undefined: if none is stored).
     * Gives the new version, or undefined where the stored version is another.
     * `expiresAt` is the time in ms since the epoch from which the driver may drop the record by itself.
     */
    write(key: RecordKey, record: string, ifVersion: unknown, expiresAt: number): MaybePromise<unknown>;
    /** Removes the record if it has this version. False where it has another, or is gone. */
    remove(key: RecordKey, ifVersion: unknown): MaybePromise<boolean>;
    /** Walks all records that were last written before a time (ms since the epoch), without blocking requests. Ends early at a signal. */
    records(writtenBefore?: number, signal?: AbortSignal): AsyncIterable<ListedRecord>;
    /** Waits at most `waitMs` for this session's lock; undefined when that was not enough. Ends by itself when its process dies. */
    lock(key: RecordKey, waitMs: number): Promise<Lease | undefined>;
    /** Quarantines what is stored under a key: moves it to where a person can look at it, or removes it. False: nothing was there. */
    setAside(key: RecordKey): MaybePromise<boolean>;
    /**
     * Removes what was quarantined before a time, and what dead processes left behind. May end early at a signal.
     * @param removed Called with each expired record that the driver removes by itself.
     */
    tidy(quarantinedBefore: number, signal?: AbortSignal, removed?: (record: string) => void): Promise<void>;
    /**
     * Whether this process should prune now. Where several processes share the storage, true for one of them in every
     * `everyMs`. Left out: true.
     */
    mayWalk?(everyMs: number): MaybePromise<boolean>;
    /**
     * About how many records there are, without reading them: for the progress of walks. Undefined, or left out: not known.
     */
    count?(): MaybePromise<number | undefined>;
    /**
     * How many sessions expire after a time (ms since the epoch), tombstones not counted, for metrics. Undefined, or left out: the
     * driver would have to look at each.
     */
    countLive?(expiringAfter: number): MaybePromise<number | undefined>;
    /** Throws where sessions can't be read or written now. Left out: a read is tried. */
    check?(): MaybePromise<void>;
    /** Ends timers and connections. */
    close(): MaybePromise<void>;
}
