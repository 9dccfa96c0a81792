import { ConfigError } from '../../Exceptions/errors.js';
import { inTime } from '../../Support/Deadlines.js';
import { KeyedMutex } from '../../Support/KeyedMutex.js';
import type { MaybePromise } from '../../Support/MaybePromise.js';
import { show } from '../../Support/show.js';
import type { SessionLimit } from '../Config/SessionConfig.js';
import type { StoredRecord } from '../Drivers/SessionDriver.js';
import type { EventOrigin } from '../Events/sessionEvent.js';
import { DamagedRecordError } from '../Record/DamagedRecordError.js';
import { parseRecord } from '../Record/parseRecord.js';
import { userRecord } from '../Record/recordText.js';
import type { Login, UserRecord } from '../Record/SessionRecord.js';
import { type RecordKey, userKeyOf } from '../Record/storageKeys.js';
import { SessionLimitException } from './SessionErrors.js';
import type { SessionReader } from './SessionReader.js';

type Sessions = ReadonlyMap<string, number>;
/** @param moves What is to be stored of them; may be changed. */
type Change = (sessions: Sessions, moves: Map<string, string>) => Sessions | Promise<Sessions>;

/** How a session comes into its user's list. */
export interface Entry {
    /** A login, and not a new id only. */
    readonly isLogin: boolean;
    /** The key that it moves from: two clicks on "log in" are one session. */
    readonly from?: RecordKey | undefined;
    /** The request that logs in. */
    readonly origin?: EventOrigin | undefined;
}

/** Sessions that have ended are left out of a list at every so many logins, so many at a time, and once a day. */
const TIDY_EVERY = 64;
const TIDY_MOST = 128;
const DAY_MS = 86_400_000;
/** A key is in the list before its session is stored: for so long it may still come. */
const IN_FLIGHT_MS = 300_000;
/** How old a list may be before a session that is in use says that it is in it. */
const RENEW_MS = 600_000;
/** A list of sessions that have all ended is found and removed by then, in stores that count the time themselves. */
export const LIST_KEPT_MS = 3_650 * DAY_MS;
const WAIT_MS = 10_000;

interface ReadList extends Pick<UserRecord, 'sessions' | 'moves' | 'seen'> {
    readonly version: unknown;
}

/** SessionRepository, as far as a list needs it. */
type Repository = SessionReader & {
    revoke(
        key: RecordKey,
        options: { follows: boolean; reason: 'replaced'; origin: EventOrigin | undefined },
    ): MaybePromise<boolean>;
};

/**
 * The keys of each user's sessions, so that finding them costs by their number and not by that of all sessions. A key is
 * added before its session is stored: a list may name sessions that have ended, and misses none that lives.
 */
export class UserSessions {
    private readonly writers = new KeyedMutex();

    public constructor(
        private readonly repository: Repository,
        private readonly limit?: SessionLimit,
    ) {}

    /** The keys of a user's sessions, oldest login first. */
    public async keysOf(user: string): Promise<string[]> {
        const listKey = userKeyOf(user);
        try {
            return [...(await this.read(listKey, user)).sessions.keys()];
        } catch (error) {
            throw error instanceof ConfigError ? error : this.repository.calls.unavailable('loaded', listKey, error);
        }
    }

    /**
     * Stores a session whose key the list has by then, which misses none. At a login, what is over `registry.max` ends before
     * that, so that there are never more: each login goes by the list that its own compare-and-swap has written.
     * @param undo Takes away what has been stored for all that, where `store` has failed.
     */
    public async enter<Stored>(
        user: string,
        key: RecordKey,
        entry: Entry,
        store: () => Promise<Stored | undefined>,
        undo: () => Promise<void>,
    ): Promise<Stored | undefined> {
        const most = entry.isLogin ? await this.mostOf(user) : Number.POSITIVE_INFINITY;
        const surplus = await this.add(user, key, entry, most);
        let stored: Stored | undefined;
        try {
            for (const each of surplus) {
                await this.repository.revoke(each, { follows: true, reason: 'replaced', origin: entry.origin });
            }
            stored = await store();
        } finally {
            if (stored === undefined) {
                void this.leave(user, key, undo); // not waited for: the store may be what hangs
            }
        }
        if (surplus.length > TIDY_MOST) {
            await this.remove(user, new Set(surplus)); // else the next login leaves them out
        }
        return stored;
    }

    /** A session that was not stored must not count. */
    private async leave(user: string, key: RecordKey, undo: () => Promise<void>): Promise<void> {
        await undo().catch(() => undefined);
        if (this.limit?.max === undefined) {
            return;
        }
        const others: Change = async (sessions) =>
            (await this.kindOf(key)) === 'none' ? without(sessions, new Set([key])) : sessions;
        await this.change(userKeyOf(user), user, others).catch(() => undefined);
    }

