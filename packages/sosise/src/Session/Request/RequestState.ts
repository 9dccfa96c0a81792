import type { NextFunction, Request, Response } from 'express';
import { isNavigation } from '../../Http/isNavigation.js';
import type { CookieId } from '../Cookie/CookieId.js';
import type { HeldLock } from '../Drivers/HeldLock.js';
import type { EventOrigin, NoCookieReason } from '../Events/sessionEvent.js';
import type { Refusal } from '../Forgery/RequestForgery.js';
import type { ActionFailures } from '../Object/ActionFailures.js';
import { ChangeTracker, type Reading } from '../Object/ChangeTracker.js';
import { HttpSession, inflateCookie, type SessionOwner } from '../Object/HttpSession.js';
import { SessionFlash } from '../Object/SessionFlash.js';
import { NO_CHANGE } from '../Record/SessionChange.js';
import { CLOCKS_DIFFER_MS, type EndReason, type LiveRecord, type Login } from '../Record/SessionRecord.js';
import { keyOf, type RecordKey, type SessionId } from '../Record/storageKeys.js';
import { hasMoved, type LoadedSession, type LoadResult } from '../Repository/LoadedSession.js';
import { SessionUnavailableException, UnstorableSessionError } from '../Repository/SessionErrors.js';
import type { SessionServices } from './SessionServices.js';

/**
 * What a request's session is.
 * - `none`: nothing is stored for the request's cookie, and no route has looked.
 * - `new`: a session object was made for which nothing is stored yet.
 * - `live`: it is stored.
 * - `endedElsewhere`: another request has ended it (`logout()`: as `destroyed`), or given it a new id, and this one has found out,
 *   mostly when it stores. Until then the route goes on with the data it has; a request that stores nothing never finds out.
 *   - What it has changed is dropped, and an answer below 400 becomes a 409 (`refuseLoss()`); a stream that has begun is cut off.
 *   - If it only reads, it gets its answer, without a cookie.
 *   - `login()` fails (401) if the session was destroyed, revoked or replaced; else it joins the one that its user has now, or
 *     begins another.
 *   - A session that had ended before the request came is `none`; but one that got a new id less than 30 s before is this: the
 *     route sees an empty session, never stored.
 * - `endedHere`: this request has ended it.
 */
export type SessionStage = 'none' | 'new' | 'live' | 'endedElsewhere' | 'endedHere';

/** So long after a session got a new id, browsers may still send requests with the old one. */
const MOVED_LATELY_MS = 30_000;

/** What one request knows of its session: the stage it is in, what is stored of it, and the object that the route sees. */
export abstract class RequestState implements SessionOwner, EventOrigin {
    public stage: SessionStage = 'none';
    /** What is stored, as far as this request knows; of one that ended elsewhere, what was. */
    public loaded: LoadedSession | undefined;
    /** `request.session`, once a route has looked at it. */
    public object: HttpSession | undefined;
    /** What the route sees: the object, unless it has put something else in its place. */
    public given: unknown;
    public readonly changes: ChangeTracker;
    /** The id that the store knows the session by, or knew it by before it ended. */
    public storedId: SessionId;
    /** How the session of the cookie ended, where it did. */
    public endReason: EndReason | undefined;
    /** Why the store could not be read. */
    public loadFailure: unknown;
    /** What the route asked for and has failed, where something has. */
    public failures: ActionFailures | undefined;
    /** Changes were lost, as the session ended meanwhile. */
    public hasLostChanges = false;
    /** What the route asked for, and is still under way. */
    public pending: Promise<unknown> | undefined;
    /** What this request holds while it runs exclusively. */
    public lock: HeldLock | undefined;
    /** The route has looked at the session: its answer belongs to this visitor. */
    public wasRead = false;
    /** To be stored and sent even when it stays empty: it was regenerated, or a token was made for it. */
    public mustStore = false;
    /** Activity has to be written down, or the browser needs a cookie with today's name. */
    public isTouchDue = false;
    /** Whether the answer, if it is a page, takes what was flashed before. */
    public mayTakeFlash = false;
    /** The answer gives the browser the session's cookie. */
    public isCookieDue = false;
    /** The browser has the cookie of a session that this request has ended. */
    public isClearDue = false;
    /** Why the browser is not given the cookie that it needs. */
    public missedCookie: NoCookieReason | undefined;
    /** Why the answer had to fail, where the session could not be stored. */
    public answerFailure: unknown;
    /** login(): whose session it is about to be. */
    public loggingIn: string | undefined;
    /** login(): the browser is asked to bind the session to its device. */
    public offersBinding = false;
    /** logout(): the browser is asked to drop what it keeps of the site. */
    public clearsSiteData = false;
    /** Whether the request came over https. Taken when it arrives: mounted applications may change whom Express believes. */
    public readonly isSecure: boolean;
    /** The client's address, where the config or an event asks for it. Taken when the request arrives, too. */
    public readonly address: string | undefined;
    /** The cookie's at first, a new one after `regenerate`, `migrate` or `login`. */
    private currentId: SessionId;
    private currentKey: RecordKey | undefined;
    private ownFlash: SessionFlash | undefined;
    /** The session stage is done: the answer can be the route's from now on. */
    protected isReady = false;
    private isFailureTold = false;

