import session, { type SessionData } from 'express-session';
import memorystore from 'memorystore';
import { KeyedMutex } from '../../../Support/KeyedMutex.js';
import type { Lease } from '../../../Support/Lease.js';
import { Throttle } from '../../../Support/Throttle.js';
import { TimeSlice } from '../../../Support/TimeSlice.js';
import { LONGEST_TIMER_MS } from '../../../Support/timers.js';
import type { DriverAbilities, ListedRecord, SessionDriver, StoredRecord } from '../../Drivers/SessionDriver.js';
import { DamagedRecordError } from '../../Record/DamagedRecordError.js';
import { isEndedRecord } from '../../Record/recordText.js';
import { isUserKey, type RecordKey } from '../../Record/storageKeys.js';
import { ExpiringTexts } from './ExpiringTexts.js';

/** memorystore's options under its own names, and ours. */
export interface MemoryStoreOptions {
    /** How often expired sessions are removed, in ms. Default: ten minutes; 0 for never. */
    checkPeriod?: number;
    /** The most sessions that are kept. Default: 100,000. Beyond it the least recently used goes. */
    max?: number;
    /** How long `set` and `touch` keep a session, in ms. The session layer gives each record its own. */
    ttl?: number | ((options: unknown, session: unknown, sid: unknown) => number);
    dispose?: (sid: string, text: string) => void;
    stale?: boolean;
    noDisposeOnSet?: boolean;
    serializer?: { stringify(session: object): string; parse(text: string): object };
    /** Where warnings go. They never hold ids or contents. */
    warn?: (message: string) => void;
}

type Callback = (error?: unknown) => void;

/** The part of lru-cache 4 that is used here. */
interface LruCache {
    readonly itemCount: number;
    readonly max: number;
    has(key: string): boolean;
    get(key: string): string | undefined;
    peek(key: string): string | undefined;
    set(key: string, text: string, maxAge: number): boolean;
    del(key: string): void;
}

interface LruEntry {
    readonly key: string;
    readonly value: string;
    /** When it was written, and for how long it counts (0: for ever), in ms. */
    readonly now: number;
    readonly maxAge: number;
}

/** The package's class, as it is inside. */
interface StockMemoryStore extends session.Store {
    readonly options: { checkPeriod?: number };
    readonly serializer: { stringify(session: object): string; parse(text: string): object };
    readonly store: LruCache;
    _checkInterval?: NodeJS.Timeout | undefined;
    get(sid: string, callback: (error: unknown, data?: SessionData | null) => void): void;
    set(sid: string, data: SessionData, callback?: Callback): void;
    destroy(sid: string, callback?: Callback): void;
    startInterval(): void;
    stopInterval(): void;
    prune(): void;
}

const CHECK_PERIOD_MS = 600_000;
const MOST_SESSIONS = 100_000;

const StockMemoryStore = memorystore(session) as unknown as new (options: object) => StockMemoryStore;

/**
 * Sessions in this process's memory: memorystore's class, which prunes and has a cap by default. It is both a driver of
 * the session layer and an express-session store.
 */
export class MemoryStore extends StockMemoryStore implements SessionDriver {
    public readonly abilities: DriverAbilities = {
        limits: 'sessions are in the memory of this process: a restart ends them, and other processes do not see them.',
        atomicBetweenProcesses: false,
        lists: true,
        quarantines: false,
        survivesRestart: false,
    };
    private readonly leases = new KeyedMutex();
    /** Beside the live sessions, so that tombstones do not push them out. */
    private readonly tombstones: ExpiringTexts;
    /** Users' lists of their sessions. They have to outlast the sessions. */
    private readonly lists = new ExpiringTexts();
    private readonly isPlain: boolean;
    private readonly warn: (message: string) => void;
    private readonly atCap = new Throttle();
    private pruning: Promise<void> | undefined;

    public constructor(options: MemoryStoreOptions = {}) {
        const { warn = () => undefined, ...given } = options;
        super({ ...given, checkPeriod: given.checkPeriod ?? CHECK_PERIOD_MS, max: given.max ?? MOST_SESSIONS });
        this.warn = warn;
        this.tombstones = new ExpiringTexts(this.store.max);
        this.isPlain = given.serializer === undefined;
    }

    // The driver: it answers at once, without promises.

    public read(key: RecordKey): StoredRecord | undefined {
        const text = this.store.get(key);
        if (text !== undefined) {
            return this.toRecord(text);
        }
        const record = this.lists.get(key) ?? this.tombstones.get(key);
        return record === undefined ? undefined : { record, version: record };
    }

    public write(key: RecordKey, record: string, ifVersion: unknown, expiresAt: number): unknown {
        if (this.versionOf(key) !== ifVersion) {
            return undefined;
        }
        if (isUserKey(key)) {
            this.lists.set(key, record, expiresAt);
            return record;
        }
        if (isEndedRecord(record)) {
            this.store.del(key);
            this.tombstones.set(key, record, expiresAt);
            return record;
        }
        const text = this.isPlain ? record : this.serializer.stringify(JSON.parse(record) as object);
        this.warnAtCap(key);
        // 0 would mean for ever.
        this.store.set(key, text, Math.max(1, expiresAt - Date.now()));
        return text;
    }

