import type { SessionDriver, StoredRecord } from '../Drivers/SessionDriver.js';
import { DamagedRecordError } from '../Record/DamagedRecordError.js';
import { merged, type SessionChange } from '../Record/mergeChanges.js';
import type { SessionLifetime } from '../Record/SessionLifetime.js';
import {
    type LiveRecord,
    liveRecord,
    type ParsedRecord,
    parseRecord,
    type UserRecord,
    userRecord,
} from '../Record/SessionRecord.js';
import { isUserKey } from '../Record/storageKeys.js';
import { dropOf } from '../Repository/SessionRepository.js';
import { LIST_KEPT_MS } from '../Repository/UserSessions.js';

/**
 * What became of a record of the old driver. `moved`: it is in the new one now, and in the old one no more. `taken`: the
 * new one has something under this id already, which counts. `over`: the session has ended or expired, and stays.
 */
export type MoveResult =
    | { readonly kind: 'moved' | 'over'; readonly stored: StoredRecord }
    | { readonly kind: 'none' | 'taken' | 'damaged' };

type Found = { readonly stored: StoredRecord; readonly record: ParsedRecord };

export interface SessionMoverOptions {
    readonly from: SessionDriver;
    readonly to: SessionDriver;
    readonly lifetime: SessionLifetime;
    warn(message: string, context: Record<string, unknown>): void;
}

/** The version of a record that is not in the new driver: no write or removal there is meant by it. */
const NOWHERE = Symbol('in the old driver');
/** Each try that fails was overtaken by another process. */
const TRIES = 100;

/**
 * Moves sessions from one driver to another while they are in use. A session is written where nothing stands, and then
 * taken from its old place; what a process that still knows the old place alone writes or ends meanwhile is carried after.
 */
export class DriverTransfer {
    public constructor(private readonly options: SessionMoverOptions) {}

    /** Moves what the old driver holds under an id: a session that lives, or a user's list of sessions. */
    public async move(id: string): Promise<MoveResult> {
        const found = await this.find(id);
        if (!found || found === 'damaged') {
            return { kind: found ?? 'none' };
        }
        if (found.record.kind === 'user') {
            return this.moveList(id, found.stored, found.record);
        }
        if (found.record.kind === 'ended' || this.isOver(found.record)) {
            return { kind: 'over', stored: { record: found.stored.record, version: NOWHERE } };
        }
        const { record } = found.stored;
        const version = await this.options.to.write(id, record, undefined, dropOf(this.options.lifetime, found.record));
        return version === undefined
            ? { kind: 'taken' }
            : this.leave(id, { stored: found.stored, record: found.record }, { record, version });
    }

    /** Removes what the old driver holds under an id, whatever it is: it must not come back. */
    public async purge(id: string): Promise<boolean> {
        const { from } = this.options;
        for (let tries = 0; tries < TRIES; tries += 1) {
            try {
                const stored = await from.read(id);
                if (!stored) {
                    return tries > 0;
                }
                if (await from.remove(id, stored.version)) {
                    return true;
                }
            } catch (error) {
                if (!(error instanceof DamagedRecordError)) {
                    throw error;
                }
                await from.setAside(id);
            }
        }
        throw new Error('Other processes kept writing a session that ends, in the driver that it moved from.');
    }

    /** What the old driver holds, parsed; `damaged` once it is out of the way. */
    private async find(id: string): Promise<Found | 'damaged' | undefined> {
        const { from, warn } = this.options;
        try {
            const stored = await from.read(id);
            return stored && { stored, record: parsed(stored.record) };
        } catch (error) {
            if (!(error instanceof DamagedRecordError)) {
                throw error;
            }
            if (await from.setAside(id)) {
                const what = isUserKey(id) ? "A user's list of sessions" : 'A session';
                warn(`${what} that was to be moved is damaged, and was set aside in its old driver.`, {
                    reason: error.message,
                });
            }
            return 'damaged';
        }
    }

    private isOver(record: LiveRecord): boolean {
        return !this.options.lifetime.lives(record);
    }