    public constructor(
        public readonly services: SessionServices,
        public readonly request: Request,
        public readonly response: Response,
        public readonly next: NextFunction,
        /** What the request's cookie says, if it is verified. */
        public readonly cookie: CookieId | undefined,
        /** Why the request is another site's, where it is. */
        public readonly refusal: Refusal | undefined,
    ) {
        this.currentId = cookie?.id ?? '';
        this.currentKey = cookie?.key;
        this.storedId = this.currentId;
        this.changes = new ChangeTracker(services.limits);
        this.isSecure = services.cookie.isSecure(request);
        this.address = services.settings.registry.address || services.events.isHeard ? request.ip : undefined;
    }

    /** What a session object's methods do. */
    public abstract readonly actions: SessionOwner['actions'];

    /** Gives the request its `session`, as a property of its own. */
    protected abstract present(): void;

    /** From now on the answer waits for the session. */
    protected abstract guardAnswer(): void;

    public get id(): SessionId {
        return this.currentId;
    }

    public set id(id: SessionId) {
        this.currentId = id;
        this.currentKey = undefined;
    }

    /** The name under which the session is stored. */
    public get key(): RecordKey {
        this.currentKey ??= keyOf(this.currentId);
        return this.currentKey;
    }

    /** The same, or that which it had when it ended: the object that the route sees then has an id of its own. */
    public get storedKey(): RecordKey {
        const hasEnded = this.stage === 'endedElsewhere' || this.stage === 'endedHere';
        return hasEnded && this.storedId !== '' ? keyOf(this.storedId) : this.key;
    }

    public get record(): LiveRecord | undefined {
        return this.loaded?.record;
    }

    /** Whose session it is, since `login()`. */
    public get owner(): Login | undefined {
        return this.stage === 'endedHere' ? undefined : this.loaded?.record.login;
    }

    /** What was flashed before this request, and by it. */
    public get flash(): SessionFlash {
        this.ownFlash ??= new SessionFlash();
        return this.ownFlash;
    }

    /** Finds what is stored under the cookie's id, and goes on. Memory answers at once, and then nothing here waits either. */
    public load({ id, key }: CookieId): void {
        const fail = (error: unknown): void => {
            this.loadFailure = error; // only a route that looks at the session fails
        };
        try {
            const found = this.services.repository.find(id, key);
            if (found instanceof Promise) {
                found.then((result) => this.accept(result), fail).then(() => this.begin());
                return;
            }
            this.accept(found);
        } catch (error) {
            fail(error);
        }
        this.begin();
    }

    private accept(found: LoadResult): void {
        if (found.kind === 'live') {
            this.hold(found);
        } else if (found.kind === 'ended') {
            this.endReason = found.reason;
            const ago = Date.now() - found.at; // negative where the clock of the process that ended it is ahead
            if (hasMoved(found) && ago > -CLOCKS_DIFFER_MS && ago < MOVED_LATELY_MS) {
                this.stage = 'endedElsewhere';
            }
        }
        this.services.events.loaded?.emit(
            { key: this.key, user: this.owner?.user, outcome: found.kind, reason: this.endReason },
            this,
        );
    }

    private hold(found: LoadedSession): void {
        const { record } = found;
        this.stage = 'live';
        this.loaded = found;
        const { touchAt } = record.life ?? this.services.repository.lifetime.lifeOf(record);
        this.isTouchDue = this.cookie?.isRenamed === true || Date.now() >= touchAt;
        this.mayTakeFlash = record.mayHoldFlash && isNavigation(this.request);
    }

