import session, { type SessionData, type Store } from 'express-session';
import { Deadlines, inTime } from '../../../Support/Deadlines.js';
import { KeyedBatches } from '../../../Support/KeyedBatches.js';
import { KeyedMutex } from '../../../Support/KeyedMutex.js';
import type { Lease } from '../../../Support/Lease.js';
import { TimeSlice } from '../../../Support/TimeSlice.js';
import type { DriverAbilities, ListedRecord, SessionDriver, StoredRecord } from '../../Drivers/SessionDriver.js';
import { DamagedRecordError } from '../../Record/DamagedRecordError.js';
import { LAST_ACCESS, META } from '../../Record/SessionRecord.js';
import type { RecordKey } from '../../Record/storageKeys.js';

export interface PlainStoreAdapterOptions {
    /** How long the store may take for one answer, in ms. Default: 2,000. */
    timeoutMs?: number;
    /** The same for listing all sessions. Default: 30,000. */
    listTimeoutMs?: number;
    /** Called once the store is closed, or could not be. */
    closed?: () => void;
}

/** Those that have a listener for their errors already: one may be opened many times, as in tests of an application. */
const heard = new WeakSet<Store>();

/** How long a store that has not answered keeps later calls for the same session waiting. */
const LONGEST_CALL_MS = 60_000;

/** No store is told to keep a record for longer: times of some databases end soon. */
const LONGEST_KEPT_MS = 3_650 * 86_400_000;

/** Calls to the store that it has not answered: each may outlast the time for its answer. */
type Unanswered = Set<Promise<void>>;
type Answer<T> = (error?: unknown, value?: T) => void;
type StoredSession = Record<string, unknown>;

/** What the adapter keeps for itself in a stored session's own part. */
interface Beside {
    /** The record's cookie as it was: the one beside it lives as long as the record. */
    readonly cookie?: unknown;
    /** Some stores list their sessions without the ids. */
    readonly id?: unknown;
}

/**
 * Makes a driver of any express-session store. The store can't compare before it writes, so the adapter does: it lets
 * one call at a time through per session, which is exact within this process, and says so in `abilities`.
 */
export class PlainStoreAdapter implements SessionDriver {
    public readonly abilities: DriverAbilities;
    private readonly mutex = new KeyedMutex();
    /** Reads of one session that wait for the same call are one. */
    private readonly reads = new KeyedBatches<void, StoredRecord | undefined>((key) =>
        this.exclusively(key, (unanswered) => this.fetch(key, unanswered)),
    );
    private readonly leases = new KeyedMutex();
    private readonly timeoutMs: number;
    private readonly listTimeoutMs: number;
    private readonly closed: PlainStoreAdapterOptions['closed'];

    public constructor(
        private readonly store: Store,
        { timeoutMs = 2_000, listTimeoutMs = 30_000, closed }: PlainStoreAdapterOptions = {},
    ) {
        this.timeoutMs = timeoutMs;
        this.listTimeoutMs = listTimeoutMs;
        this.closed = closed;
        if (!heard.has(store)) {
            heard.add(store);
            store.on?.('error', () => undefined); // without a listener it would end the process, also after it is closed
        }
        const lists = typeof store.all === 'function';
        this.abilities = {
            limits:
                'a plain express-session store: changes are merged and exclusive() holds within one process only' +
                `${lists ? '' : ', expired sessions are left to the store itself'}, and damaged records are removed, not quarantined.`,
            atomicBetweenProcesses: false,
            lists,
            quarantines: false,
            survivesRestart: undefined,
        };
    }

    public read(key: RecordKey): Promise<StoredRecord | undefined> {
        return this.reads.add(key);
    }

    public write(key: RecordKey, record: string, ifVersion: unknown, expiresAt: number): Promise<unknown> {
        return this.exclusively(key, async (unanswered) => {
            if ((await this.fetch(key, unanswered))?.version !== ifVersion) {
                return undefined;
            }
            const data = JSON.parse(record) as StoredSession;
            await this.call('set', (done) => this.store.set(key, toSession(key, data, expiresAt), done), {
                unanswered,
            });
            return versionOf(data);
        });
    }

    public remove(key: RecordKey, ifVersion: unknown): Promise<boolean> {
        return this.exclusively(key, async (unanswered) => {
            const stored = await this.fetch(key, unanswered);
            if (!stored || stored.version !== ifVersion) {
                return false;
            }
            await this.destroy(key, unanswered);
            return true;
        });
    }

