import { andThen } from '../../Support/andThen.js';
import { KeyedMutex } from '../../Support/KeyedMutex.js';
import type { MaybePromise } from '../../Support/MaybePromise.js';
import { TwoGenerationCache } from '../../Support/TwoGenerationCache.js';
import type { SessionCookieConfig } from '../Config/SessionConfig.js';
import type { HeldLock } from '../Drivers/HeldLock.js';
import type { ListedRecord, SessionDriver, StoredRecord } from '../Drivers/SessionDriver.js';
import { type StoredCookie } from '../Record/CookieSettings.js';
import { CookieSettingsOfToday } from '../Record/CookieSettingsOfToday.js';
import { DamagedRecordError } from '../Record/DamagedRecordError.js';
import { asPatch, merged, NO_CHANGE, type SessionChange } from '../Record/mergeChanges.js';
import { parseRecord, writtenRecord } from '../Record/parseRecord.js';
import { cookieTextAt, endedRecord, isEndedRecord, liveRecord } from '../Record/recordText.js';
import { type Lifetime, type LifetimeOptions, SessionLifetime } from '../Record/SessionLifetime.js';
import {
    type EndedRecord,
    type EndReason,
    type LiveRecord,
    type Login,
    type ParsedRecord,
} from '../Record/SessionRecord.js';
import { isPlainId, isSessionKey, isUserKey, keyOf, type RecordKey } from '../Record/storageKeys.js';
import { StoreCalls, type TimeLimit, unavailable, withoutId } from './StoreCalls.js';
import { UserSessions } from './UserSessions.js';

/** A live session as it was found or written: what is stored, and what that means. */
export interface LoadedSession {
    readonly kind: 'live';
    readonly stored: StoredRecord;
    readonly record: LiveRecord;
}

/** What is left of a session that ended; `to` names where it moved to, or what its visitor began after it. */
export interface EndedSession extends EndedRecord {
    readonly stored: StoredRecord;
}

export type LoadResult = LoadedSession | EndedSession | { readonly kind: 'none' };

export interface RepositoryOptions extends LifetimeOptions {
    /** The cookie's settings of the config. Unset: each session keeps its own. */
    cookie?: SessionCookieConfig;
    /** How long the store may take to answer, in ms. */
    timeoutMs: number;
    /** How long damaged records are kept for a person to look at, in ms. */
    keepDamagedMs: number;
    warn(message: string, context: Record<string, unknown>): void;
}

export interface SaveOptions {
    /** What the request holds that made the change, where it runs alone: with the turn lost, it fails. */
    readonly lock?: HeldLock | undefined;
    /** The browser gets the cookie anew: its end, which the record keeps, is counted from now. */
    readonly renewsCookie?: boolean;
}

export interface MoveOptions {
    readonly login?: Login | undefined;
    /** The new id, sealed, for the tombstone. */
    readonly sealedId?: string | undefined;
    readonly lock?: HeldLock | undefined;
}

export interface EndOptions {
    /** The key of the session that takes its place, and its id, sealed. */
    readonly to?: string;
    readonly sealedId?: string;
    readonly lock?: HeldLock | undefined;
}

export interface PruneOptions {
    /** Looks at what was written lately too: it may have been given a short life of its own. */
    whole?: boolean;
    /** Called after each record that was looked at. */
    progress?(step: PruneStep): void;
}

export interface PruneStep {
    /** Records looked at so far. */
    readonly looked: number;
    /** The one that was looked at now, and what became of it. */
    readonly record: string;
    readonly outcome: PruneOutcome;
}

/**
 * `removed`: a session that had expired; nothing is left but a note of its end. `forgotten`: such a note. `kept`: a
 * session that lives, or did a minute ago. `other`: neither, or a note that is needed still.
 */
export type PruneOutcome = 'removed' | 'forgotten' | 'kept' | 'other';

