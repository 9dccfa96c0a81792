import { BadRecordError, type SessionDriver, type StoredRecord } from './SessionDriver.js';
import { DamagedRecordError, parseRecord, type UserRecord, userRecord } from './SessionRecord.js';
import type { SessionRepository } from './SessionRepository.js';
import { userKeyOf } from './storageKeys.js';
import { KeyedQueue } from './stores/KeyedQueue.js';

/** Sessions that have ended are left out of a list at every so many logins, and once a day. */
const TIDY_EVERY = 64;
const DAY_MS = 86_400_000;
/** A list of sessions that have all ended is found and removed by then, in stores that count the time themselves. */
const KEPT_MS = 3_650 * DAY_MS;
const WAIT_MS = 10_000;

type Change = (sessions: readonly string[]) => readonly string[] | Promise<readonly string[]>;

/**
 * The keys of each user's sessions, so that finding them costs by their number and not by that of all sessions. A key is
 * added before its session is stored: a list may name sessions that have ended, and misses none that lives.
 */
export class UserSessions {
    private readonly writers = new KeyedQueue();

    public constructor(
        private readonly driver: SessionDriver,
        private readonly repository: Pick<SessionRepository, 'load' | 'live'>,
    ) {}

    /** The keys of a user's sessions, oldest login first. */
    public async keysOf(user: string): Promise<readonly string[]> {
        return (await this.read(user)).sessions;
    }

    public add(user: string, key: string): Promise<void> {
        return this.change(userKeyOf(user), user, async (sessions) => {
            const others = sessions.filter((other) => other !== key);
            return [...(others.length % TIDY_EVERY === TIDY_EVERY - 1 ? await this.alive(others) : others), key];
        });
    }

    public remove(user: string, keys: ReadonlySet<string>): Promise<void> {
        return this.change(userKeyOf(user), user, (sessions) => sessions.filter((key) => !keys.has(key)));
    }

    /** Leaves out what has ended; called for each list that a walk through the store meets. */
    public async tidy(id: string, record: UserRecord, now: number): Promise<void> {
        if (now - record.seen > DAY_MS) {
            await this.change(id, undefined, (sessions) => this.alive(sessions), true);
        }
    }

    private async alive(sessions: readonly string[]): Promise<readonly string[]> {
        const living: string[] = [];
        for (const key of sessions) {
            if ((await this.repository.load(key)).kind === 'live') {
                living.push(key);
            }
        }
        return living;
    }

    private async change(id: string, user: string | undefined, next: Change, always = false): Promise<void> {
        if (!this.writers.tryEnter(id) && !(await this.writers.enter(id, WAIT_MS))) {
            throw new Error(`Other logins of the same user were being written for ${WAIT_MS} ms.`);
        }
        try {
            while (!(await this.tryChange(id, user, next, always))) {
                // another process has written it meanwhile
            }
        } finally {
            this.writers.leave(id);
        }
    }

    private async tryChange(id: string, user: string | undefined, next: Change, always: boolean): Promise<boolean> {
        const { sessions, version } = await this.read(user, id);
        const changed = await next(sessions);
        if (changed.length === sessions.length && changed.every((key, index) => key === sessions[index]) && !always) {
            return true;
        }
        if (changed.length === 0) {
            return version === undefined || this.driver.remove(id, version);
        }
        const now = Date.now();
        return (await this.driver.write(id, userRecord(now, changed), version, now + KEPT_MS)) !== undefined;
    }

    private async read(
        user: string | undefined,
        id = userKeyOf(user as string),
    ): Promise<{ sessions: readonly string[]; version: unknown }> {
        let stored: StoredRecord | undefined;
        try {
            stored = await this.driver.read(id);
            const record = stored && parseRecord(stored.record, Date.now());
            return { sessions: record?.kind === 'user' ? record.sessions : [], version: stored?.version };
        } catch (error) {
            if (error instanceof BadRecordError) {
                await this.driver.setAside(id);
            } else if (!(error instanceof DamagedRecordError)) {
                throw error;
            }
            return { sessions: await this.found(user), version: stored?.version };
        }
    }

    /** A damaged list must not let a session slip: they are looked for among all. */
    private async found(user: string | undefined): Promise<string[]> {
        const keys: string[] = [];
        if (user === undefined) {
            return keys;
        }
        for await (const { id, record } of this.repository.live()) {
            if (record.login?.user === user) {
                keys.push(id);
            }
        }
        return keys;
    }
}
