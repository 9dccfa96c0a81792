import type { MaybePromise } from '../../Support/MaybePromise.js';
import { inflateCookie } from '../Cookie/inflateCookie.js';
import type { StoredCookie } from '../Record/CookieSettings.js';
import { asPatch, NO_CHANGE, type SessionChange } from '../Record/mergeChanges.js';
import type { LiveRecord } from '../Record/SessionRecord.js';
import type { HttpSession } from './HttpSession.js';
import { type Reading, readSession, type SessionLimits, type Snapshot, snapshotOf } from './SessionChanges.js';

const NO_INCREMENTS: ReadonlyMap<string, number> = new Map();

/** What a route has changed in its session object since that was loaded, or last stored. */
export class ChangeTracker {
    /** The session as it was loaded or last stored; undefined: nothing is stored. */
    private baseline: Snapshot | undefined;
    /** Whether the session object has all keys of what is stored. False once changes of others were merged into that. */
    private isWhole = true;
    /** What increment() has added, by key. */
    private increments: Map<string, number> | undefined;

    public constructor(private readonly limits: SessionLimits) {}

    /** A session object was made, of a record or of nothing: changes count from here. */
    public begin(baseline: Snapshot | undefined): void {
        this.baseline = baseline;
        this.isWhole = true;
        this.increments = undefined;
    }

    /** What has changed. Throws where it can't be stored. */
    public read(session: HttpSession): Reading {
        return readSession(session, this.baseline, this.increments ?? NO_INCREMENTS, this.limits);
    }

    public increment(session: HttpSession, key: string, by: number): number {
        const value = session[key] ?? 0;
        if (typeof value !== 'number') {
            throw new TypeError(`increment: request.session.${key} is not a number.`);
        }
        session[key] = value + by;
        this.count(key, by);
        return value + by;
    }

    /** Brings a session object to what a newer record says, and applies what the route has changed before. */
    public rebase(session: HttpSession, record: LiveRecord, stored: StoredCookie, change: SessionChange): void {
        const { set, removed, added, cookie } = change;
        if (!cookie) {
            session.cookie = inflateCookie(stored) as HttpSession['cookie'];
        }
        const data = record.copy(); // the record's own is never given to a route
        for (const key of Object.keys(session)) {
            if (key !== 'cookie' && !set.has(key)) {
                delete session[key];
            }
        }
        for (const [key, value] of Object.entries(data)) {
            if (!set.has(key) && !removed.has(key)) {
                session[key] = value;
            }
        }
        for (const [key, by] of added) {
            session[key] = Number(data[key] ?? 0) + by;
        }
        this.baseline = snapshotOf(record, stored);
        this.isWhole = true;
    }

    /** Somebody else may have written: what is stored from now on is only what this request has changed. */
    public othersWrote(): void {
        this.isWhole = false;
    }

    /**
     * Stores a reading. What the route changes meanwhile counts from there; where nothing was stored, all of it still counts.
     * @param store Gives the record that was stored, or undefined: the session has ended.
     */
    public store<Stored extends { readonly record: LiveRecord } | undefined>(
        { change = NO_CHANGE, snapshot }: Reading,
        store: (change: SessionChange) => MaybePromise<Stored>,
    ): MaybePromise<Stored> {
        const { baseline, increments } = this;
        const undo = (): void => {
            this.baseline = baseline;
            for (const [key, by] of increments ?? NO_INCREMENTS) {
                this.count(key, by);
            }
        };
        const settle = (stored: Stored): Stored => {
            if (stored) {
                this.isWhole = stored.record.body === snapshot.body;
            } else {
                undo(); // a login that goes on with another session takes the change along
            }
            return stored;
        };
        const fail = (error: unknown): never => {
            undo();
            throw error;
        };
        const storing = store(this.isWhole || change === NO_CHANGE ? change : asPatch(change));
        this.baseline = snapshot;
        this.increments = undefined;
        return storing instanceof Promise ? storing.then(settle, fail) : settle(storing);
    }

    private count(key: string, by: number): void {
        this.increments ??= new Map();
        this.increments.set(key, (this.increments.get(key) ?? 0) + by);
    }
}