const DAY_MS = 86_400_000;
/** For so long an ended session's note tells requests that still come with its id how it ended. */
const ENDED_KEPT_MS = DAY_MS;
/** It is there a little longer: what a process that died left of the same session is found and removed before. */
export const NOTE_KEPT_MS = ENDED_KEPT_MS + DAY_MS / 24;
/** What a change may wait for other requests of this process that write the same session, in ms. */
const WRITERS_WAIT_MS = 10_000;
/** Each try that fails was overtaken by a write, or met a damaged record. */
const FORBID_TRIES = 100;
/** A record that expired is only taken away this much later, so that a request in flight can still save its session. */
const PRUNE_GRACE_MS = 60_000;
/** Records longer than this are not kept parsed. */
const LONGEST_HOT = 8_192;
const NONE = { kind: 'none' } as const;
/** No visitor gets so many new ids within a day without a request that ends the row. */
const LONGEST_CHAIN = 100;

interface TombstoneOptions extends Omit<EndOptions, 'lock'> {
    /** Whether to end it under the key that it has moved to, where it has; steps: so many were followed. */
    readonly follows?: boolean;
    readonly steps?: number;
}

interface WriteOptions {
    readonly created?: number | undefined;
    readonly login?: Login | undefined;
    readonly renewsCookie?: boolean | undefined;
}

/**
 * The one layer between requests and every driver. It knows when a session is alive, merges what requests changed
 * into what is stored (and again, where another write came between), and never brings an ended session back.
 */
export class SessionRepository {
    /** Which sessions are whose. */
    public readonly users: UserSessions;
    /** When they end. */
    public readonly lifetime: SessionLifetime;
    private readonly cookies: CookieSettingsOfToday | undefined;
    private readonly trouble: StoreCalls;
    /** Reads need no time limit here. */
    private readonly isBounded: boolean;
    private readonly movingAside = new Map<string, Promise<void>>();
    private readonly writers = new KeyedMutex();
    /**
     * Records that were read or written lately. They hold for their whole text only, so that nothing here can be out of date.
     * A visitor's next request copies what is parsed, and is compared with it: 15 of 65 µs for a read of 1 KB, 25 of 105 for a
     * change (Node 20, without the network).
     */
    private readonly hot = new TwoGenerationCache<{ readonly text: string; readonly record: LiveRecord }>(2_000);

    public constructor(
        private readonly driver: SessionDriver,
        private readonly options: RepositoryOptions,
    ) {
        this.lifetime = new SessionLifetime(options);
        this.cookies = options.cookie && new CookieSettingsOfToday(options.cookie, this.lifetime);
        this.trouble = new StoreCalls(options.timeoutMs);
        this.users = new UserSessions(driver, this, this.trouble);
        this.isBounded = (driver.abilities?.answersWithinMs ?? Number.POSITIVE_INFINITY) <= options.timeoutMs;
    }

    /**
     * The session that an id names. One that is stored under its plain id, as it was written by the stock packages,
     * moves to its key.
     */
    public find(id: string, key = keyOf(id)): MaybePromise<LoadResult> {
        return andThen(this.load(key), (found) => {
            const isDamaged = this.movingAside.has(key); // then it is looked at once: what takes its place may be sound
            return found.kind === 'none' && isPlainId(id) ? this.adopt(id, key, !isDamaged) : found;
        });
    }

    /** The session that is stored under a key, unless it is damaged. */
    public load(id: string): MaybePromise<LoadResult> {
        let found: MaybePromise<StoredRecord | undefined>;
        try {
            found = this.driver.read(id);
        } catch (error) {
            return this.notRead(id, error);
        }
        if (!(found instanceof Promise)) {
            return this.aliveOrEnded(id, found);
        }
        const judged = found.then((stored) => this.aliveOrEnded(id, stored));
        const limited = this.isBounded ? judged : this.trouble.inTime('loaded', judged);
        return limited.catch((error) => this.notRead(id, error));
    }

    /** The same for a request that looks into the session: one whose data can't be parsed is damaged. */
    public open(id: string, found: LoadResult): LoadResult {
        if (found.kind !== 'live') {
            return found;
        }
        try {
            void (found.record.cookie && found.record.data); // parsed now
            return found;
        } catch (error) {
            this.moveAside(id, error);
            return NONE;
        }
    }

    /** A session's cookie as it is today: its own settings, and else the config's. */
    public cookieOf(record: LiveRecord): StoredCookie {
        return this.cookies ? this.cookies.of(record) : record.cookie;
    }

