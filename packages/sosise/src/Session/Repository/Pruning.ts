import type { ListedRecord } from '../Drivers/SessionDriver.js';
import { isEndedRecord } from '../Record/recordText.js';
import type { LiveRecord } from '../Record/SessionRecord.js';
import { isSessionKey, keyOf } from '../Record/storageKeys.js';
import type { SessionReader } from './SessionReader.js';
import { recordExpiry, type SessionWriter, TOMBSTONE_KEPT_MS, tombstoneExpiry } from './SessionWriter.js';
import type { UserSessions } from './UserSessions.js';

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
 * `removed`: a session that had expired; nothing is left but a tombstone. `forgotten`: such a tombstone. `kept`: a session
 * that lives, or did a minute ago. `other`: neither, or a tombstone that is needed still.
 */
export type PruneOutcome = 'removed' | 'forgotten' | 'kept' | 'other';

const DAY_MS = 86_400_000;
/** A record that expired is only taken away this much later, so that a request in flight can still save its session. */
const PRUNE_GRACE_MS = 60_000;

/** Removes records that are expired, and tombstones that are old enough, without blocking requests. */
export class Pruning {
    public constructor(
        private readonly reader: SessionReader,
        private readonly writer: SessionWriter,
        private readonly users: UserSessions,
    ) {}

    /** Gives the number of records that were removed. */
    public async run(signal?: AbortSignal, { whole = false, progress }: PruneOptions = {}): Promise<number> {
        const { driver, options } = this.reader;
        const now = Date.now();
        let removed = 0;
        let looked = 0;
        let failure: unknown;
        const count = (record: string, outcome: PruneOutcome): void => {
            removed += outcome === 'removed' || outcome === 'forgotten' ? 1 : 0;
            progress?.({ looked: ++looked, record, outcome });
        };
        // What was written later can't be dead, but for sessions with a shorter life of their own: they wait a little.
        const writtenBefore = whole ? Number.POSITIVE_INFINITY : now - Math.min(options.idleMs, DAY_MS);
        for await (const listed of driver.records(writtenBefore, signal)) {
            if (signal?.aborted) {
                break;
            }
            try {
                count(listed.record, await this.prune(listed, now));
            } catch (error) {
                failure ??= error; // trouble with one record must not keep the others
            }
        }
        if (!signal?.aborted) {
            await driver.tidy(now - options.keepDamagedMs, signal, (record) =>
                count(record, isEndedRecord(record) ? 'forgotten' : 'removed'),
            );
        }
        if (failure !== undefined) {
            throw failure;
        }
        return removed;
    }

    private async prune(listed: ListedRecord, now: number): Promise<PruneOutcome> {
        const { key } = listed;
        const record = this.reader.parse(key, listed.record, now);
        switch (record?.kind) {
            case 'ended':
                listed.rest?.(tombstoneExpiry(record.at));
                return now - record.at > TOMBSTONE_KEPT_MS && (await this.remove(listed)) ? 'forgotten' : 'other';
            case 'user':
                listed.rest?.(record.seen + DAY_MS);
                await this.users.tidy(key, record, now);
                return 'other';
            case 'live':
                return this.pruneSession(listed, record, now);
            default:
                return 'other';
        }
    }

    /** A dead session's data goes at once, its tombstone a day later. */
    private async pruneSession(listed: ListedRecord, record: LiveRecord, now: number): Promise<PruneOutcome> {
        const { reader, writer } = this;
        const { key, outdated, rest, ...stored } = listed;
        const isKey = isSessionKey(key);
        if (!isKey && (await reader.load(keyOf(key))).kind !== 'none') {
            return (await this.remove(listed)) ? 'removed' : 'other'; // a process died while it moved this one
        }
        const { at, reason } = reader.lifetime.endOf(record);
        if (now - PRUNE_GRACE_MS <= at) {
            if (outdated && now <= at) {
                // As it is, but in today's form.
                await reader.driver.write(key, stored.record, stored.version, recordExpiry(reader.lifetime, record));
            } else if (isKey) {
                listed.rest?.(at + PRUNE_GRACE_MS);
            }
            return 'kept';
        }
        const isRemoved =
            isKey && now - at <= TOMBSTONE_KEPT_MS
                ? await writer.writeTombstone(key, stored, reason, { at })
                : await this.remove(listed);
        if (!isRemoved) {
            return 'kept'; // in use again
        }
        reader.events.ended?.emit({ key, user: record.login?.user, reason, at });
        return 'removed';
    }

    private async remove({ key, version }: ListedRecord): Promise<boolean> {
        return this.reader.driver.remove(key, version);
    }
}
