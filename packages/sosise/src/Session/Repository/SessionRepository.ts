import { andThen } from '../../Support/andThen.js';
import { KeyedBatches } from '../../Support/KeyedBatches.js';
import type { MaybePromise } from '../../Support/MaybePromise.js';
import type { HeldLock } from '../Drivers/HeldLock.js';
import type { SessionDriver } from '../Drivers/SessionDriver.js';
import type { EventOrigin } from '../Events/sessionEvent.js';
import type { StoredCookie } from '../Record/CookieSettings.js';
import { writtenRecord } from '../Record/parseRecord.js';
import { asPatch, combined, NO_CHANGE, type SessionChange } from '../Record/SessionChange.js';
import type { EndReason, LiveRecord, Login } from '../Record/SessionRecord.js';
import type { RecordKey, SessionId } from '../Record/storageKeys.js';
import { endedOrLost, type LoadedSession, type LoadResult } from './LoadedSession.js';
import { type PruneOptions, Pruning } from './Pruning.js';
import { type FoundSession, type RepositoryOptions, SessionReader } from './SessionReader.js';
import { SessionWriter } from './SessionWriter.js';
import { type RevokeOptions, type TombstoneOptions, Tombstones } from './Tombstones.js';
import { UserSessions } from './UserSessions.js';

export interface SaveOptions {
    /** What the request holds that made the change, where it runs exclusively: when that is lost, the change fails. */
    readonly lock?: HeldLock | undefined;
    /** The browser gets the cookie again: its end, which the record keeps, is counted from now. */
    readonly renewsCookie?: boolean;
}

export interface MoveOptions {
    readonly login?: Login | undefined;
    /** The new id, encrypted, for the tombstone. */
    readonly sealedId?: string | undefined;
    readonly lock?: HeldLock | undefined;
    readonly origin?: EventOrigin | undefined;
}

export interface EndOptions extends Omit<TombstoneOptions, 'follows'> {
    readonly lock?: HeldLock | undefined;
}

/** A change that waits to be merged into what is stored by then. */
interface WaitingChange extends SaveOptions {
    readonly change: SessionChange;
    /** Why it can't be stored, where the others can. */
    refusal?: unknown;
}

/**
 * The one layer between requests and every driver. It knows when a session is alive, merges what requests changed
 * into what is stored (and again, where another write came between), and never brings an ended session back.
 */
export class SessionRepository extends SessionReader {
    /** Which sessions are whose. */
    public readonly users: UserSessions;
    private readonly writer: SessionWriter;
    private readonly tombstones: Tombstones;
    private readonly pruning: Pruning;
    /**
     * Changes that come while this process writes the same session wait for that, and are stored in one write (group commit):
     * none is overtaken all the time, and the store's time begins when it is asked.
     */
    private readonly merges = new KeyedBatches<WaitingChange, LoadedSession | undefined>((key, changes, lostMs) =>
        this.merge(key, changes, lostMs),
    );

    public constructor(driver: SessionDriver, options: RepositoryOptions) {
        super(driver, options);
        this.users = new UserSessions(this, options.limit);
        this.writer = new SessionWriter(this);
        this.tombstones = new Tombstones(this, this.writer);
        this.pruning = new Pruning(this, this.writer, this.users);
    }

    /** Stores a new session. Fails where the id is taken. Undefined: it was revoked before it was there. */
    public create(
        key: RecordKey,
        cookie: StoredCookie,
        change: SessionChange,
        login?: Login,
        origin?: EventOrigin,
    ): MaybePromise<LoadedSession | undefined> {
        const now = Date.now();
        const own = this.cookies?.ownOf(cookie);
        const empty = writtenRecord(
            { seen: now, created: now, own, login, maxAge: cookie.originalMaxAge },
            { parsed: cookie },
            '',
            {},
        );
        let writing: MaybePromise<LoadedSession | undefined>;
        const write = () => {
            writing = this.writer.write(key, undefined, empty, change, { renewsCookie: true });
            return andThen(writing, (created) => created ?? andThen(this.load(key, 'saved'), endedOrTaken));
        };
        const late = () => this.writer.withdrawLate(key, writing);
        const create = () => this.calls.attempt('saved', key, write, { late });
        if (!login) {
            return create();
        }
        const undo = async () => {
            const found = await this.load(key);
            if (found.kind === 'live' && found.record.login?.at === login.at) {
                await this.writer.withdraw(key, found);
            }
        };
        return this.users.enter(login.user, key, { isLogin: true, origin }, async () => create(), undo);
    }