    /** Stores a new session. Fails where the id is taken. Undefined: it was revoked before it was there. */
    public create(
        id: string,
        cookie: StoredCookie,
        change: SessionChange,
        login?: Login,
    ): MaybePromise<LoadedSession | undefined> {
        const now = Date.now();
        const times = {
            seen: now,
            created: now,
            own: this.cookies?.ownOf(cookie),
            login,
            maxAge: cookie.originalMaxAge,
        };
        const empty = writtenRecord(times, cookie, '', {});
        const limit: TimeLimit = { isOver: false };
        const write = () =>
            andThen(this.tryWrite(id, undefined, empty, change, { renewsCookie: true }), (created) => {
                if (created && limit.isOver) {
                    return this.withdraw(id, created); // nobody waits for it any more, or knows its id
                }
                return created ?? andThen(this.load(id), (found) => takenOrEnded(found));
            });
        const create = () => this.trouble.attempt('saved', id, write, limit);
        return login ? this.listed(login.user, id).then(create) : create();
    }

    /**
     * Applies a change to what is stored now, starting from what was loaded; a write that came between is read and
     * merged. Undefined: the session has ended meanwhile, and nothing was stored.
     */
    public save(
        id: string,
        loaded: LoadedSession,
        change: SessionChange,
        options: SaveOptions = {},
    ): MaybePromise<LoadedSession | undefined> {
        const { stored, record } = loaded;
        const { lock, renewsCookie } = options;
        return andThen(this.relist(id, record.login), (login) =>
            andThen(
                this.trouble.attempt('saved', id, () =>
                    andThen(stillHeld(lock, false), () =>
                        this.tryWrite(id, stored, record, change, { login, renewsCookie }),
                    ),
                ),
                (written) => written ?? this.mergeInTurn(id, asPatch(change), options),
            ),
        );
    }

    /** Writes down that the session is in use. Undefined: it has ended meanwhile. */
    public touch(
        id: string,
        loaded: LoadedSession,
        { renewsCookie = false }: SaveOptions = {},
    ): MaybePromise<LoadedSession | undefined> {
        const { stored, record } = loaded;
        return andThen(this.relist(id, record.login), (login) =>
            this.trouble.attempt('saved', id, () =>
                andThen(
                    this.tryWrite(id, stored, record, NO_CHANGE, { login, renewsCookie }),
                    // A write that came between has said it already.
                    (written) =>
                        written ?? andThen(this.load(id), (found) => (found.kind === 'live' ? found : undefined)),
                ),
            ),
        );
    }

    /**
     * Ends a session for good; requests in flight can't bring it back. One that is to be destroyed is also ended under the
     * key that it has moved to. False where none was alive.
     */
    public end(id: string, reason: EndReason, { lock, ...next }: EndOptions = {}): MaybePromise<boolean> {
        return this.trouble.attempt('ended', id, () =>
            andThen(stillHeld(lock, false), () =>
                this.endWithTombstone(id, reason, { follows: reason === 'destroyed', ...next }),
            ),
        );
    }

    /** The session that lives in the place of one that has ended, by the keys that the tombstones name. */
    public async successorOf(key: string): Promise<{ key: string; session: LoadedSession } | undefined> {
        let found = await this.load(key);
        for (let steps = 0; found.kind === 'ended' && found.to !== undefined && steps < LONGEST_CHAIN; steps += 1) {
            key = found.to;
            found = this.open(key, await this.load(key));
        }
        return found.kind === 'live' ? { key, session: found } : undefined;
    }

    /**
     * Writes into the tombstone of a session that its visitor has a new one: an answer that still ends the old one in the
     * browser must not take the new one's cookie away.
     */
    public async replace(key: string, to: string): Promise<void> {
        const found = await this.load(key);
        if (found.kind === 'ended' && found.to === undefined) {
            await this.writeEnded(key, found.stored, found.reason, { at: found.at, to });
        }
    }

    /**
     * Ends a session from outside, also one that a login in flight is only about to store under this key.
     * @param follows Whether to end it under the key that it has moved to, where it has.
     */
    public revoke(key: string, { follows = false } = {}): MaybePromise<boolean> {
        return this.trouble.attempt('ended', key, () => this.endEvenIfAbsent(key, follows));
    }

