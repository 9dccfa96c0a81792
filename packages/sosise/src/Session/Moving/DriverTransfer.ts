import type { SessionDriver, StoredRecord } from '../Drivers/SessionDriver.js';
import { REMOVED, updateRecord } from '../Drivers/updateRecord.js';
import { parsedOrNothing } from '../Drivers/walkRecords.js';
import { DamagedRecordError } from '../Record/DamagedRecordError.js';
import { parseRecord } from '../Record/parseRecord.js';
import { liveRecord, userRecord } from '../Record/recordText.js';
import { bodyWith, type SessionChange } from '../Record/SessionChange.js';
import type { SessionLifetime } from '../Record/SessionLifetime.js';
import type { EndedRecord, LiveRecord, Login, ParsedRecord, UserRecord } from '../Record/SessionRecord.js';
import { isUserKey, type RecordKey } from '../Record/storageKeys.js';
import { recordExpiry, tombstoneExpiry } from '../Repository/SessionWriter.js';
import { LIST_KEPT_MS } from '../Repository/UserSessions.js';

/**
 * What became of a record of the old driver. `moved`: it is in the new one now, and in the old one no more. `taken`: the
 * new one has something under this key already, which counts. `over`: the session has ended or expired, and stays.
 */
export type MoveResult =
    | { readonly kind: 'moved' | 'over'; readonly stored: StoredRecord }
    | { readonly kind: 'none' | 'taken' | 'damaged' };

export interface SessionMoverOptions {
    readonly from: SessionDriver;
    readonly to: SessionDriver;
    readonly lifetime: SessionLifetime;
    warn(message: string, context: Record<string, unknown>): void;
}

/** The version of a record that is not in the new driver: no write or removal there is meant by it. */
export const NOWHERE = Symbol('in the old driver');
const NO_SESSIONS: UserRecord = { kind: 'user', seen: 0, sessions: new Map() };
const TRIES = 100;
const MOVE_OVERTAKEN = 'Other processes kept writing a session that moves to another driver: end them first.';

/**
 * Moves sessions from one driver to another while they are in use. A session is written where nothing stands, and then
 * removed from its old place. A process that only knows the old place may change or end it there meanwhile: that is applied
 * in the new place, too.
 */
export class DriverTransfer {
    public constructor(private readonly options: SessionMoverOptions) {}

    /** Moves what the old driver holds under a key: a session that lives, or a user's list of sessions. */
    public async move(key: RecordKey): Promise<MoveResult> {
        const { from, to, lifetime } = this.options;
        let left: StoredRecord | undefined;
        let record: ParsedRecord | undefined;
        try {
            left = await from.read(key);
            record = left && parsed(left.record);
        } catch (error) {
            if (!(error instanceof DamagedRecordError)) {
                throw error;
            }
            await this.quarantine(key, error);
            return { kind: 'damaged' };
        }
        if (!left || !record) {
            return { kind: 'none' };
        }
        if (record.kind === 'user') {
            return this.moveList(key, left, record);
        }
        if (record.kind === 'ended' || !lifetime.lives(record)) {
            return { kind: 'over', stored: { record: left.record, version: NOWHERE } };
        }
        const version = await to.write(key, left.record, undefined, recordExpiry(lifetime, record));
        return version === undefined
            ? { kind: 'taken' }
            : this.leave(key, left, record, { record: left.record, version });
    }

    /** Removes what the old driver holds under a key, whatever it is: it must not come back. False: nothing was there. */
    public async purge(key: RecordKey): Promise<boolean> {
        const { from } = this.options;
        let wasThere = false;
        await updateRecord(
            from,
            key,
            (stored) => {
                wasThere ||= stored !== undefined;
                return stored && REMOVED;
            },
            {
                tries: TRIES,
                overtaken: 'Other processes kept writing a session that ends, in the driver that it moved from.',
                damaged: async () => {
                    wasThere = (await from.setAside(key)) || wasThere;
                },
            },
        );
        return wasThere;
    }

    private async quarantine(key: RecordKey, { message: reason }: DamagedRecordError): Promise<void> {
        if (await this.options.from.setAside(key)) {
            const what = isUserKey(key) ? "A user's list of sessions" : 'A session';
            this.options.warn(`${what} that was to be moved is damaged, and was quarantined in its old driver.`, {
                reason,
            });
        }
    }

