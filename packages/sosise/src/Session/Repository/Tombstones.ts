import type { EndReason } from '../Record/SessionRecord.js';
import type { RecordKey } from '../Record/storageKeys.js';
import { hasMoved, type LoadedSession } from './LoadedSession.js';
import type { SessionReader } from './SessionReader.js';
import type { SessionWriter } from './SessionWriter.js';

export interface TombstoneOptions {
    /** The key of the session that takes its place, and its id, encrypted. */
    readonly to?: string;
    readonly sealedId?: string;
    /** Whether to end it under the key that it has moved to, where it has. */
    readonly follows?: boolean;
}

/** No visitor gets so many new ids within a day without a request that ends the row. */
const LONGEST_CHAIN = 100;
/** Each try that fails was overtaken by a write, or met a damaged record. */
const REVOKE_TRIES = 100;

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
        { follows = false, ...next }: TombstoneOptions = {},
        steps = 0,
    ): Promise<boolean> {
        let found = await this.reader.load(key);
        while (found.kind === 'live') {
            if (await this.writer.writeTombstone(key, found.stored, reason, next)) {
                return true;
            }
            found = await this.reader.load(key);
        }
        // It got a new id before it was ended, or meanwhile: that was not meant to save it.
        return follows && found.kind === 'ended' && hasMoved(found) && steps < LONGEST_CHAIN
            ? this.end(found.to, reason, { follows, ...next }, steps + 1)
            : false;
    }

    /** Ends a session from outside, also one that a login in flight is only about to store under this key. */
    public async revoke(key: RecordKey, follows: boolean): Promise<boolean> {
        for (let tries = 0; tries < REVOKE_TRIES; tries += 1) {
            if (await this.end(key, 'revoked', { follows })) {
                return true;
            }
            if (await this.writer.writeTombstone(key, undefined, 'revoked')) {
                return false;
            }
            if ((await this.reader.load(key)).kind === 'ended') {
                return false;
            }
            await this.reader.quarantine.settled(key); // what is damaged makes room for the tombstone
        }
        throw new Error(
            'A revoked session could not be replaced by its tombstone: other data kept appearing under its key.',
        );
    }

    /** Writes into a tombstone that its visitor has a new session: an answer that still ends the old one spares the new one's cookie. */
    public async replace(key: RecordKey, to: RecordKey): Promise<void> {
        const found = await this.reader.load(key);
        if (found.kind === 'ended' && found.to === undefined) {
            await this.writer.writeTombstone(key, found.stored, found.reason, { at: found.at, to });
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