    /**
     * Moves a session to a new id: what is stored now, with this request's change, is written under the new id, then
     * the old id ends. With a login its life begins anew. Undefined: the session has ended meanwhile, and nothing was
     * copied.
     */
    public async migrate(
        id: string,
        newId: string,
        loaded: LoadedSession,
        change: SessionChange,
        options: MoveOptions = {},
    ): Promise<LoadedSession | undefined> {
        const { login, lock } = options;
        const user = login?.user ?? loaded.record.login?.user;
        if (user !== undefined) {
            await this.listed(user, newId); // first: it must not miss one that lives
        }
        try {
            await stillHeld(lock, false);
            return await this.moveTo(id, newId, loaded, change, options);
        } catch (error) {
            throw unavailable('saved', id, error);
        }
    }

    /** Whether the driver can walk all sessions. */
    public get canList(): boolean {
        return this.driver.abilities?.lists !== false;
    }

    /**
     * Walks all sessions that are alive, where the driver can list them. Ends early at a signal.
     * @param looked Called for each record, of whatever kind.
     */
    public async *live(
        signal?: AbortSignal,
        looked?: () => void,
    ): AsyncGenerator<{ key: RecordKey; record: LiveRecord }> {
        try {
            for await (const { key, ...stored } of this.driver.records(undefined, signal)) {
                if (signal?.aborted) {
                    return;
                }
                looked?.();
                const found = this.open(key, this.aliveOrEnded(key, stored));
                if (found.kind === 'live') {
                    yield { key, record: found.record };
                }
            }
        } catch (error) {
            throw unavailable('loaded', '', error);
        }
    }

    /** Removes records that are expired or ended for long enough, without blocking requests. Gives their number. */
    public async prune(signal?: AbortSignal, { whole = false, progress }: PruneOptions = {}): Promise<number> {
        const now = Date.now();
        let removed = 0;
        let looked = 0;
        let failure: unknown;
        // What was written later can't be dead, but for sessions with a shorter life of their own: they wait a little.
        const writtenBefore = whole ? Number.POSITIVE_INFINITY : now - Math.min(this.options.idleMs, DAY_MS);
        for await (const listed of this.driver.records(writtenBefore, signal)) {
            if (signal?.aborted) {
                break;
            }
            try {
                const outcome = await this.pruneRecord(listed, now);
                removed += outcome === 'removed' || outcome === 'forgotten' ? 1 : 0;
                progress?.({ looked: ++looked, record: listed.record, outcome });
            } catch (error) {
                failure ??= error; // trouble with one record must not keep the others
            }
        }
        if (!signal?.aborted) {
            await this.driver.tidy(now - this.options.keepDamagedMs, signal, (record) => {
                removed += 1;
                progress?.({ looked: ++looked, record, outcome: isEndedRecord(record) ? 'forgotten' : 'removed' });
            });
        }
        if (failure !== undefined) {
            throw failure;
        }
        return removed;
    }

    /** A dead session's data goes at once, the note of its end a day later. */
    private async pruneRecord(listed: ListedRecord, now: number): Promise<PruneOutcome> {
        const { key: id, outdated, ...stored } = listed;
        const record = this.parse(id, stored.record, now);
        if (record?.kind === 'ended') {
            listed.rest?.(record.at + NOTE_KEPT_MS);
            const isOld = now - record.at > NOTE_KEPT_MS;
            return isOld && (await this.driver.remove(id, stored.version)) ? 'forgotten' : 'other';
        }
        if (record?.kind === 'user') {
            listed.rest?.(record.seen + DAY_MS);
            await this.users.tidy(id, record, now);
            return 'other';
        }
        if (!record) {
            return 'other';
        }
        if (!isSessionKey(id) && (await this.load(keyOf(id))).kind !== 'none') {
            return (await this.driver.remove(id, stored.version)) ? 'removed' : 'other'; // a process died while it moved this one
        }
        const { at, reason } = this.lifetime.endOf(record);
        if (now - PRUNE_GRACE_MS <= at) {
            if (outdated && now <= at) {
                await this.driver.write(id, stored.record, stored.version, this.dropOf(record)); // as it is, but sealed
            } else if (isSessionKey(id)) {
                listed.rest?.(at + PRUNE_GRACE_MS);
            }
            return 'kept';
        }
        const removed =
            now - at > NOTE_KEPT_MS || !isSessionKey(id)
                ? await this.driver.remove(id, stored.version)
                : await this.writeEnded(id, stored, reason, { at });
        return removed ? 'removed' : 'kept'; // in use again
    }