    /**
     * Two requests that change one session: each write is a compare-and-swap, from what was loaded. Where another write came
     * first, the change is applied to what that has stored, and tried again: changes of different top-level keys both stay, of one key
     * the later write stays, amounts add up. Undefined: the session has ended meanwhile, and nothing was stored.
     * With `exclusive()`, or `concurrency: 'exclusive'` in the config, requests run one after another instead.
     */
    public save(
        key: RecordKey,
        loaded: LoadedSession,
        change: SessionChange,
        options: SaveOptions = {},
    ): MaybePromise<LoadedSession | undefined> {
        if (this.merges.waiting.has(key)) {
            return this.mergeWithOthers(key, change, options);
        }
        const writing = this.writeLoaded(key, loaded, change, options);
        if (!(writing instanceof Promise)) {
            return writing ?? this.mergeWithOthers(key, change, options);
        }
        const saved = writing.then((written) => written ?? this.mergeWithOthers(key, change, options));
        this.merges.waitFor(key, writing);
        return saved;
    }

    /** Writes down that the session is in use. Undefined: it has ended meanwhile. */
    public touch(
        key: RecordKey,
        loaded: LoadedSession,
        options: SaveOptions = {},
    ): MaybePromise<LoadedSession | undefined> {
        return andThen(
            this.writeLoaded(key, loaded, NO_CHANGE, options),
            // A write that came between has said it already.
            (made) => made ?? andThen(this.load(key, 'saved'), (now) => (now.kind === 'live' ? now : undefined)),
        );
    }

    /** What the framework knows of a login, beside what requests change: see SessionWriter. */
    public changeLogin(
        ...[key, loaded, next]: Parameters<SessionWriter['changeLogin']>
    ): ReturnType<SessionWriter['changeLogin']> {
        return this.writer.changeLogin(key, loaded, next);
    }

    /**
     * Ends a session for good; requests in flight can't bring it back. One that is to be destroyed is also ended under the
     * key that it has moved to. False where none was alive.
     */
    public end(key: RecordKey, reason: EndReason, { lock, ...next }: EndOptions = {}): MaybePromise<boolean> {
        return this.calls.attempt('ended', key, () =>
            andThen(requireHeldLock(lock, false), () =>
                this.tombstones.end(key, reason, { follows: reason === 'destroyed', ...next }),
            ),
        );
    }

    /** The session that lives in the place of one that has ended, by the keys that the tombstones name. */
    public successorOf(key: RecordKey): Promise<{ key: RecordKey; session: LoadedSession } | undefined> {
        return this.tombstones.successorOf(key);
    }

    /** Writes into the tombstone of a session that its visitor has a new one. */
    public replace(key: RecordKey, to: RecordKey): Promise<void> {
        return this.calls.inTime('saved', this.tombstones.replace(key, to));
    }

    /**
     * Ends a session from outside, also one that a login in flight is only about to store under this key.
     */
    public revoke(key: RecordKey, options: RevokeOptions = {}): MaybePromise<boolean> {
        return this.calls.attempt('ended', key, () => this.tombstones.revoke(key, options));
    }

