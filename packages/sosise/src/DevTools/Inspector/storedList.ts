import type { StoredSession, StoredSessions } from '../../Session/Admin/StoredSessions.js';
import { INSPECTOR_USE } from './StoreUse.js';

/** What is stored, as far as it was looked at. */
export interface StoredList {
    /** The newest, last active first. */
    readonly newest: readonly StoredSession[];
    readonly sessions: number;
    /** Bytes of their records. */
    readonly bytes: number;
    readonly smallest: number;
    readonly largest: number;
    /** About how many records the store has; undefined: not known. */
    readonly records: number | undefined;
    /** Whether there were more than were looked at. */
    readonly isPart: boolean;
}

/** Looking through a large store takes it time that its application needs. */
const MOST_LOOKED_AT = 500;
const LONGEST_WALK_MS = 2_000;
const MOST_SHOWN = 50;

/** Undefined where the driver can't list its sessions. */
export function storedList(stored: StoredSessions): Promise<StoredList | undefined> {
    return INSPECTOR_USE.run(async () => (stored.canList ? look(stored) : undefined));
}

async function look(stored: StoredSessions): Promise<StoredList> {
    const records = await stored.count();
    const found: StoredSession[] = [];
    const enough = new AbortController();
    const timer = setTimeout(() => enough.abort(), LONGEST_WALK_MS);
    let looked = 0;
    const count = () => {
        looked += 1;
        if (looked > MOST_LOOKED_AT) {
            enough.abort();
        }
    };
    for await (const session of stored.all({ signal: enough.signal, looked: count })) {
        found.push(session);
    }
    clearTimeout(timer);
    const sizes = found.map(({ bytes }) => bytes);
    return {
        newest: found.sort((a, b) => b.lastSeen.getTime() - a.lastSeen.getTime()).slice(0, MOST_SHOWN),
        sessions: found.length,
        bytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
        smallest: Math.min(...sizes),
        largest: Math.max(...sizes),
        records,
        isPart: enough.signal.aborted,
    };
}