    /** The one place that says whether a session is over: a tombstone says so, or its time. */
    private aliveOrEnded(id: string, stored: StoredRecord | undefined): LoadResult {
        if (!stored) {
            return NONE;
        }
        const now = Date.now();
        const record = this.parse(id, stored.record, now);
        if (!record) {
            return NONE;
        }
        if (record.kind === 'user') {
            return NONE;
        }
        const end = record.kind === 'ended' ? record : this.lifetime.endOf(record);
        if (record.kind === 'live' && now <= end.at) {
            return { kind: 'live', stored, record };
        }
        return now - end.at > ENDED_KEPT_MS ? NONE : { ...end, kind: 'ended', stored };
    }

    private adopt(id: string, key: string, wasMissing: boolean): MaybePromise<LoadResult> {
        return andThen(this.load(id), (found) => {
            if (found.kind === 'none' && wasMissing) {
                return this.load(key); // another request may have moved it since that was asked
            }
            if (found.kind !== 'live') {
                return found;
            }
            return this.trouble.attempt('loaded', id, async () => {
                const moved = await this.tryWrite(key, undefined, found.record, NO_CHANGE);
                return moved ? this.leave(id, key, found, moved) : this.load(key); // another request was first
            });
        });
    }

    /** Removes what has moved from its plain id; should it have ended there meanwhile, it ends under its key too. */
    private async leave(id: string, key: string, left: LoadedSession, moved: LoadedSession): Promise<LoadResult> {
        while (!(await this.driver.remove(id, left.stored.version))) {
            const found = await this.load(id);
            if (found.kind === 'ended') {
                await this.endWithTombstone(key, found.reason);
                return found;
            }
            if (found.kind === 'none') {
                break;
            }
            left = found;
        }
        return moved;
    }

    /** Now and then, a session that is in use makes sure that its user's list names it. Gives its login as it is to be written. */
    private relist(id: string, login: Login | undefined): MaybePromise<Login | undefined> {
        if (!login || !this.users.isDue(login.listed ?? login.at)) {
            return login;
        }
        return this.users.renew(login.user, id).then(
            () => ({ ...login, listed: Date.now() }),
            () => login, // the list is no reason to lose a change; the next request tries again
        );
    }

    /** A record that lands when nobody waits for it any more is taken away again. */
    private writeNew(...args: Parameters<SessionRepository['tryWrite']>): Promise<LoadedSession | undefined> {
        const limit: TimeLimit = { isOver: false };
        const written = Promise.resolve(this.tryWrite(...args));
        written
            .then((late) => (limit.isOver && late ? this.withdraw(args[0], late) : undefined))
            .catch(() => undefined);
        return this.trouble.inTime('saved', written, limit);
    }

    private async withdraw(id: string, { stored }: LoadedSession): Promise<undefined> {
        await this.driver.remove(id, stored.version);
    }

    /** A damaged record is undefined here, and on its way out of the way. */
    private parse(id: string, text: string, now: number): ParsedRecord | undefined {
        const known = this.hot.find(id);
        const hot = known?.text === text ? known.record : undefined;
        if (hot && hot.seen <= now && hot.created <= now && (hot.login?.at ?? 0) <= now) {
            return hot; // unless the clock was set right since: then it is looked at anew
        }
        try {
            const record = parseRecord(text, now);
            if (record.kind === 'live' && !record.isAhead) {
                this.keepHot(id, text, record);
            }
            return record;
        } catch (error) {
            this.moveAside(id, error);
            return undefined;
        }
    }

    private keepHot(id: string, text: string, record: LiveRecord): void {
        if (text.length <= LONGEST_HOT) {
            this.hot.remember(id, { text, record });
        }
    }