    public remove(key: RecordKey, ifVersion: unknown): boolean {
        if (ifVersion === undefined || this.versionOf(key) !== ifVersion) {
            return false;
        }
        this.store.del(key);
        this.tombstones.delete(key);
        this.lists.delete(key);
        return true;
    }

    public async *records(
        writtenBefore = Number.POSITIVE_INFINITY,
        signal?: AbortSignal,
    ): AsyncGenerator<ListedRecord> {
        const slice = new TimeSlice();
        for (const [key, record] of this.lists.entries()) {
            yield { key, record, version: record };
            if (slice.isOver) {
                await slice.rest();
            }
        }
        for (const { value } of entriesIn(this.store)) {
            const found = value.now < writtenBefore && this.listed(value.key);
            if (found) {
                yield found;
            }
            if (slice.isOver) {
                await slice.rest();
            }
            if (signal?.aborted) {
                return;
            }
        }
    }

    public lock(key: RecordKey, waitMs: number): Promise<Lease | undefined> {
        return this.leases.lease(key, waitMs);
    }

    /** There is no quarantine: it is removed. */
    public setAside(key: RecordKey): boolean {
        const isThere = this.store.has(key) || this.lists.delete(key);
        this.store.del(key);
        return isThere;
    }

    public async tidy(): Promise<void> {
        await this.prune();
    }

    /** Of what `records` gives. */
    public count(): number {
        return this.store.itemCount + this.lists.size;
    }

    /** Expired ones count until they are pruned. */
    public countLive(): number {
        return this.store.itemCount;
    }

    public close(): void {
        this.stopInterval();
    }

    // The express-session store.

    public override set(sid: string, data: SessionData, callback?: Callback): void {
        this.warnAtCap(sid);
        super.set(sid, data, callback);
    }

    public override startInterval(): void {
        const period = this.options.checkPeriod;
        clearInterval(this._checkInterval);
        if (period !== undefined && Number.isFinite(period) && period > 0) {
            this._checkInterval = setInterval(() => void this.prune(), Math.min(Math.floor(period), LONGEST_TIMER_MS));
            this._checkInterval.unref();
        }
    }

    /** Removes expired sessions, a few milliseconds at a time. */
    public override prune(): Promise<void> {
        this.pruning ??= this.pruneSlowly().finally(() => {
            this.pruning = undefined;
        });
        return this.pruning;
    }

    private async pruneSlowly(): Promise<void> {
        await this.tombstones.prune();
        const slice = new TimeSlice();
        const time = Date.now();
        for (const { value } of entriesIn(this.store)) {
            if (value.maxAge > 0 && time - value.now > value.maxAge) {
                this.store.peek(value.key); // removes an expired entry, and does not count as a use
            }
            if (slice.isOver) {
                await slice.rest();
            }
        }
    }

    private versionOf(key: RecordKey): string | undefined {
        return this.store.peek(key) ?? this.lists.get(key) ?? this.tombstones.get(key);
    }

    private toRecord(text: string): StoredRecord {
        if (this.isPlain) {
            return { record: text, version: text };
        }
        try {
            return { record: JSON.stringify(this.serializer.parse(text)), version: text };
        } catch (cause) {
            throw new DamagedRecordError('the serializer does not understand it', { cause });
        }
    }

    private listed(key: RecordKey): ListedRecord | undefined {
        const text = this.store.has(key) ? this.store.peek(key) : undefined;
        try {
            return text === undefined ? undefined : { key, ...this.toRecord(text) };
        } catch {
            return undefined; // damaged: a read of this record alone reports it
        }
    }

    private warnAtCap(key: RecordKey): void {
        const { store } = this;
        if (store.itemCount >= store.max && !store.has(key) && this.atCap.isDue()) {
            this.warn(
                `The memory driver holds its most, ${store.max} sessions: for each new one the least recently used is dropped. Raise drivers.memory.max in src/config/session.ts, or use another driver.`,
            );
        }
    }
}

/**
 * The entries of the cache's own map, no more than there are at first: else a walk might not end. The cache's own methods walk
 * without a pause: with 100,000 sessions its `dump()` holds requests up for 19 ms and its `prune()` for 48 (Node.js 24; 21 and 31
 * on 26). A map can be walked with pauses, while entries are set and deleted.
 */
function* entriesIn(cache: LruCache): Generator<{ readonly value: LruEntry }> {
    const index = Object.getOwnPropertySymbols(cache).find(({ description }) => description === 'cache');
    const map = (cache as unknown as Record<symbol, Map<string, { value: LruEntry }> | undefined>)[index as symbol];
    if (!map) {
        throw new Error(
            'memorystore came with another lru-cache than version 4: install the versions of package-lock.json.',
        );
    }
    let left = map.size;
    for (const entry of map.values()) {
        if (left === 0) {
            return;
        }
        left -= 1;
        yield entry;
    }
}
