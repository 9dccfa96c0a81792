import { ConfigError } from '../../Exceptions/errors.js';
import { KeyedMutex } from '../../Support/KeyedMutex.js';
import type { MaybePromise } from '../../Support/MaybePromise.js';
import type { SessionDriver, StoredRecord } from '../Drivers/SessionDriver.js';
import { DamagedRecordError } from '../Record/DamagedRecordError.js';
import { parseRecord } from '../Record/parseRecord.js';
import { userRecord } from '../Record/recordText.js';
import { type LiveRecord, type Login, type UserRecord } from '../Record/SessionRecord.js';
import { type RecordKey, userKeyOf } from '../Record/storageKeys.js';
import { type StoreCalls, unavailable } from './StoreCalls.js';

type Sessions = ReadonlyMap<string, number>;
type Change = (sessions: Sessions) => Sessions | Promise<Sessions>;

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

/** What a list of sessions asks about them: SessionRepository can tell. */
export interface FindableSessions {
    readonly canList: boolean;
    load(key: string): MaybePromise<{ readonly kind: string }>;
    live(): AsyncIterable<{ readonly key: RecordKey; readonly record: LiveRecord }>;
}

/**
 * The keys of each user's sessions, so that finding them costs by their number and not by that of all sessions. A key is
 * added before its session is stored: a list may name sessions that have ended, and misses none that lives.
 */
export class UserSessions {
    private readonly writers = new KeyedMutex();

    public constructor(
        private readonly driver: SessionDriver,
        private readonly repository: FindableSessions,
        private readonly calls: StoreCalls,
    ) {}

    /** The keys of a user's sessions, oldest login first. */
    public async keysOf(user: string): Promise<string[]> {
        const listKey = userKeyOf(user);
        try {
            return [...(await this.read(listKey, user)).sessions.keys()];
        } catch (error) {
            throw error instanceof ConfigError ? error : unavailable('loaded', listKey, error);
        }
    }

    public add(user: string, key: RecordKey): Promise<void> {
        const added: Change = async (sessions) => {
            const isTidied = sessions.size % TIDY_EVERY === TIDY_EVERY - 1;
            const others = new Map(isTidied ? await this.alive(sessions, TIDY_MOST) : sessions);
            others.delete(key);
            return others.set(key, Date.now());
        };
        return this.change(userKeyOf(user), user, added).catch((error) => {
            throw unavailable('saved', key, error);
        });
    }

    public remove(user: string, keys: ReadonlySet<string>): Promise<void> {
        const others: Change = (sessions) => new Map([...sessions].filter(([key]) => !keys.has(key)));
        const listKey = userKeyOf(user);
        return this.change(listKey, user, others).catch((error) => {
            throw unavailable('ended', listKey, error);
        });
    }

    /**
     * Now and then, a session that is in use makes sure that its user's list names it: a store may have dropped that. Gives its
     * login as it is to be written.
     */
    public refreshed(key: RecordKey, login: Login | undefined): MaybePromise<Login | undefined> {
        if (!login || Date.now() - (login.listed ?? login.at) <= RENEW_MS) {
            return login;
        }
        const named: Change = (sessions) => (sessions.has(key) ? sessions : new Map(sessions).set(key, Date.now()));
        return this.change(userKeyOf(login.user), login.user, named, RENEW_MS).then(
            () => ({ ...login, listed: Date.now() }),
            () => login, // the list is no reason to lose a change; the next request tries again
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
        let looked = 0;
        for (const [key, added] of sessions) {
            looked += 1;
            if (looked > most) {
                break;
            }
            const kind = await this.kindOf(key);
            if (kind === 'ended' || (kind === 'none' && Date.now() - added > IN_FLIGHT_MS)) {
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
                isDone = await (user === undefined ? tried : this.calls.inTime('saved', tried));
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
        const { sessions, version, seen } = await this.read(listKey, user);
        const changed = await next(sessions);
        const now = Date.now();
        const isSame = changed.size === sessions.size && [...changed.keys()].every((key) => sessions.has(key));
        if (isSame && now - seen <= olderMs) {
            return true;
        }
        if (changed.size === 0) {
            return version === undefined || this.driver.remove(listKey, version);
        }
        return (await this.driver.write(listKey, userRecord(now, changed), version, now + LIST_KEPT_MS)) !== undefined;
    }

    private async read(
        listKey: RecordKey,
        user: string | undefined,
    ): Promise<{ sessions: Sessions; version: unknown; seen: number }> {
        let stored: StoredRecord | undefined;
        try {
            stored = await this.calls.inTime('loaded', Promise.resolve(this.driver.read(listKey)));
            const record = stored && parseRecord(stored.record, Date.now());
            return record?.kind === 'user'
                ? { ...record, version: stored?.version }
                : { sessions: new Map(), version: stored?.version, seen: 0 };
        } catch (error) {
            if (!(error instanceof DamagedRecordError)) {
                throw error;
            }
            if (!stored) {
                await this.driver.setAside(listKey); // what is no text at all can't be written over
            }
            return this.rebuild(listKey, user, stored?.version);
        }
    }

    /** A damaged list must not let a session slip: they are looked for among all, and the list is written again. */
    private async rebuild(
        listKey: RecordKey,
        user: string | undefined,
        damaged: unknown,
    ): Promise<{ sessions: Sessions; version: unknown; seen: number }> {
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
            sessions.size > 0
                ? await this.driver.write(listKey, userRecord(now, sessions), damaged, now + LIST_KEPT_MS)
                : damaged;
        return { sessions, version, seen: now };
    }
}