    private notRead(id: string, error: unknown): LoadResult {
        if (error instanceof DamagedRecordError) {
            this.moveAside(id, error);
            return NONE;
        }
        throw unavailable('loaded', id, error);
    }

    private moveAside(id: string, reason: unknown): void {
        if (this.movingAside.has(id) || isUserKey(id)) {
            return; // a list of sessions is mended by who needs it
        }
        const moving = (async () => {
            const context: Record<string, unknown> = { reason: (reason as Error).message };
            try {
                if (await this.driver.setAside(id)) {
                    this.options.warn(
                        'A stored session is damaged and was set aside; its visitor gets a fresh one.',
                        context,
                    );
                } // else another request, or another process, has met it first, and said so
            } catch (error) {
                context.error = withoutId(id, error);
                this.options.warn(
                    'A stored session is damaged and can not be set aside; its visitor gets a fresh one.',
                    context,
                );
            }
            this.movingAside.delete(id);
        })();
        this.movingAside.set(id, moving);
    }

    /** Puts a session's key into its user's list. */
    private async listed(user: string, key: string): Promise<void> {
        try {
            await this.users.add(user, key);
        } catch (error) {
            throw unavailable('saved', key, error);
        }
    }

    /**
     * Another request was first: its changes stay, ours are applied to them. One after another, so that each succeeds; the
     * wait for others has a limit of its own, as the store is not slow for it.
     */
    private async mergeInTurn(
        id: string,
        change: SessionChange,
        { lock, renewsCookie }: SaveOptions,
    ): Promise<LoadedSession | undefined> {
        if (!this.writers.tryEnter(id) && !(await this.writers.enter(id, WRITERS_WAIT_MS))) {
            const cause = `Other requests of the same session were writing it for ${WRITERS_WAIT_MS} ms.`;
            throw unavailable('saved', id, new Error(cause));
        }
        const tryOnce = async () => {
            const base = this.open(id, await this.load(id));
            if (base.kind !== 'live') {
                return { result: endedOrGone(base) };
            }
            await stillHeld(lock, true); // after the look: what is written from here on is compared with it
            const result = await this.tryWrite(id, base.stored, base.record, change, { renewsCookie });
            return result && { result };
        };
        try {
            for (;;) {
                const done = await this.trouble.attempt('saved', id, tryOnce);
                if (done) {
                    return done.result; // else another process was first
                }
            }
        } finally {
            this.writers.leave(id);
        }
    }

    private async moveTo(
        id: string,
        newId: string,
        loaded: LoadedSession,
        change: SessionChange,
        { login, lock, sealedId }: MoveOptions,
    ): Promise<LoadedSession | undefined> {
        const options = { created: login?.at, login, renewsCookie: true };
        let base: LoadResult = loaded;
        let moved: LoadedSession | undefined;
        while (base.kind === 'live') {
            moved = await this.writeNew(newId, moved?.stored, base.record, change, options);
            if (!moved) {
                return endedOrGone(await this.load(newId)); // revoked before it was there
            }
            try {
                if (
                    await this.trouble.inTime(
                        'saved',
                        this.writeEnded(id, base.stored, 'migrated', { to: newId, sealedId }),
                    )
                ) {
                    return moved;
                }
                base = this.open(id, await this.load(id)); // written meanwhile: what is there now is what moves
                await stillHeld(lock, true);
            } catch (error) {
                // Nobody knows its id. Nor is it waited for: the store may be what hangs.
                void this.withdraw(newId, moved).catch(() => undefined);
                throw error;
            }
            change = asPatch(change);
        }
        if (moved) {
            await this.trouble.inTime('saved', this.withdraw(newId, moved));
        }
        return endedOrGone(base);
    }

    private async endWithTombstone(
        id: string,
        reason: EndReason,
        { follows = false, steps = 0, ...next }: TombstoneOptions = {},
    ): Promise<boolean> {
        let found = await this.load(id);
        while (found.kind === 'live') {
            if (await this.writeEnded(id, found.stored, reason, next)) {
                return true;
            }
            found = await this.load(id);
        }
        // It got a new id before it was ended, or meanwhile: that was not meant to save it.
        return follows && found.kind === 'ended' && hasMoved(found) && steps < LONGEST_CHAIN
            ? this.endWithTombstone(found.to, reason, { follows, steps: steps + 1, ...next })
            : false;
    }