    /**
     * Moves a session to a new id: what is stored now, with this request's change, is written under the new key, then
     * the old one ends. With a login its life begins again. Undefined: the session has ended meanwhile, and nothing was
     * copied.
     */
    public async migrate(
        key: RecordKey,
        newKey: RecordKey,
        loaded: LoadedSession,
        change: SessionChange,
        options: MoveOptions = {},
    ): Promise<LoadedSession | undefined> {
        const { login, lock, origin } = options;
        const user = login?.user ?? loaded.record.login?.user;
        const move = async () => {
            try {
                await this.calls.attempt('saved', key, () => requireHeldLock(lock, false));
                return await this.moveTo(key, newKey, loaded, change, options);
            } catch (error) {
                throw this.calls.unavailable('saved', key, error);
            }
        };
        const undo = () => this.undoMove(key, newKey);
        if (user !== undefined) {
            return this.users.enter(user, newKey, { from: key, isLogin: login !== undefined, origin }, move, undo);
        }
        return move().catch((error) => {
            void undo().catch(() => undefined); // not waited for: the store may be what hangs
            throw error;
        });
    }

    /** The sessions of a user, oldest login first, found without a walk through all. */
    public async *liveOf(user: string): AsyncGenerator<FoundSession<LiveRecord>> {
        for (const key of await this.users.keysOf(user)) {
            const found = await this.load(key);
            if (found.kind === 'live' && found.record.login?.user === user) {
                yield { key, record: found.record, text: found.stored.record };
            }
        }
    }

    /** Removes records that are expired or ended for long enough, without blocking requests. Gives their number. */
    public prune(signal?: AbortSignal, options?: PruneOptions): Promise<number> {
        return this.pruning.run(signal, options);
    }

    protected override adoptPlain(id: SessionId, key: RecordKey): MaybePromise<LoadResult> {
        const wasMissing = !this.quarantine.isTaking(key); // else it is looked at once: what takes its place may be sound
        return andThen(this.load(id as RecordKey), (found) => {
            const plain = this.sound(id as RecordKey, found);
            if (plain.kind === 'none' && wasMissing) {
                return this.load(key); // another request may have moved it since that was asked
            }
            if (plain.kind !== 'live') {
                return plain;
            }
            return this.calls.attempt('loaded', key, async () => {
                const moved = await this.writer.write(key, undefined, plain.record, NO_CHANGE);
                return moved ? this.leavePlain(id as RecordKey, key, plain, moved) : this.load(key); // another was first
            });
        });
    }

    /** Removes what has moved from its plain id; should it have ended there meanwhile, it ends under its key too. */
    private async leavePlain(
        id: RecordKey,
        key: RecordKey,
        left: LoadedSession,
        moved: LoadedSession,
    ): Promise<LoadResult> {
        while (!(await this.driver.remove(id, left.stored.version))) {
            const found = await this.load(id);
            if (found.kind === 'ended') {
                await this.tombstones.end(key, found.reason);
                return found;
            }
            if (found.kind === 'none') {
                break;
            }
            left = found;
        }
        return moved;
    }

    /** Undefined: what was loaded is not what is stored now, and nothing was written. */
    private writeLoaded(
        key: RecordKey,
        { stored, record }: LoadedSession,
        change: SessionChange,
        { lock, renewsCookie }: SaveOptions,
    ): MaybePromise<LoadedSession | undefined> {
        const attempt = (login: Login | undefined) =>
            this.calls.attempt('saved', key, () => {
                const write = () => this.writer.write(key, stored, record, change, { login, renewsCookie });
                return lock ? andThen(requireHeldLock(lock, false), write) : write();
            });
        return record.login ? andThen(this.users.refreshed(key, record.login), attempt) : attempt(undefined);
    }

    /** Another request was first, or is about to be: the change is applied to what that has stored. */
    private async mergeWithOthers(
        key: RecordKey,
        change: SessionChange,
        options: SaveOptions,
    ): Promise<LoadedSession | undefined> {
        const waiting: WaitingChange = { ...options, change: asPatch(change) };
        const stored = await this.merges.add(key, waiting);
        if (waiting.refusal !== undefined) {
            throw this.calls.unavailable('saved', key, waiting.refusal);
        }
        return stored;
    }