    /** The session stage is done. */
    public begin(): void {
        this.isReady = true;
        try {
            this.prepare();
        } catch (error) {
            this.next(error);
            return;
        }
        this.next();
    }

    /** The answer waits where it may need something even if the route never looks at the session. */
    private prepare(): void {
        const { rolling, resave, saveUninitialized, unset } = this.services.settings;
        if (this.loadFailure !== undefined) {
            return;
        }
        if (rolling || resave || saveUninitialized) {
            this.open();
            this.wasRead = false;
        } else if (this.stage === 'live' && (this.isTouchDue || this.mayTakeFlash || unset === 'destroy')) {
            this.guardAnswer();
        }
    }

    /**
     * Makes `request.session`, from what is stored or a new one. Where the store can't be read, a route gets an exception, which
     * becomes the answer; who looks after that sees none.
     */
    public open(): void {
        if (this.object) {
            this.wasRead = true;
            return;
        }
        if (this.loadFailure !== undefined) {
            if (this.isFailureTold || this.response.headersSent) {
                return;
            }
            this.isFailureTold = true;
            throw this.loadFailure;
        }
        if (!this.isReady) {
            throw new SessionUnavailableException('loaded', new Error('The session store has not answered yet.'));
        }
        this.wasRead = true;
        if (!this.loaded || !this.adopt(this.loaded)) {
            this.stage = this.stage === 'endedElsewhere' ? 'endedElsewhere' : 'new';
            this.makeEmpty(this.services.newId(this.request));
        }
        this.guardAnswer();
    }

    /** Makes the object of what was found. False: it is not live, or its data is damaged, which is as good as none. */
    public adopt(found: LoadResult): boolean {
        const { repository } = this.services;
        const opened = repository.open(this.key, found);
        if (opened.kind !== 'live') {
            this.loaded = undefined;
            return false;
        }
        if (opened !== this.loaded) {
            this.hold(opened);
        }
        const { record } = opened;
        const data = record.copy();
        const cookie = repository.cookieOf(record);
        const object = new HttpSession(this);
        object.cookie = inflateCookie(cookie) as HttpSession['cookie'];
        for (const key of Object.keys(data)) {
            object[key] = data[key];
        }
        this.changes.begin(record, cookie);
        this.show(object);
        return true;
    }

    /** Goes on with what is stored now, in the same object; what this request has changed is applied to it. */
    public rebase(found: LoadedSession): void {
        const { object } = this;
        if (!object) {
            this.hold(found);
            return;
        }
        const { change = NO_CHANGE } = this.read(object);
        this.hold(found);
        this.changes.rebase(object, found.record, this.services.repository.cookieOf(found.record), change);
        this.services.observer?.opened(this.request, object);
    }

    /** A new, empty session takes the place of what was there, which has nothing to do with it. */
    public replaceByNew(id: SessionId): void {
        this.open();
        this.forget();
        this.makeEmpty(id);
    }

    /** From now on there is nothing stored that belongs to this request: it is a new session, which is stored even when empty. */
    public forget(): void {
        this.stage = 'new';
        this.loaded = undefined;
        this.mustStore = true;
    }

    private makeEmpty(id: SessionId): void {
        this.id = id;
        const object = new HttpSession(this);
        object.cookie = this.services.newCookie(this.isSecure);
        const defaults = this.services.repository.options.schema?.defaults();
        Object.assign(object, defaults);
        this.changes.beginNew(defaults);
        this.show(object);
    }

    private show(object: HttpSession): void {
        if (this.object) {
            this.present(); // the route may have deleted the one before, and put something in its place
        }
        this.object = object;
        this.given = object;
        this.services.observer?.opened(this.request, object);
    }

    /** Whether `request.session` was taken away: a route can delete it, or set it to null. */
    public get isTakenAway(): boolean {
        return !Object.hasOwn(this.request, 'session') || (this.object !== undefined && this.given == null);
    }

    /** The same. Throws where another object stands in its place. */
    public isUnset(): boolean {
        if (this.object && this.given !== this.object && !this.isTakenAway) {
            throw new UnstorableSessionError(
                'request.session was replaced by another object: set its keys instead, or set it to null to unset it.',
            );
        }
        return this.isTakenAway;
    }

    /** What the route has changed. Throws where it can't be stored. */
    public read(object: HttpSession): Reading {
        const { observer } = this.services;
        return observer
            ? observer.reading(this.request, this.record, () => this.changes.read(object))
            : this.changes.read(object);
    }
}
