import session, { type SessionData, type Store } from 'express-session';
import { Deadlines } from '../Deadlines.js';
import { inTime } from '../inTime.js';
import {
    BadRecordError,
    type Lease,
    type ListedRecord,
    type SessionDriver,
    type StoredRecord,
} from '../SessionDriver.js';
import { LAST_ACCESS } from '../SessionRecord.js';
import { canonicalJson } from './canonicalJson.js';
import type { DriverAbilities } from './DriverAbilities.js';
import { KeyedQueue } from './KeyedQueue.js';
import { Pace } from './Pace.js';

export interface PlainStoreAdapterOptions {
    /** How long the store may take for one answer, in ms. Default: 2,000. */
    timeoutMs?: number;
    /** The same for listing all sessions. Default: 30,000. */
    listTimeoutMs?: number;
}

/** How long a store that has not answered keeps later calls for the same session waiting. */
const LONGEST_CALL_MS = 60_000;

/** A call to the store that may outlast the time for its answer. */
class Call {
    public isOver = false;
    public readonly over: Promise<void>;
    private resolve: () => void = () => undefined;

    public constructor() {
        this.over = new Promise((resolve) => {
            this.resolve = resolve;
        });
    }

    public end(): void {
        this.isOver = true;
        this.resolve();
    }
}

type Calls = Call[];
type Answer<T> = (error?: unknown, value?: T) => void;
type StoredSession = Record<string, unknown>;

/**
 * Makes a driver of any express-session store. The store can't compare before it writes, so the adapter does: it lets
 * one call at a time through per session, which is exact within this process, and says so in `abilities`.
 */
export class PlainStoreAdapter implements SessionDriver {
    public readonly abilities: DriverAbilities;
    private readonly calls = new KeyedQueue();
    private readonly leases = new KeyedQueue();
    private readonly timeoutMs: number;
    private readonly listTimeoutMs: number;

    public constructor(
        private readonly store: Store,
        { timeoutMs = 2_000, listTimeoutMs = 30_000 }: PlainStoreAdapterOptions = {},
    ) {
        this.timeoutMs = timeoutMs;
        this.listTimeoutMs = listTimeoutMs;
        const lists = typeof store.all === 'function';
        this.abilities = {
            limits:
                'a plain express-session store: changes are merged and exclusive() holds within one process only' +
                `${lists ? '' : ', expired sessions are left to the store itself'}, and damaged records are removed, not set aside.`,
            atomicBetweenProcesses: false,
            lists,
            setsAside: false,
            survivesRestart: undefined,
        };
    }

    public read(id: string): Promise<StoredRecord | undefined> {
        return this.inTurn(id, (calls) => this.fetch(id, calls));
    }

    public write(id: string, record: string, ifVersion: unknown, expiresAt: number): Promise<unknown> {
        return this.inTurn(id, async (calls) => {
            if ((await this.fetch(id, calls))?.version !== ifVersion) {
                return undefined;
            }
            await this.call('set', (done) => this.store.set(id, toSession(record, expiresAt), done), { calls });
            return versionOf(JSON.parse(record));
        });
    }

