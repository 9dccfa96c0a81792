import type { StoredRecord } from '../Drivers/SessionDriver.js';
import type { EndedRecord, LiveRecord } from '../Record/SessionRecord.js';

/** A live session as it was found or written: what is stored, and what that means. */
export interface LoadedSession {
    readonly kind: 'live';
    readonly stored: StoredRecord;
    readonly record: LiveRecord;
    /** Written with what another request had stored meanwhile. */
    readonly isMerged?: true;
}

/** A tombstone; `to` names the key that the session moved to, or of what its visitor began after it. */
export interface EndedSession extends EndedRecord {
    readonly stored: StoredRecord;
}

export type LoadResult = LoadedSession | EndedSession | { readonly kind: 'none' };

export const NONE = { kind: 'none' } as const;

/** Whether a session goes on under another key, or a new one has taken its place at its visitor's own wish. */
export function hasMoved(ended: EndedSession): ended is EndedSession & { readonly to: string } {
    return ended.to !== undefined && (ended.reason === 'migrated' || ended.reason === 'regenerated');
}

/** Nothing is stored for a session that ended. Throws where a session is gone without a tombstone: the store lost it. */
export function endedOrLost(found: LoadResult): undefined {
    if (found.kind !== 'ended') {
        throw new Error('The stored session is missing: the store lost it.');
    }
}