    /** Takes a session from its old place. One that a process changed or ended there meanwhile is the same in its new place. */
    private async leave(
        id: string,
        left: { stored: StoredRecord; record: LiveRecord },
        moved: StoredRecord,
    ): Promise<MoveResult> {
        const { from } = this.options;
        let [base, copy] = [left, moved];
        for (let tries = 0; tries < TRIES; tries += 1) {
            if (await from.remove(id, base.stored.version)) {
                return { kind: 'moved', stored: copy };
            }
            const found = await this.find(id);
            if (!found || found === 'damaged') {
                return { kind: 'moved', stored: copy };
            }
            if (found.record.kind === 'ended') {
                return this.end(id, found.stored, found.record.at);
            }
            if (found.record.kind === 'user') {
                return { kind: 'none' };
            }
            const next = await this.carry(id, base.record, found.record, copy);
            if (!next) {
                return { kind: 'taken' }; // it has ended in its new place
            }
            copy = next;
            base = { stored: found.stored, record: found.record };
        }
        throw new Error('Other processes kept writing a session that moves to another driver: end them first.');
    }

    /** Applies what changed in the old place since `base` to what is in the new place. */
    private async carry(
        id: string,
        base: LiveRecord,
        theirs: LiveRecord,
        copy: StoredRecord,
    ): Promise<StoredRecord | undefined> {
        const { to, lifetime } = this.options;
        const change = differenceOf(base, theirs);
        let stored: StoredRecord | undefined = copy;
        for (let tries = 0; stored && tries < TRIES; tries += 1) {
            const mine = parsed(stored.record);
            if (mine.kind !== 'live') {
                return undefined;
            }
            const next = {
                ...timesOf(mine),
                own: theirs.own,
                seen: Math.max(mine.seen, theirs.seen),
                login: theirs.login ?? mine.login,
            };
            const record = liveRecord(next, theirs.cookie, merged(mine, change));
            const version = await to.write(id, record, stored.version, dropOf(lifetime, parsed(record) as LiveRecord));
            if (version !== undefined) {
                return { record, version };
            }
            stored = await to.read(id);
        }
        return undefined;
    }

    /** A session that ended in its old place while it moved ends in its new one. */
    private async end(id: string, note: StoredRecord, at: number): Promise<MoveResult> {
        const { to } = this.options;
        for (let tries = 0; tries < TRIES; tries += 1) {
            const stored = await to.read(id);
            const version = await to.write(id, note.record, stored?.version, dropOf(this.options.lifetime, at));
            if (version !== undefined) {
                return { kind: 'over', stored: { record: note.record, version } };
            }
        }
        throw new Error('Other processes kept writing a session that ended while it moved.');
    }

    /** A user may have logged in again since: the sessions of both lists are that user's. */
    private async moveList(id: string, left: StoredRecord, list: UserRecord): Promise<MoveResult> {
        const { from, to } = this.options;
        for (let tries = 0; tries < TRIES; tries += 1) {
            const there = await to.read(id);
            const known = there ? listIn(there.record) : { seen: 0, sessions: new Map() };
            if (!known) {
                return { kind: 'taken' }; // whoever needs the list mends it, from all sessions
            }
            const sessions = new Map([...list.sessions, ...known.sessions]);
            const text = userRecord(Math.max(list.seen, known.seen), sessions);
            const version = await to.write(id, text, there?.version, Date.now() + LIST_KEPT_MS);
            if (version !== undefined) {
                return (await from.remove(id, left.version))
                    ? { kind: 'moved', stored: { record: text, version } }
                    : this.move(id);
            }
        }
        throw new Error("Other processes kept writing a user's list of sessions.");
    }
}

function parsed(text: string): ParsedRecord {
    const record = parseRecord(text, Date.now());
    if (record.kind === 'live') {
        void (record.cookie && record.data); // parsed now: damaged data must not move
    }
    return record;
}

/** Undefined for a damaged one. */
function listIn(text: string): Pick<UserRecord, 'seen' | 'sessions'> | undefined {
    try {
        const record = parsed(text);
        return record.kind === 'user' ? record : undefined;
    } catch {
        return undefined;
    }
}

function timesOf({ created, seen }: LiveRecord): Pick<LiveRecord, 'created' | 'seen'> {
    return { created, seen };
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