    /** Removes a session from its old place. What a process changed or ended there meanwhile is the same in its new place. */
    private async leave(
        key: RecordKey,
        left: StoredRecord,
        record: LiveRecord,
        moved: StoredRecord,
    ): Promise<MoveResult> {
        let base = record;
        let copy = moved;
        let result: MoveResult | undefined;
        await updateRecord(
            this.options.from,
            key,
            async (stored) => {
                if (!stored || stored === left) {
                    return stored && REMOVED;
                }
                const theirs = parsed(stored.record);
                if (theirs.kind !== 'live') {
                    result = theirs.kind === 'ended' ? await this.end(key, stored, theirs) : { kind: 'none' };
                    return undefined;
                }
                const next = await this.carry(key, base, theirs, copy);
                if (!next) {
                    result = { kind: 'taken' }; // it has ended in its new place
                    return undefined;
                }
                [base, copy] = [theirs, next];
                return REMOVED;
            },
            {
                tries: TRIES,
                overtaken: MOVE_OVERTAKEN,
                known: left,
                damaged: (error) => this.quarantine(key, error),
            },
        );
        return result ?? { kind: 'moved', stored: copy };
    }

    /** Applies what changed in the old place since `base` to what is in the new place. Undefined: it has ended there. */
    private carry(
        key: RecordKey,
        base: LiveRecord,
        theirs: LiveRecord,
        copy: StoredRecord,
    ): Promise<StoredRecord | undefined> {
        const { to, lifetime } = this.options;
        const change = differenceOf(base, theirs);
        return updateRecord(
            to,
            key,
            (stored) => {
                const mine = stored && parsed(stored.record);
                if (mine?.kind !== 'live') {
                    return undefined;
                }
                const next = {
                    created: mine.created,
                    seen: Math.max(mine.seen, theirs.seen),
                    own: theirs.own,
                    login: mergedLogin(mine.login, theirs.login),
                    maxAge: theirs.maxAge,
                };
                return {
                    record: liveRecord(next, theirs.cookie, bodyWith(mine, change)),
                    expiresAt: recordExpiry(lifetime, next),
                };
            },
            { tries: TRIES, overtaken: MOVE_OVERTAKEN, known: copy },
        );
    }

    /** A session that ended in its old place while it moved ends in its new one. */
    private async end(key: RecordKey, { record }: StoredRecord, { at }: EndedRecord): Promise<MoveResult> {
        const expiresAt = tombstoneExpiry(at);
        const overtaken = 'Other processes kept writing a session that ended while it moved.';
        const stored = await updateRecord(this.options.to, key, () => ({ record, expiresAt }), {
            tries: TRIES,
            overtaken,
        });
        return { kind: 'over', stored: stored as StoredRecord };
    }

    /** A user may have logged in again since: the sessions of both lists are that user's. */
    private async moveList(key: RecordKey, left: StoredRecord, list: UserRecord): Promise<MoveResult> {
        const { from, to } = this.options;
        const stored = await updateRecord(
            to,
            key,
            (there) => {
                const known = there ? parsedOrNothing(there.record) : NO_SESSIONS;
                if (known?.kind !== 'user') {
                    return undefined; // damaged: whoever needs the list makes it again, from all sessions
                }
                const sessions = new Map([...list.sessions, ...known.sessions]);
                const record = userRecord(Math.max(list.seen, known.seen), sessions);
                return { record, expiresAt: Date.now() + LIST_KEPT_MS };
            },
            { tries: TRIES, overtaken: "Other processes kept writing a user's list of sessions." },
        );
        if (!stored) {
            return { kind: 'taken' };
        }
        return (await from.remove(key, left.version)) ? { kind: 'moved', stored } : this.move(key);
    }
}

function parsed(text: string): ParsedRecord {
    const record = parseRecord(text, Date.now());
    if (record.kind === 'live') {
        void (record.cookie && record.data); // parsed now: damaged data must not move
    }
    return record;
}

/** What either place knows of a login counts: a device that is bound in one of them stays bound, and answers no challenge twice. */
function mergedLogin(mine: Login | undefined, theirs: Login | undefined): Login | undefined {
    if (!mine || !theirs) {
        return theirs ?? mine;
    }
    const proved = Math.max(mine.proved ?? 0, theirs.proved ?? 0);
    return {
        ...theirs,
        deviceKey: mine.deviceKey ?? theirs.deviceKey,
        ...(proved > 0 && { proved }),
    };
}

/** The keys that are others in `next`. */
function differenceOf({ data: base }: LiveRecord, { data: next }: LiveRecord): SessionChange {
    const set = new Map<string, string>();
    for (const [key, value] of Object.entries(next)) {
        const json = JSON.stringify(value);
        if (json !== JSON.stringify(base[key])) {
            set.set(key, json);
        }
    }
    const removed = new Set(Object.keys(base).filter((key) => !Object.hasOwn(next, key)));
    return { set, removed, added: new Map() };
}
