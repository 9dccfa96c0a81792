import { after } from './after.js';
import type { HttpSession } from './HttpSession.js';
import { NO_CHANGE, piecewise, type SessionChange } from './mergeChanges.js';
import { type Reading, readSession, type Snapshot, snapshotOf } from './SessionChanges.js';
import type { Lease, MaybePromise } from './SessionDriver.js';
import type { SessionLayer } from './SessionLayer.js';
import type { EndReason, LiveRecord, Login } from './SessionRecord.js';
import type { LoadedSession, LoadResult } from './SessionRepository.js';
import { keyOf } from './storageKeys.js';

/** An id that ended this recently may come with a late request: it gets a session that replaces nothing. */
const LATE_REQUEST_MS = 30_000;

/**
 * What one request knows of its session in the store: what was loaded, what the route has changed since, and how that
 * gets back. `RequestSession` decides when.
 */
export class SessionState {
    /** What is stored under `id`; undefined for a session that is not stored yet. */
    public loaded: LoadedSession | undefined;
    /** The session ended moments ago, or meanwhile: nothing of this request is stored or sent. */
    public late = false;
    /** How the session of the cookie's id ended, where it did. */
    public endReason: EndReason | undefined;
    /** The session as it was loaded or last saved. */
    private baseline: Snapshot | undefined;
    /** Whether the session object has all keys of what is stored, as long as nobody else writes. */
    private isWhole = true;
    /** What this request holds while it runs alone. */
    public turn: Lease | undefined;
    private readonly increments = new Map<string, number>();

    public constructor(
        private readonly layer: SessionLayer,
        private ownId: string,
        /** Made of the id when it is first asked for. */
        private ownKey: string | undefined,
    ) {}

    /** The session's id: the cookie's at first, a new one after `regenerate`, `migrate` or `login`. */
    public get id(): string {
        return this.ownId;
    }

    public set id(id: string) {
        this.ownId = id;
        this.ownKey = undefined;
    }

    /** The name under which the session is stored. */
    public get key(): string {
        this.ownKey ??= keyOf(this.ownId);
        return this.ownKey;
    }

    /** Takes what was found under the cookie's id. */
    public accept(found: LoadResult): void {
        if (found.kind === 'live') {
            this.loaded = found;
        } else if (found.kind === 'ended') {
            const { at, reason } = found;
            this.endReason = reason;
            const ago = Date.now() - at;
            this.late = ago >= 0 && ago < LATE_REQUEST_MS && reason !== 'idle' && reason !== 'absolute';
        }
    }

    /** Makes sure that what was loaded can be looked into; a damaged record is as good as none. */
    public open(): void {
        if (this.loaded) {
            this.adopt(this.loaded);
        }
    }

    /** Reads the session from the store again. False: it is not there any more. */
    public async reload(): Promise<boolean> {
        return this.adopt(await this.layer.repository.load(this.key));
    }

    /** From now on there is nothing stored that belongs to this request. */
    public forget(): void {
        this.loaded = undefined;
        this.late = false;
    }

    /** A session object was made of what is loaded, or of nothing: changes count from here. */
    public track(): void {
        this.baseline = this.loaded && snapshotOf(this.loaded.record);
        this.isWhole = true;
        this.increments.clear();
    }

    public increment(session: HttpSession, key: string, by: number): number {
        const value = session[key] ?? 0;
        if (typeof value !== 'number') {
            throw new TypeError(`increment: request.session.${key} is not a number.`);
        }
        session[key] = value + by;
        this.increments.set(key, (this.increments.get(key) ?? 0) + by);
        return value + by;
    }

    /** What the route has changed. Throws where it can't be stored. */
    public read(session: HttpSession): Reading {
        return readSession(session, this.baseline, this.increments, this.layer.limits);
    }

    /** Applies a change, made before a reload, to what was reloaded, in the same session object. */
    public reapply(session: HttpSession, { set, removed, added }: SessionChange): void {
        const { record } = this.loaded as LoadedSession;
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
        this.baseline = snapshotOf(record);
        this.isWhole = true;
    }

    /** False: it was revoked before it was stored. */
    public create({ change = NO_CHANGE, snapshot }: Reading, login?: Login): MaybePromise<boolean> {
        return this.write(snapshot, () => this.layer.repository.create(this.key, snapshot.cookie, change, login));
    }

    /** False: the session has ended meanwhile, and nothing was stored. */
    public save(loaded: LoadedSession, { change = NO_CHANGE, snapshot }: Reading): MaybePromise<boolean> {
        return this.write(snapshot, () => this.layer.repository.save(this.key, loaded, this.own(change), this.turn));
    }

    /** Moves the session to a new id. False: it has ended meanwhile, and nothing was moved. */
    public migrate(
        loaded: LoadedSession,
        newId: string,
        { change = NO_CHANGE, snapshot }: Reading,
        login?: Login,
    ): MaybePromise<boolean> {
        const { repository } = this.layer;
        return this.write(snapshot, () =>
            repository.migrate(this.key, keyOf(newId), loaded, this.own(change), login, this.turn),
        );
    }

    /** Writes down that the session is in use. False: it has ended meanwhile. */
    public touch(loaded: LoadedSession): MaybePromise<boolean> {
        return after(this.layer.repository.touch(this.key, loaded), (touched) => {
            this.loaded = touched ?? loaded;
            this.late = !touched;
            this.isWhole = false;
            return touched !== undefined;
        });
    }

    public get record(): LiveRecord | undefined {
        return this.loaded?.record;
    }

    private adopt(found: LoadResult): boolean {
        const opened = this.layer.repository.open(this.key, found);
        this.loaded = opened.kind === 'live' ? opened : undefined;
        return this.loaded !== undefined;
    }

    /** Once others' changes were merged into what is stored, this request's own view is not the whole any more. */
    private own(change: SessionChange): SessionChange {
        return this.isWhole || change === NO_CHANGE ? change : piecewise(change);
    }

    /** Stores the session as it was read. What the route changes meanwhile counts from there. */
    private write(snapshot: Snapshot, store: () => MaybePromise<LoadedSession | undefined>): MaybePromise<boolean> {
        const { baseline } = this;
        const counted = [...this.increments];
        const undo = (error: unknown): never => {
            this.baseline = baseline;
            for (const [key, by] of counted) {
                this.increments.set(key, (this.increments.get(key) ?? 0) + by);
            }
            throw error;
        };
        try {
            const stored = store(); // takes what it needs before it returns
            this.baseline = snapshot;
            this.increments.clear();
            return stored instanceof Promise
                ? stored.then((result) => this.written(result, snapshot), undo)
                : this.written(stored, snapshot);
        } catch (error) {
            this.increments.clear();
            return undo(error);
        }
    }

    private written(stored: LoadedSession | undefined, snapshot: Snapshot): boolean {
        if (!stored) {
            this.late = true;
            return false;
        }
        this.loaded = stored;
        this.isWhole = stored.record.body === snapshot.body;
        return true;
    }
}