    private async endEvenIfAbsent(key: string, follows: boolean): Promise<boolean> {
        for (let tries = 0; tries < FORBID_TRIES; tries += 1) {
            if (await this.endWithTombstone(key, 'revoked', { follows })) {
                return true;
            }
            if (await this.writeEnded(key, undefined, 'revoked')) {
                return false;
            }
            if ((await this.load(key)).kind === 'ended') {
                return false;
            }
            await this.movingAside.get(key); // what is damaged makes room for the note
        }
        throw new Error('Something else kept standing in the place of a session that was revoked.');
    }

    private async writeEnded(
        id: string,
        stored: StoredRecord | undefined,
        reason: EndReason,
        { at = Date.now(), to, sealedId }: Partial<EndedRecord> = {},
    ): Promise<boolean> {
        const tombstone = endedRecord(at, reason, { to, sealedId });
        const version = await this.driver.write(id, tombstone, stored?.version, at + NOTE_KEPT_MS);
        return version !== undefined;
    }

    private tryWrite(
        id: string,
        stored: StoredRecord | undefined,
        base: LiveRecord,
        change: SessionChange,
        { created = base.created, login = base.login, renewsCookie = false }: WriteOptions = {},
    ): MaybePromise<LoadedSession | undefined> {
        const now = Date.now();
        const cookie = change.cookie ?? this.cookieOf(base);
        const own = change.cookie ? this.cookies?.ownOf(change.cookie) : this.cookies?.ownIn(base);
        const cookieText = cookieTextAt(cookie, renewsCookie || change.cookie ? now : undefined);
        const times = { seen: now, created, own, login, maxAge: cookie.originalMaxAge };
        const body = change.whole ?? merged(base, change);
        const text = liveRecord(times, cookieText, body);
        const expiresAt = this.dropOf(times);
        return andThen(this.driver.write(id, text, stored?.version, expiresAt), (version) => {
            if (version === undefined) {
                return undefined;
            }
            const record = writtenRecord(times, cookieText, body, change.whole === undefined ? undefined : change.data);
            if (stored) {
                this.keepHot(id, text, record);
            }
            return { kind: 'live', stored: { record: text, version }, record };
        });
    }

    /** From when a driver may drop a record by itself: the note of its end is worth keeping for a while. */
    private dropOf(record: Lifetime): number {
        return dropOf(this.lifetime, record);
    }
}

/** The same by a lifetime; for a note, by the time (ms since the epoch) at which its session ended. */
export function dropOf(lifetime: SessionLifetime, record: Lifetime | number): number {
    return typeof record === 'number' ? record + NOTE_KEPT_MS : lifetime.endOf(record).at + ENDED_KEPT_MS;
}

/** Whether a session goes on under another key, or a new one has taken its place at its visitor's own wish. */
export function hasMoved(ended: EndedSession): ended is EndedSession & { readonly to: string } {
    return ended.to !== undefined && (ended.reason === 'migrated' || ended.reason === 'regenerated');
}

/** What a request that ran alone has made of the session counts only if it did run alone: another has read it meanwhile. */
function stillHeld(lock: HeldLock | undefined, isDoubted: boolean): MaybePromise<void> {
    return lock && andThen(lock.isHeld(isDoubted), refuseLost);
}

function refuseLost(isHeld: boolean): void {
    if (!isHeld) {
        throw new Error('Another request of this session had its turn: this process was stopped for too long.');
    }
}

/** Nothing is stored for a session that ended. One that is gone without a note of its end was lost: that is trouble. */
function endedOrGone(found: LoadResult): undefined {
    if (found.kind !== 'ended') {
        throw new Error('What was stored of the session is gone.');
    }
}

/** A new session found its place taken. */
function takenOrEnded(found: LoadResult): undefined {
    if (found.kind !== 'ended') {
        throw new Error('A new session got an id that is taken.');
    }
}