    /** Gives the keys of the sessions over the limit. They stay in the list until they have ended. */
    public async add(
        user: string,
        key: RecordKey,
        entry: Entry = { isLogin: true },
        most = Number.POSITIVE_INFINITY,
    ): Promise<readonly RecordKey[]> {
        let surplus: RecordKey[] = [];
        const added: Change = async (sessions, moves) => {
            surplus = [];
            if (entry.from !== undefined) {
                moves.set(key, entry.from);
            }
            let others = sessions;
            if (most !== Number.POSITIVE_INFINITY) {
                others = await this.within(most, sessions, (each) => originOf(each, moves), key, surplus);
            } else if (sessions.size % TIDY_EVERY === TIDY_EVERY - 1) {
                others = await this.alive(sessions, TIDY_MOST);
            }
            return placed(others, key, entry);
        };
        await this.change(userKeyOf(user), user, added).catch((error) => this.failed(user, key, error, entry.origin));
        return surplus;
    }

    /** Throws where a login would be refused now: nothing is ended for one that can't succeed. */
    public async requireRoom(user: string, origin: EventOrigin): Promise<void> {
        const most = await this.mostOf(user);
        if (this.limit?.whenFull !== 'refuse' || most === Number.POSITIVE_INFINITY) {
            return;
        }
        const listKey = userKeyOf(user);
        const look = async () => {
            const { sessions, moves = new Map() } = await this.read(listKey, user);
            await this.within(most, sessions, (each) => originOf(each, moves), listKey, []);
        };
        await this.repository.calls
            .inTime('loaded', look())
            .catch((error) => this.failed(user, listKey, error, origin));
    }

    private failed(user: string, key: RecordKey, error: unknown, origin: EventOrigin | undefined): never {
        if (!(error instanceof SessionLimitException)) {
            throw this.repository.calls.unavailable('saved', key, error);
        }
        this.repository.events.refused?.emit({ user, reason: 'limit' }, origin);
        throw error;
    }

