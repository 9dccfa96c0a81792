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

/** A record met while listing. */
export interface ListedRecord extends StoredRecord {
    readonly key: RecordKey;
    /** It is stored in another form than a write would give it now: the next walk writes it anew. */
    readonly outdated?: boolean;
    /** Tells the driver that nothing is to be done with this record before a time (ms since the epoch), unless it is written: walks until then may leave it out. */
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
 * What the session layer asks of a driver. A driver moves text and compares versions; merging, expiry and ended
 * sessions are the layer's business, once for all drivers. Every method throws (or rejects) only on storage trouble.
 */
export interface SessionDriver {
    readonly abilities?: DriverAbilities;
    /** The record under a key, or undefined. Throws DamagedRecordError where something else stands in its place. */
    read(key: RecordKey): MaybePromise<StoredRecord | undefined>;
    /**
     * Stores a record if the one stored now has the version `ifVersion` (undefined: if none is stored), atomically.
     * Gives the new version, or undefined where the condition did not hold.
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
     * @param removed Told of each record that had expired, where the driver removes such by itself.
     */
    tidy(quarantinedBefore: number, signal?: AbortSignal, removed?: (record: string) => void): Promise<void>;
    /**
     * Whether this process should walk through the records now to remove what has expired. Where several processes share
     * the storage, true for one of them in every `everyMs`. Left out: true.
     */
    mayWalk?(everyMs: number): MaybePromise<boolean>;
    /**
     * About how many records there are, without reading them: work that walks through all tells by it how much is left.
     * Undefined, or left out: not known.
     */
    count?(): MaybePromise<number | undefined>;
    /** Throws where sessions can't be read or written now. Left out: a read has to do. */
    check?(): MaybePromise<void>;
    /** Gives up timers and connections. */
    close(): MaybePromise<void>;
}
