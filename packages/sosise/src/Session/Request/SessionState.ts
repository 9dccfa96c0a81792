import type { Secret } from '../../Config/secrets.js';
import { andThen } from '../../Support/andThen.js';
import type { MaybePromise } from '../../Support/MaybePromise.js';
import { inflateCookie } from '../Cookie/inflateCookie.js';
import type { HeldLock } from '../Drivers/HeldLock.js';
import type { HttpSession } from '../Object/HttpSession.js';
import { type Reading, readSession, type Snapshot, snapshotOf } from '../Object/SessionChanges.js';
import { asPatch, NO_CHANGE, type SessionChange } from '../Record/mergeChanges.js';
import { CLOCKS_DIFFER_MS, type EndReason, type LiveRecord, type Login } from '../Record/SessionRecord.js';
import { keyOf } from '../Record/storageKeys.js';
import { hasMoved, type LoadedSession, type LoadResult } from '../Repository/SessionRepository.js';
import { sealSuccessorId } from '../Repository/sealedSuccessorId.js';
import type { SessionServices } from './SessionServices.js';

/** An id that got a newer one this recently may come with a late request: it gets a session that replaces nothing. */
const LATE_REQUEST_MS = 30_000;

/**
 * What one request knows of its session in the store: what was loaded, what the route has changed since, and how that
 * gets back. `RequestSession` decides when.
 */
export class SessionState {
    /** What is stored under `id`; undefined for a session that is not stored yet. */
    public loaded: LoadedSession | undefined;
    /** The session has a newer id since moments ago, or ended meanwhile: nothing of this request is stored or sent. */
    public endedMeanwhile = false;
    /** The id that the store knows the session by, or knew it by before it ended: the cookie's at first. */
    public storedId: string;
    /** How the session of the cookie's id ended, where it did. */
    public endReason: EndReason | undefined;
    /** The session as it was loaded or last saved. */
    private baseline: Snapshot | undefined;
    /** Whether the session object has all keys of what is stored, as long as nobody else writes. */
    private isWhole = true;
    /** What this request holds while it runs alone. */
    public lock: HeldLock | undefined;
    private readonly increments = new Map<string, number>();