    /** Plain stores don't say when a record was written: all are given. None where the store can't list. */
    public async *records(): AsyncGenerator<ListedRecord> {
        const { store } = this;
        if (!store.all) {
            return;
        }
        const found = await this.call<SessionData[] | Record<string, SessionData> | null>(
            'all',
            (done) => store.all?.(done),
            { timeoutMs: this.listTimeoutMs },
        );
        const slice = new TimeSlice();
        let nameless = 0;
        for (const [key, data] of keysAndSessions(found ?? {})) {
            if (key === undefined) {
                nameless += 1;
                continue;
            }
            try {
                yield { key, ...toRecord(data) };
            } catch {
                // Damaged: a read of this record alone reports it.
            }
            if (slice.isOver) {
                await slice.rest();
            }
        }
        if (nameless > 0) {
            throw new Error(
                `The session store's all() gave ${nameless} sessions without their ids: they were left out.`,
            );
        }
    }

    public lock(key: RecordKey, waitMs: number): Promise<Lease | undefined> {
        return this.leases.lease(key, waitMs);
    }

    /** A plain store has no quarantine: it is removed. */
    public setAside(key: RecordKey): Promise<boolean> {
        return this.exclusively(key, async (unanswered) => {
            const isThere = await this.fetch(key, unanswered).then(
                (stored) => stored !== undefined,
                () => true, // damaged is there
            );
            if (isThere) {
                await this.destroy(key, unanswered);
            }
            return isThere;
        });
    }

    public async tidy(): Promise<void> {}

    public async count(): Promise<number | undefined> {
        const { store } = this;
        return store.length && (await this.call<number>('length', (done) => store.length?.(done)));
    }

    /** Closes the store, where it has a `close` method. */
    public async close(): Promise<void> {
        const { close } = this.store as { close?: () => unknown };
        try {
            if (typeof close === 'function') {
                await this.call('close', (done) => Promise.resolve(close.call(this.store)).then(() => done(), done));
            }
        } finally {
            this.closed?.();
        }
    }

    private async fetch(key: RecordKey, unanswered: Unanswered): Promise<StoredRecord | undefined> {
        try {
            const found = await this.call<unknown>('get', (done) => this.store.get(key, done), { unanswered });
            return found === undefined || found === null ? undefined : toRecord(found);
        } catch (error) {
            if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
                return undefined; // express-session too takes this for "there is none"
            }
            throw error instanceof SyntaxError
                ? new DamagedRecordError('the store can not parse it', { cause: error })
                : error;
        }
    }

    private async destroy(key: RecordKey, unanswered: Unanswered): Promise<void> {
        await this.call('destroy', (done) => this.store.destroy(key, done), { unanswered });
    }

    /**
     * One call at a time per session. A call that took too long is still waited for before the next one begins: a `set`
     * that arrives late must not undo what came after it.
     */
    private async exclusively<T>(key: RecordKey, work: (unanswered: Unanswered) => Promise<T>): Promise<T> {
        if (!this.mutex.tryEnter(key) && !(await this.mutex.enter(key, this.timeoutMs))) {
            throw new Error(`The session store was busy with the same session for ${this.timeoutMs} ms.`);
        }
        const unanswered: Unanswered = new Set();
        try {
            return await work(unanswered);
        } finally {
            if (unanswered.size === 0) {
                this.mutex.leave(key);
            } else {
                // A store that never answers must not block the session for ever.
                const answers = Promise.all(unanswered);
                void inTime(answers, LONGEST_CALL_MS, () => new Error('given up'))
                    .catch(() => undefined)
                    .then(() => this.mutex.leave(key));
            }
        }
    }

    /** A store's answer as a promise, also where it throws, rejects, answers twice or never. */
    private call<T>(
        name: string,
        start: (done: Answer<T>) => unknown,
        { unanswered, timeoutMs = this.timeoutMs }: { unanswered?: Unanswered; timeoutMs?: number } = {},
    ): Promise<T | undefined> {
        let end = () => {};
        const answered = new Promise<void>((resolve) => {
            end = resolve;
        });
        unanswered?.add(answered);
        return new Promise((resolve, reject) => {
            const deadline = Deadlines.of(timeoutMs).start(() =>
                reject(new Error(`The session store did not answer ${name}() within ${timeoutMs} ms.`)),
            );
            const done: Answer<T> = (error, value) => {
                unanswered?.delete(answered);
                end();
                deadline.end();
                if (error) {
                    reject(error instanceof Error ? error : new Error(`The session store failed: ${String(error)}`));
                } else {
                    resolve(value);
                }
            };
            try {
                const returned = start(done);
                // Some stores are async functions too: what they reject with must not end the process.
                (returned as Promise<unknown> | undefined)?.then?.(undefined, done);
            } catch (error) {
                done(error);
            }
        });
    }
}