    public remove(id: string, ifVersion: unknown): Promise<boolean> {
        return this.inTurn(id, async (calls) => {
            const stored = await this.fetch(id, calls);
            if (!stored || stored.version !== ifVersion) {
                return false;
            }
            await this.destroy(id, calls);
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
        const pace = new Pace();
        for (const [id, data] of idsAndSessions(found ?? {})) {
            try {
                yield { id, ...toRecord(data) };
            } catch {
                // Damaged: whoever reads it alone hears of it.
            }
            if (pace.isOver) {
                await pace.rest();
            }
        }
    }

    public lock(id: string, waitMs: number): Promise<Lease | undefined> {
        return this.leases.lease(id, waitMs);
    }

    /** A plain store has no place to keep it: it is removed. */
    public setAside(id: string): Promise<boolean> {
        return this.inTurn(id, async (calls) => {
            const isThere = await this.fetch(id, calls).then(
                (stored) => stored !== undefined,
                () => true, // damaged is there
            );
            if (isThere) {
                await this.destroy(id, calls);
            }
            return isThere;
        });
    }

    /** There is nothing to tidy that the adapter knows of. */
    public async tidy(): Promise<void> {}

    /** What the store says of itself. */
    public async count(): Promise<number | undefined> {
        const { store } = this;
        return store.length && (await this.call<number>('length', (done) => store.length?.(done)));
    }

    /** Closes the store, where it has a `close` method. */
    public async close(): Promise<void> {
        const { close } = this.store as { close?: () => unknown };
        if (typeof close === 'function') {
            await this.call('close', (done) => Promise.resolve(close.call(this.store)).then(() => done(), done));
        }
    }

    private async fetch(id: string, calls: Calls): Promise<StoredRecord | undefined> {
        try {
            const found = await this.call<unknown>('get', (done) => this.store.get(id, done), { calls });
            return found === undefined || found === null ? undefined : toRecord(found);
        } catch (error) {
            if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
                return undefined; // express-session too takes this for "there is none"
            }
            throw error instanceof SyntaxError
                ? new BadRecordError('the store can not parse it', { cause: error })
                : error;
        }
    }

    private async destroy(id: string, calls: Calls): Promise<void> {
        await this.call('destroy', (done) => this.store.destroy(id, done), { calls });
    }

    /**
     * One call at a time per session. A call that took too long is still waited for before the next one begins: a `set`
     * that arrives late must not undo what came after it.
     */
    private async inTurn<T>(id: string, work: (calls: Calls) => Promise<T>): Promise<T> {
        if (!this.calls.tryEnter(id) && !(await this.calls.enter(id, this.timeoutMs))) {
            throw new Error(`The session store was busy with the same session for ${this.timeoutMs} ms.`);
        }
        const calls: Calls = [];
        try {
            return await work(calls);
        } finally {
            const open = calls.filter(({ isOver }) => !isOver);
            if (open.length === 0) {
                this.calls.leave(id);
            } else {
                void this.answered(open).then(() => this.calls.leave(id));
            }
        }
    }

    /** Also of a store that never answers something is expected again. */
    private async answered(open: Calls): Promise<void> {
        const answers = Promise.all(open.map(({ over }) => over));
        await inTime(answers, LONGEST_CALL_MS, () => new Error('given up')).catch(() => undefined);
    }

    /** A store's answer as a promise, also where it throws, rejects, answers twice or never. */
    private call<T>(
        name: string,
        start: (done: Answer<T>) => unknown,
        { calls = [], timeoutMs = this.timeoutMs }: { calls?: Calls; timeoutMs?: number } = {},
    ): Promise<T | undefined> {
        const call = new Call();
        calls.push(call);
        return new Promise((resolve, reject) => {
            const deadline = Deadlines.of(timeoutMs).start(() =>
                reject(new Error(`The session store did not answer ${name}() within ${timeoutMs} ms.`)),
            );
            const done: Answer<T> = (error, value) => {
                call.end();
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
        const record = JSON.stringify(found) as string | undefined;
        const plain: unknown = JSON.parse(record ?? 'null');
        if (record !== undefined && typeof plain === 'object' && plain !== null) {
            return { record, version: versionOf(plain) };
        }
    } catch (cause) {
        throw new BadRecordError('it can not be written as JSON', { cause }); // circular, or nested too deeply
    }
    throw new BadRecordError('the store gave something that is not a session');
}

/** The last access is left out: session-file-store writes its own, and it changes nothing of what a session holds. */
function versionOf(record: object): string {
    return canonicalJson({ ...record, [LAST_ACCESS]: undefined });
}

/**
 * What a store gets to see: a session whose cookie expires when the record does, because that is what stores compute
 * their time to live from. As JSON it is the record as it was.
 */
function toSession(record: string, expiresAt: number): SessionData {
    const data = JSON.parse(record) as StoredSession;
    const original = (data.cookie ?? {}) as Record<string, unknown>;
    const CookieClass = session.Cookie as unknown as new (options: object) => session.Cookie;
    const cookie = new CookieClass({ ...original, expires: new Date(expiresAt) });
    cookie.originalMaxAge = Math.max(1, expiresAt - Date.now());
    Object.defineProperty(cookie, 'toJSON', { value: () => original });
    return { ...data, cookie } as unknown as SessionData;
}

/** Both forms in which stores list: an object by id, or an array of sessions that hold their id. */
function idsAndSessions(found: SessionData[] | Record<string, SessionData>): [string, unknown][] {
    if (!Array.isArray(found)) {
        return Object.entries(found);
    }
    return (found as unknown as StoredSession[]).flatMap((data) => {
        const { id, ...rest } = data ?? {};
        return typeof id === 'string' ? [[id, rest] as [string, unknown]] : [];
    });
}