    public constructor(
        private readonly services: SessionServices,
        private ownId: string,
        /** Made of the id when it is first asked for. */
        private ownKey: string | undefined,
    ) {
        this.storedId = ownId;
    }

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
            this.endReason = found.reason;
            const ago = Date.now() - found.at; // negative where the clock of the process that ended it is ahead
            this.endedMeanwhile = hasMoved(found) && ago > -CLOCKS_DIFFER_MS && ago < LATE_REQUEST_MS;
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
        const wasStored = this.loaded !== undefined;
        const isThere = this.adopt(await this.services.repository.load(this.key));
        this.endedMeanwhile = !isThere && (wasStored || this.endedMeanwhile);
        return isThere;
    }

    /** Whether the session still lives under its id. */
    public async isAlive(): Promise<boolean> {
        this.endedMeanwhile = (await this.services.repository.load(this.key)).kind !== 'live';
        return !this.endedMeanwhile;
    }

    /** Goes on with another stored session than the cookie's; what this request has changed is applied to it. */
    public join(id: string, found: LoadedSession, session: HttpSession): void {
        const { change = NO_CHANGE } = this.read(session);
        this.id = id;
        this.storedId = id;
        this.loaded = found;
        this.endedMeanwhile = false;
        this.reapply(session, change);
    }

    /** From now on there is nothing stored that belongs to this request. */
    public forget(): void {
        this.loaded = undefined;
        this.endedMeanwhile = false;
    }

    /** A session object was made of what is loaded, or of nothing: changes count from here. */
    public track(): void {
        const { loaded } = this;
        this.baseline = loaded && snapshotOf(loaded.record, this.services.repository.cookieOf(loaded.record));
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
        return readSession(session, this.baseline, this.increments, this.services.limits);
    }

    /** Applies a change, made before a reload, to what was reloaded, in the same session object. */
    public reapply(session: HttpSession, { set, removed, added, cookie }: SessionChange): void {
        const { record } = this.loaded as LoadedSession;
        const stored = this.services.repository.cookieOf(record);
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

    /** False: it was revoked before it was stored. */
    public create({ change = NO_CHANGE, snapshot }: Reading, login?: Login): MaybePromise<boolean> {
        this.storedId = this.id;
        return this.write(snapshot, () => this.services.repository.create(this.key, snapshot.cookie, change, login));
    }

    /** False: the session has ended meanwhile, and nothing was stored. */
    public save(
        loaded: LoadedSession,
        { change = NO_CHANGE, snapshot }: Reading,
        renewsCookie: boolean,
    ): MaybePromise<boolean> {
        const options = { lock: this.lock, renewsCookie };
        return this.write(snapshot, () => this.services.repository.save(this.key, loaded, this.own(change), options));
    }

    /** Moves the session to a new id. False: it has ended meanwhile, and nothing was moved. */
    public migrate(
        loaded: LoadedSession,
        newId: string,
        { change = NO_CHANGE, snapshot }: Reading,
        login?: Login,
    ): MaybePromise<boolean> {
        const { repository } = this.services;
        const options = { login, sealedId: login && this.sealed(newId), lock: this.lock };
        return andThen(
            this.write(snapshot, () => repository.migrate(this.key, keyOf(newId), loaded, this.own(change), options)),
            (isStored) => {
                if (isStored) {
                    this.id = newId;
                    this.storedId = newId;
                }
                return isStored;
            },
        );
    }

    /** The id that takes this one's place, for the tombstone. */
    public sealed(id: string): string {
        return sealSuccessorId(id, this.storedId, this.services.settings.secrets[0] as Secret);
    }

    /** Writes down that the session is in use. False: it has ended meanwhile. */
    public touch(loaded: LoadedSession, renewsCookie: boolean): MaybePromise<boolean> {
        return andThen(this.services.repository.touch(this.key, loaded, { renewsCookie }), (touched) => {
            this.loaded = touched ?? loaded;
            this.endedMeanwhile = !touched;
            this.isWhole = false;
            return touched !== undefined;
        });
    }

    public get record(): LiveRecord | undefined {
        return this.loaded?.record;
    }

    private adopt(found: LoadResult): boolean {
        const opened = this.services.repository.open(this.key, found);
        this.loaded = opened.kind === 'live' ? opened : undefined;
        return this.loaded !== undefined;
    }

    /** Once others' changes were merged into what is stored, this request's own view is not the whole any more. */
    private own(change: SessionChange): SessionChange {
        return this.isWhole || change === NO_CHANGE ? change : asPatch(change);
    }

    /** Stores the session as it was read. What the route changes meanwhile counts from there. */
    private write(snapshot: Snapshot, store: () => MaybePromise<LoadedSession | undefined>): MaybePromise<boolean> {
        const { baseline } = this;
        const counted = [...this.increments];
        const undo = (): void => {
            this.baseline = baseline;
            for (const [key, by] of counted) {
                this.increments.set(key, (this.increments.get(key) ?? 0) + by);
            }
        };
        const failed = (error: unknown): never => {
            undo();
            throw error;
        };
        const settled = (result: LoadedSession | undefined): boolean => {
            if (!result) {
                undo(); // a login that goes on with another session takes the change along
            }
            return this.written(result, snapshot);
        };
        try {
            const stored = store(); // takes what it needs before it returns
            this.baseline = snapshot;
            this.increments.clear();
            if (!(stored instanceof Promise)) {
                return settled(stored);
            }
            this.lock?.storesUntil(stored);
            return stored.then(settled, failed);
        } catch (error) {
            this.increments.clear();
            return failed(error);
        }
    }

    private written(stored: LoadedSession | undefined, snapshot: Snapshot): boolean {
        if (!stored) {
            this.endedMeanwhile = true;
            return false;
        }
        this.loaded = stored;
        this.isWhole = stored.record.body === snapshot.body;
        return true;
    }
}