function toRecord(found: unknown): StoredRecord {
    try {
        const record = JSON.stringify(isObject(found) ? asWritten(found) : found) as string | undefined;
        const plain: unknown = JSON.parse(record ?? 'null');
        if (record !== undefined && isObject(plain)) {
            return { record, version: versionOf(plain) };
        }
    } catch (cause) {
        throw new DamagedRecordError('it can not be written as JSON', { cause }); // circular, or nested too deeply
    }
    throw new DamagedRecordError('the store gave something that is not a session');
}

/** The last access is left out: session-file-store writes its own, and it changes nothing of what a session holds. */
function versionOf(record: object): string {
    return canonicalJson({ ...record, [LAST_ACCESS]: undefined });
}

/**
 * What a store gets to see: a session whose cookie ends when the record may be dropped, because that is what stores compute
 * their time to live from: by any of its fields, in the object, its JSON or a copy. What the cookie was stands beside it.
 */
function toSession(key: RecordKey, data: StoredSession, expiresAt: number): SessionData {
    const { originalMaxAge, expires, ...settings } = (data['cookie'] ?? {}) as StoredSession;
    const cookie = new CookieClass(settings);
    for (const name of ['expires', 'maxAge']) {
        // Own ones, or a copy of the fields would miss them.
        Object.defineProperty(cookie, name, { ...descriptorOf(name), enumerable: true });
    }
    const now = Date.now();
    const end = Math.min(expiresAt, now + LONGEST_KEPT_MS);
    cookie.expires = new Date(end);
    cookie.originalMaxAge = Math.max(1, end - now);
    const beside: Beside = { cookie: data['cookie'], id: key };
    return { ...data, [META]: { ...(data[META] as object), ...beside }, cookie } as unknown as SessionData;
}

const CookieClass = session.Cookie as unknown as new (options: object) => session.Cookie;

function descriptorOf(name: string): PropertyDescriptor | undefined {
    return Object.getOwnPropertyDescriptor(CookieClass.prototype, name);
}

/** The session as it was before `toSession`; what others wrote is as it is. */
function asWritten(found: StoredSession): StoredSession {
    const { cookie, id, ...meta } = besideIn(found) as StoredSession;
    if (id === undefined) {
        return found;
    }
    const { [META]: _, ...data } = found;
    return Object.keys(meta).length > 0 ? { ...found, [META]: meta, cookie } : { ...data, cookie };
}

function besideIn(found: StoredSession): Beside {
    const meta = found[META];
    return isObject(meta) ? meta : {};
}

/** The forms in which stores list: an object by id, or an array of rows, or of sessions. Some of those don't hold their id. */
function keysAndSessions(found: SessionData[] | Record<string, SessionData>): [string | undefined, unknown][] {
    return Array.isArray(found) ? found.map(keyAndSession) : Object.entries(found);
}

function keyAndSession(listed: unknown): [string | undefined, unknown] {
    if (!isObject(listed)) {
        return [undefined, listed];
    }
    const { id = besideIn(listed).id, ...data } = listed;
    const { sid, sess } = listed;
    if (typeof id !== 'string' && typeof sid === 'string' && sess !== undefined) {
        return [sid, typeof sess === 'string' ? parsed(sess) : sess];
    }
    return [typeof id === 'string' ? id : undefined, data];
}

function parsed(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}

function isObject(value: unknown): value is StoredSession {
    return typeof value === 'object' && value !== null;
}

/** JSON text with sorted keys: the same for values that mean the same, whatever order a store gave their keys back in. */
function canonicalJson(value: unknown): string {
    if (Array.isArray(value)) {
        return `[${value.map(canonicalJson).join(',')}]`;
    }
    if (typeof value === 'object' && value !== null) {
        const record = value as Record<string, unknown>;
        const entries = Object.keys(record)
            .sort()
            .map((key) => `${JSON.stringify(key)}:${canonicalJson(record[key])}`);
        return `{${entries.join(',')}}`;
    }
    return JSON.stringify(value);
}