    /** Optimistic concurrency: others' changes stay, these are applied to what is stored now; again where another write was first. */
    private async merge(
        key: RecordKey,
        waiting: readonly WaitingChange[],
        lostMs: number,
    ): Promise<LoadedSession | undefined> {
        const tryOnce = async () => {
            const base = this.open(key, await this.load(key, 'saved'));
            if (base.kind !== 'live') {
                return { result: endedOrLost(base) };
            }
            const held = await stillHeld(waiting); // after the look: what is written from here on is compared with it
            if (held.length === 0) {
                return { result: base };
            }
            const all = combined(
                base.record,
                held.map(({ change }) => change),
            );
            const renewsCookie = held.some((one) => one.renewsCookie);
            const result = await this.writer.write(key, base.stored, base.record, all, { renewsCookie });
            return result && { result: { ...result, isMerged: true } as const };
        };
        for (;;) {
            const done = await this.calls.attempt('saved', key, tryOnce, { lostMs });
            if (done) {
                return done.result;
            }
        }
    }

    private async moveTo(
        key: RecordKey,
        newKey: RecordKey,
        loaded: LoadedSession,
        change: SessionChange,
        { login, lock, sealedId }: MoveOptions,
    ): Promise<LoadedSession | undefined> {
        const { calls, writer } = this;
        const options = { created: login?.at, login, renewsCookie: true };
        let base: LoadResult = loaded;
        let copy: LoadedSession | undefined;
        for (;;) {
            copy = await writer.writeNew(newKey, copy?.stored, base.record, change, options);
            if (!copy) {
                return endedOrLost(await this.load(newKey, 'saved')); // revoked before it was there
            }
            const tombstone = writer.writeTombstone(key, base.stored, 'migrated', { to: newKey, sealedId });
            if (await calls.inTime('saved', tombstone)) {
                return copy;
            }
            base = this.open(key, await this.load(key, 'saved')); // written meanwhile: what is there now is what moves
            await calls.attempt('saved', key, () => requireHeldLock(lock, true));
            if (base.kind !== 'live') {
                await calls.inTime('saved', writer.withdraw(newKey, copy));
                return endedOrLost(base);
            }
            change = asPatch(change);
        }
    }

    /**
     * A write that failed may be done for all that, as by a server that was killed before it answered. A copy whose id nobody knows
     * is taken away, unless the session is in it alone: the user's next login joins it.
     */
    private async undoMove(key: RecordKey, newKey: RecordKey): Promise<void> {
        const [old, copy] = [await this.load(key), await this.load(newKey)];
        if (copy.kind === 'live' && (old.kind !== 'ended' || old.to !== newKey)) {
            await this.writer.withdraw(newKey, copy);
        }
    }
}

/** What a request that ran exclusively has made of the session counts only if it did: another has read it meanwhile. */
function requireHeldLock(lock: HeldLock | undefined, isDoubted: boolean): MaybePromise<void> {
    return (
        lock &&
        andThen(lock.isHeld(isDoubted), (isHeld) => {
            if (!isHeld) {
                throw new Error(
                    "The session's lock is no longer held: the answer has left, its client has gone, or this process stood still for too long. Another request may have used the session since.",
                );
            }
        })
    );
}

/** Without those that have lost their locks, which are told. */
async function stillHeld(waiting: readonly WaitingChange[]): Promise<WaitingChange[]> {
    const held: WaitingChange[] = [];
    for (const one of waiting) {
        try {
            if (one.refusal === undefined) {
                await requireHeldLock(one.lock, true);
                held.push(one);
            }
        } catch (error) {
            one.refusal = error;
        }
    }
    return held;
}

function endedOrTaken(found: LoadResult): undefined {
    if (found.kind !== 'ended') {
        throw new Error('The id of a new session is already in use.');
    }
}