    /** How many sessions a user may have. A function that says it has the time of the store. */
    private async mostOf(user: string): Promise<number> {
        const { max = Number.POSITIVE_INFINITY } = this.limit ?? {};
        if (typeof max === 'number') {
            return max;
        }
        const { calls, options } = this.repository;
        const late = `registry.max in src/config/session.ts gave no number within ${options.timeoutMs} ms.`;
        const most = await inTime(Promise.resolve(max(user)), options.timeoutMs, () =>
            calls.unavailable('saved', '', new Error(late)),
        );
        if (most !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(most) && most >= 1)) {
            throw new ConfigError(
                `registry.max in src/config/session.ts gave ${show(most)}: it has to give a whole number from 1 on, or Infinity for any number.`,
            );
        }
        return most;
    }

    /**
     * Finds what is over the limit once `key` is there: all but the newest that live, or may be about to. One that gets a new
     * id counts once. Gives the list without those that have ended.
     */
    private async within(
        most: number,
        sessions: Sessions,
        origin: (key: string) => string,
        key: RecordKey,
        surplus: RecordKey[],
    ): Promise<Sessions> {
        const kept = new Map(sessions);
        const counted = new Set([origin(key)]);
        for (const [each, added] of [...sessions].reverse()) {
            const isOver = counted.size >= most && !counted.has(origin(each));
            // A list may be long when the limit is new: then the rest is ended without a look here, where others wait.
            if (surplus.length <= TIDY_MOST && hasEnded(await this.kindOf(each), added)) {
                kept.delete(each);
            } else if (!isOver) {
                counted.add(origin(each));
            } else if (this.limit?.whenFull === 'refuse') {
                throw new SessionLimitException();
            } else {
                surplus.push(each as RecordKey);
            }
        }
        return kept;
    }

    public remove(user: string, keys: ReadonlySet<string>): Promise<void> {
        const others: Change = (sessions) => without(sessions, keys);
        const listKey = userKeyOf(user);
        return this.change(listKey, user, others).catch((error) => {
            throw this.repository.calls.unavailable('ended', listKey, error);
        });
    }

    /**
     * Now and then, a session that is in use makes sure that its user's list names it: a store may have dropped that. Gives its
     * login as it is to be written then.
     */
    public refreshed(key: RecordKey, login: Login): MaybePromise<Login | undefined> {
        if (Date.now() - (login.listed ?? login.at) <= RENEW_MS) {
            return undefined;
        }
        const named: Change = (sessions) => (sessions.has(key) ? sessions : new Map(sessions).set(key, Date.now()));
        return this.change(userKeyOf(login.user), login.user, named, RENEW_MS).then(
            () => ({ ...login, listed: Date.now() }),
            () => undefined, // the list is no reason to lose a change; the next request tries again
        );
    }

    /** Leaves out what has ended; called for each list that a walk through the store meets. */
    public async tidy(listKey: RecordKey, record: UserRecord, now: number): Promise<void> {
        if (now - record.seen > DAY_MS) {
            await this.change(listKey, undefined, (sessions) => this.alive(sessions), 0);
        }
    }

    /** Without those that have ended. One that can't be read now stays. @param most How many are looked at. */
    private async alive(sessions: Sessions, most = Number.POSITIVE_INFINITY): Promise<Sessions> {
        const kept = new Map(sessions);
        for (const [key, added] of [...sessions].slice(0, most)) {
            if (hasEnded(await this.kindOf(key), added)) {
                kept.delete(key);
            }
        }
        return kept;
    }

    private async kindOf(key: string): Promise<string> {
        try {
            return (await this.repository.load(key)).kind;
        } catch {
            return 'unknown';
        }
    }

    /** @param olderMs Written also without a change where the list is older than this. */
    private async change(
        listKey: RecordKey,
        user: string | undefined,
        next: Change,
        olderMs = Number.POSITIVE_INFINITY,
    ): Promise<void> {
        if (!this.writers.tryEnter(listKey) && !(await this.writers.enter(listKey, WAIT_MS))) {
            throw new Error(`Other logins of the same user were being written for ${WAIT_MS} ms.`);
        }
        try {
            let isDone = false;
            while (!isDone) {
                const tried = this.tryChange(listKey, user, next, olderMs);
                // Requests wait for the store so long, and not counting the turns of others; a walk through all has time.
                isDone = await (user === undefined ? tried : this.repository.calls.inTime('saved', tried));
                // else another process has written it meanwhile
            }
        } finally {
            this.writers.leave(listKey);
        }
    }

    private async tryChange(
        listKey: RecordKey,
        user: string | undefined,
        next: Change,
        olderMs: number,
    ): Promise<boolean> {
        const { sessions, moves: known, version, seen } = await this.read(listKey, user);
        const moves = new Map(known);
        const changed = await next(sessions, moves);
        const now = Date.now();
        const isSame = changed.size === sessions.size && [...changed.keys()].every((key) => sessions.has(key));
        if (isSame && now - seen <= olderMs) {
            return true;
        }
        if (changed.size === 0) {
            return version === undefined || this.repository.driver.remove(listKey, version);
        }
        const recent = new Map([...moves].filter(([key]) => now - (changed.get(key) ?? 0) <= IN_FLIGHT_MS));
        const record = userRecord(now, changed, recent);
        return (await this.repository.driver.write(listKey, record, version, now + LIST_KEPT_MS)) !== undefined;
    }

    private async read(listKey: RecordKey, user: string | undefined): Promise<ReadList> {
        let stored: StoredRecord | undefined;
        try {
            stored = await this.repository.calls.inTime(
                'loaded',
                Promise.resolve(this.repository.driver.read(listKey)),
            );
            const record = stored && parseRecord(stored.record, Date.now());
            const list = record?.kind === 'user' ? record : { sessions: new Map(), seen: 0 };
            return { ...list, version: stored?.version };
        } catch (error) {
            if (!(error instanceof DamagedRecordError)) {
                throw error;
            }
            if (!stored) {
                await this.repository.driver.setAside(listKey); // what is no text at all can't be written over
            }
            return this.rebuild(listKey, user, stored?.version);
        }
    }

    /** A damaged list must not let a session slip: they are looked for among all, and the list is written again. */
    private async rebuild(listKey: RecordKey, user: string | undefined, damaged: unknown): Promise<ReadList> {
        const now = Date.now();
        if (user === undefined) {
            return { sessions: new Map(), version: damaged, seen: now };
        }
        if (!this.repository.canList) {
            throw new ConfigError(
                "A user's list of sessions is damaged, and the store can't list its sessions to rebuild it.",
            );
        }
        const found: [key: RecordKey, at: number][] = [];
        for await (const { key, record } of this.repository.live()) {
            if (record.login?.user === user) {
                found.push([key, record.login.at]);
            }
        }
        const sessions = new Map(found.sort((one, other) => one[1] - other[1])); // oldest login first
        const version =
            sessions.size > 0 // else the only one may be about to be stored, and is looked for the next time
                ? await this.repository.driver.write(listKey, userRecord(now, sessions), damaged, now + LIST_KEPT_MS)
                : damaged;
        return { sessions, version, seen: now };
    }
}

function hasEnded(kind: string, added: number): boolean {
    return kind === 'ended' || (kind === 'none' && Date.now() - added > IN_FLIGHT_MS);
}

function without(sessions: Sessions, keys: ReadonlySet<string>): Sessions {
    return new Map([...sessions].filter(([key]) => !keys.has(key)));
}

/** In the order of logins: behind all others at a login, and else behind the key that it moves from. */
function placed(sessions: Sessions, key: RecordKey, { from, isLogin }: Entry): Sessions {
    const entries = [...sessions];
    const before = isLogin ? -1 : entries.findIndex(([each]) => each === from);
    entries.splice(before < 0 ? entries.length : before + 1, 0, [key, Date.now()]);
    return new Map(entries);
}

/** The first of the keys that a session has had, of those that are known. */
function originOf(key: string, moves: ReadonlyMap<string, string>): string {
    let origin = key;
    for (let steps = 0; steps < moves.size; steps += 1) {
        origin = moves.get(origin) ?? origin;
    }
    return origin;
}
