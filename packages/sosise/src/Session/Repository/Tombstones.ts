import type { StoredRecord } from '../Drivers/SessionDriver.js';
import { type Next, updateRecord } from '../Drivers/updateRecord.js';
import type { EventOrigin, RevokedBy } from '../Events/sessionEvent.js';
import { DamagedRecordError } from '../Record/DamagedRecordError.js';
import type { EndReason, LiveRecord } from '../Record/SessionRecord.js';
import type { RecordKey } from '../Record/storageKeys.js';
import { hasMoved, type LoadedSession, type LoadResult, NONE } from './LoadedSession.js';
import type { SessionReader } from './SessionReader.js';
import type { SessionWriter } from './SessionWriter.js';

export interface TombstoneOptions {
    /** The key of the session that takes its place, and its id, encrypted. */
    readonly to?: string;
    readonly sealedId?: string;
    /** Whether to end it under the key that it has moved to, where it has. */
    readonly follows?: boolean | undefined;
    /** The request that ends it, and what its event says in place of the tombstone's reason. */
    readonly origin?: EventOrigin | undefined;
    readonly toldReason?: 'logout' | undefined;
    /** Who ends it from outside. */
    readonly by?: RevokedBy | undefined;
}

export interface RevokeOptions extends Pick<TombstoneOptions, 'follows' | 'origin' | 'by'> {
    readonly reason?: EndReason;
}

/** No visitor gets so many new ids within a day without a request that ends the row. */
const LONGEST_CHAIN = 100;
/** Each try that fails was overtaken by a write, or met a damaged record. */
const TRIES = 100;

/** Ends sessions for good: a tombstone takes the record's place, and requests in flight can't bring it back. */
export class Tombstones {
    public constructor(
        private readonly reader: SessionReader,
        private readonly writer: SessionWriter,
    ) {}

    /** False where none was alive. */
    public async end(
        key: RecordKey,
        reason: EndReason,
        { follows, ...next }: TombstoneOptions = {},
        steps = 0,
    ): Promise<boolean> {
        let found: LoadResult = NONE;
        const tombstone = await this.update(key, (stored) => {
            found = this.reader.judge(key, stored);
            return found.kind === 'live' ? this.writer.tombstoneOf(reason, next) : undefined;
        });
        if (tombstone) {
            this.tell(key, (found as unknown as LoadedSession).record, reason, next);
            return true;
        }
        const ended = found as LoadResult;
        if (!follows || ended.kind !== 'ended' || !hasMoved(ended) || steps === LONGEST_CHAIN) {
            return false;
        }
        // It got a new id before it was ended, or meanwhile: that was not meant to save it.
        // But a login that has moved it since has counted the user's sessions itself.
        const isCounted = reason === 'replaced' && ended.sealedId !== undefined;
        return !isCounted && this.end(ended.to, reason, { follows, ...next }, steps + 1);
    }

    /** Ends a session from outside, also one that a login in flight is only about to store under this key. */
    public async revoke(key: RecordKey, { follows, reason = 'revoked', origin, by }: RevokeOptions): Promise<boolean> {
        if (await this.end(key, reason, { follows, origin, by })) {
            return true;
        }
        let live: LoadedSession | undefined;
        await this.update(key, async (stored) => {
            const found = this.reader.judge(key, stored);
            if (this.reader.quarantine.isTaking(key)) {
                throw new DamagedRecordError('it is on its way into quarantine');
            }
            live = found.kind === 'live' ? found : undefined;
            return found.kind === 'ended' ? undefined : this.writer.tombstoneOf(reason, {});
        });
        const wasAlive = live as LoadedSession | undefined;
        if (wasAlive) {
            this.tell(key, wasAlive.record, reason, { origin, by });
        }
        return wasAlive !== undefined;
    }

    private tell(
        key: RecordKey,
        { login }: LiveRecord,
        reason: EndReason,
        { origin, toldReason, by }: Pick<TombstoneOptions, 'origin' | 'toldReason' | 'by'>,
    ): void {
        const { events } = this.reader;
        const user = login?.user;
        if (reason === 'revoked' || reason === 'replaced') {
            events.revoked?.emit({ key, user, reason, ...(by ?? events.process) }, origin);
        }
        if (reason !== 'migrated') {
            events.ended?.emit({ key, user, reason: toldReason ?? reason }, origin);
        }
    }

    /** What is damaged makes room for the tombstone. */
    private async update(key: RecordKey, next: Next): Promise<StoredRecord | undefined> {
        const { driver, quarantine } = this.reader;
        const tombstone = await updateRecord(driver, key, next, {
            tries: TRIES,
            overtaken: 'A session could not be replaced by its tombstone: others kept writing under its key.',
            damaged: (error) => {
                quarantine.take(key, error);
                return quarantine.settled(key);
            },
        });
        if (tombstone) {
            this.reader.ends?.ended(key);
        }
        return tombstone;
    }

    /** Writes into a tombstone that its visitor has a new session: an answer that still ends the old one spares the new one's cookie. */
    public async replace(key: RecordKey, to: RecordKey): Promise<void> {
        const { events, lifetime } = this.reader;
        const found = await this.reader.load(key);
        if (found.kind !== 'ended' || found.to !== undefined) {
            return;
        }
        const record = this.reader.parse(key, found.stored.record, Date.now());
        const isWritten = await this.writer.writeTombstone(key, found.stored, found.reason, { at: found.at, to });
        if (isWritten && record?.kind === 'live') {
            // Its time was over, and its visitor came before the walk that would have removed it.
            events.ended?.emit({ key, user: record.login?.user, ...lifetime.endOf(record) });
        }
    }

    /** The session that lives in the place of one that has ended, by the keys that the tombstones name. */
    public async successorOf(key: RecordKey): Promise<{ key: RecordKey; session: LoadedSession } | undefined> {
        let found = await this.reader.load(key);
        for (let steps = 0; found.kind === 'ended' && found.to !== undefined && steps < LONGEST_CHAIN; steps += 1) {
            key = found.to;
            found = this.reader.open(key, await this.reader.load(key));
        }
        return found.kind === 'live' ? { key, session: found } : undefined;
    }
}
