import type { NextFunction, Request, Response } from 'express';
import type { Secret } from '../../Config/secrets.js';
import { UnauthorizedException } from '../../Exceptions/UnauthorizedException.js';
import { isNavigation } from '../../Http/isNavigation.js';
import { headersHaveLeft, ResponseGate } from '../../Http/ResponseGate.js';
import { andThen } from '../../Support/andThen.js';
import type { Lease } from '../../Support/Lease.js';
import type { MaybePromise } from '../../Support/MaybePromise.js';
import type { CookieId } from '../Cookie/CookieCache.js';
import { HeldLock } from '../Drivers/HeldLock.js';
import type { Refusal } from '../Forgery/RequestForgery.js';
import { type HttpSession, isReservedKey } from '../Object/HttpSession.js';
import type { Reading } from '../Object/SessionChanges.js';
import { holdsFlash, onlyTakesFlash, SessionFlash, showsPage } from '../Object/SessionFlash.js';
import { warnOfLateChange } from '../Object/warnOfLateChange.js';
import { NO_CHANGE } from '../Record/mergeChanges.js';
import type { LiveRecord, Login } from '../Record/SessionRecord.js';
import { fingerprintOf, keyOf } from '../Record/storageKeys.js';
import {
    ReservedSessionKeyError,
    SessionBusyException,
    SessionCookieException,
    SessionEndedException,
    SessionUnavailableException,
    UnstorableSessionError,
} from '../Repository/SessionErrors.js';
import type { LoadedSession } from '../Repository/SessionRepository.js';
import { withoutId } from '../Repository/StoreCalls.js';
import { openSuccessorId } from '../Repository/sealedSuccessorId.js';
import { keepPrivate } from './privateAnswer.js';
import type { SessionServices } from './SessionServices.js';
import { SessionState } from './SessionState.js';

/** How a session ended, as far as its visitor may hear of it. */
export type SessionEnded = 'idle' | 'absolute' | 'revoked' | 'destroyed';
const TOLD_ENDS: ReadonlySet<string> = new Set<SessionEnded>(['idle', 'absolute', 'revoked', 'destroyed']);

/** Of a browser's name, what tells it apart from others. */
const LONGEST_BROWSER_NAME = 200;

/**
 * One request's session: what was loaded, what the route did to it, and what has to be stored before the answer
 * leaves. `request.session` is made the first time the route asks for it.
 */
export class RequestSession {
    /** True while the session is being made: express-session's middleware must find none yet. */
    public starting = false;
    public started = false;

    /** Taken when the request arrives, as routes and mounted applications may change whom Express believes. */
    public readonly isSecure: boolean;
    private readonly address: string | undefined;
    protected session: HttpSession | undefined;
    /** What the route sees: the session, unless it has put something else in its place. */
    private given: unknown;
    protected readonly state: SessionState;
    /** Made when something is flashed, or was. */
    private flashes: SessionFlash | undefined;
    /** Whether the route has asked for the session: its answer belongs to this visitor. */
    private wasRead = false;
    protected loadFailure: unknown;
    private failureIsKnown = false;
    protected saveFailure: unknown;
    /** A regenerated session is stored and sent even when it stays empty. */
    private mustStore = false;
    protected ended = false;
    /** This request has ended a session that was alive: should no other follow, its cookie is cleared. */
    private hasEnded = false;
    private cookieDue = false;
    protected clearDue = false;
    private clearSiteDataDue = false;
    /** What the route has changed is not stored, as the session has ended meanwhile. */
    private hasLost = false;
    /** The id that the next new session gets. */
    private nextId: string | undefined;
    /** The id whose cookie went out with this answer. */
    private sentId: string | undefined;
    protected headersLeft = false;
    /** What waits until the answer leaves, or has failed. */
    private whenAnswered: (() => void) | undefined;
    private isAnswered = false;
    /** What the route asked for and is still under way, one after another. */
    private pending: Promise<unknown> | undefined;
    private hasTurn = false;
    private gate: ResponseGate | undefined;
    /** The session stage is done: the answer can be the route's from now on. */
    private hasBegun = false;
    /** The route has the session after its answer: whether it changes something is about to be seen. */
    private looksAgain = false;

    public constructor(
        protected readonly services: SessionServices,
        public readonly request: Request,
        public readonly response: Response,
        private readonly next: NextFunction,
        /** What the request's cookie says, if it is verified. */
        private readonly cookie: CookieId | undefined,
        /** Why the request is another site's, where it is. */
        private readonly refusal?: Refusal,
    ) {
        this.state = new SessionState(services, cookie?.id ?? '', cookie?.key);
        this.isSecure = services.cookie.isSecure(request);
        this.address = services.settings.registry.address ? request.ip : undefined;
    }

    public get id(): string {
        return this.state.id;
    }

    public set id(id: string) {
        this.state.id = id;
    }

    /** Finds what is stored under the cookie's id. Memory answers at once, and then nothing here waits either. */
    public load({ id, key }: CookieId, done: () => void): void {
        try {
            const found = this.services.repository.find(id, key);
            if (found instanceof Promise) {
                found
                    .then(
                        (result) => this.state.accept(result),
                        (error) => this.unavailable(error),
                    )
                    .then(done);
                return;
            }
            this.state.accept(found);
        } catch (error) {
            this.unavailable(error);
        }
        done();
    }

    /** The store could not be read: only a route that asks for the session fails. */
    private unavailable(error: unknown): void {
        this.loadFailure = error;
    }

    /** Begins to watch the answer, where it may need something even if the route never asks for its session. */
    public begin(): void {
        this.hasBegun = true;
        const { rolling, resave, saveUninitialized, unset } = this.services.settings;
        if (this.loadFailure) {
            return;
        }
        if (rolling || resave || saveUninitialized) {
            this.start();
            this.wasRead = false;
        } else if (
            this.record &&
            (unset === 'destroy' ||
                this.isRenamed ||
                this.services.repository.lifetime.touchDue(this.record) ||
                this.mayTakeFlash)
        ) {
            this.guardAnswer();
        }
    }

    /**
     * Makes `request.session`, from what is stored or a new one. False where the session
     * can't be had and nobody is left to answer for it; a route hears of it by an exception, which becomes the answer.
     */
    public start(): boolean {
        if (this.loadFailure) {
            if (this.failureIsKnown || this.response.headersSent) {
                return false;
            }
            this.failureIsKnown = true;
            throw this.loadFailure;
        }
        if (!this.hasBegun) {
            throw new SessionUnavailableException('loaded', new Error('The session store has not answered yet.'));
        }
        this.wasRead = true;
        if (this.started || this.starting) {
            return true;
        }
        this.state.open();
        this.starting = true;
        try {
            if (this.record) {
                this.inflate();
            } else {
                this.services.objects.generate(this.request);
            }
        } finally {
            this.starting = false;
        }
        this.started = true;
        this.guardAnswer();
        return true;
    }

    /** Makes the session object of what is loaded. */
    private inflate(): void {
        this.services.objects.createSession(this.request, this.record as never);
    }

    /** `request.session`. The first look at it makes the session. */
    public get value(): unknown {
        // While it is made, express-session looks at it.
        const isThere = this.started || this.starting || this.start();
        if (this.response.writableEnded && !this.looksAgain) {
            this.tellOfLostChanges();
        }
        return isThere ? this.given : undefined;
    }

    public set value(session: unknown) {
        if (!this.starting && !this.started) {
            this.start(); // `request.session = null` means the session that was there
        }
        this.given = session;
    }

    /** What is stored of the session, once a route has looked at it. */
    public get record(): LiveRecord | undefined {
        return this.state.record;
    }

    /** A session object was made for this request, from stored data or new. */
    public attach(session: HttpSession): void {
        this.session = session;
        this.state.track();
        this.request.session = session as unknown as Request['session'];
    }

    public increment(key: string, by: number): number {
        return this.state.increment(this.current(), key, by);
    }

    /** Gives a key's value, and deletes the key. */
    public pull(key: string): unknown {
        const session = this.current();
        if (isReservedKey(key)) {
            throw new ReservedSessionKeyError(key);
        }
        const value = Object.hasOwn(session, key) ? session[key] : undefined;
        delete session[key];
        return value;
    }

    /** Puts a value by for the next page. */
    public flash(key: string, value: unknown): void {
        const session = this.current();
        this.flashes ??= new SessionFlash();
        this.flashes.put(session, key, value);
    }

    /** What was put by for this page, or by this request. */
    public flashed(key: string): unknown {
        this.start();
        if (!this.session || this.wasUnset()) {
            return undefined;
        }
        this.flashes ??= new SessionFlash();
        return this.flashes.get(this.session, key);
    }

    /** Whether the next request will find what is put into the session now, as far as can be told. */
    public get willPersist(): boolean {
        try {
            const isThere =
                this.start() && this.session !== undefined && !this.state.endedMeanwhile && !this.wasUnset();
            return isThere && (this.state.loaded !== undefined || this.canReachBrowser());
        } catch {
            return false; // the store can't be read
        }
    }

    public save(session: HttpSession): Promise<void> {
        return this.inTurn(async () => {
            if (session !== this.session || this.ended) {
                return;
            }
            const reading = this.look(session);
            const { loaded, endedMeanwhile } = this.state;
            if (loaded && !endedMeanwhile) {
                await this.update(loaded, reading);
            } else if (!endedMeanwhile && this.mayCreate(reading)) {
                await this.create(reading);
            }
            this.refuseLoss(reading);
        });
    }

    public reload(): Promise<void> {
        return this.inTurn(async () => {
            if (!(await this.state.reload())) {
                throw new Error('failed to load session');
            }
            this.inflate();
        }, 'harmless');
    }

    public destroy(): Promise<void> {
        Reflect.deleteProperty(this.request, 'session');
        return this.inTurn(async () => this.end());
    }

    public regenerate(): Promise<void> {
        if (this.response.headersSent) {
            this.services.log.warning(
                'A session was regenerated after the headers were sent: the browser keeps an id that has ended.',
                this.where(),
            );
        }
        return this.inTurn(() => this.beginAnew());
    }

    /** A new session was asked for: what was there before has nothing to do with it. */
    public renew(session: HttpSession): void {
        if (!this.starting) {
            this.state.forget();
            this.ended = false;
            this.clearDue = false;
            this.mustStore = true;
        }
        this.attach(session);
    }

    /**
     * One that has moved already is left where it is, and not followed: whoever knew the old id, such as who has planted
     * it, would get what its visitor has under the new one.
     */
    public async migrate(): Promise<void> {
        this.refuseLateId('request.session.migrate()');
        return this.inTurn(async () => {
            if (!this.state.endedMeanwhile) {
                await this.changeId();
            }
        });
    }

    /** Makes the session a user's, under a new id; what another user had in it ends. */
    public async login(user: string): Promise<void> {
        this.refuseLateId('login()');
        this.start();
        return this.inTurn(async () => {
            const before = this.loggedIn;
            if (!this.session || this.ended || this.wasUnset() || (before && before.user !== user)) {
                await this.beginAnew();
            }
            const { request, services } = this;
            const login: Login = {
                user,
                at: Date.now(),
                ...(this.address !== undefined && { address: this.address }),
                ...(services.settings.registry.browser && {
                    browser: request.headers['user-agent']?.slice(0, LONGEST_BROWSER_NAME),
                }),
            };
            while (this.state.endedMeanwhile || !(await this.changeId(login))) {
                if (await this.followMove(user)) {
                    return;
                }
            }
        });
    }

    /**
     * Another request, such as a first click on "log in", has given the session a new id. What is there is this login's
     * if it is the same user's; nobody else gets it by an id that has ended. Gives whether this one has joined it.
     */
    private async followMove(user: string): Promise<boolean> {
        const { repository } = this.services;
        const found = await repository.load(this.storedKey);
        if (found.kind !== 'ended' || found.reason === 'revoked' || found.reason === 'destroyed') {
            throw new UnauthorizedException('Your session has ended meanwhile: please log in again.');
        }
        const next = await repository.successorOf(this.storedKey);
        const login = next?.session.record.login;
        if (next && login?.user === user) {
            const id = await this.successorId(next.key);
            if (id !== undefined) {
                this.state.join(id, next.session, this.session as HttpSession);
                this.hasLost = false;
                this.cookieDue = true;
                return true;
            }
        } else if (next && login) {
            await repository.end(next.key, 'regenerated'); // what another user had in it ends
        } else if (next && found.reason === 'migrated') {
            throw new SessionEndedException(); // a new one would be without what the visitor has there
        }
        await this.beginAnew();
        return false;
    }

    /** The id of the session that took this one's place, where each step to it was a login. */
    private async successorId(key: string): Promise<string | undefined> {
        const { repository, settings } = this.services;
        let id: string | undefined = this.state.storedId;
        while (id !== undefined && keyOf(id) !== key) {
            const found = await repository.load(keyOf(id));
            const sealed = found.kind === 'ended' ? found.sealedId : undefined;
            id = sealed && openSuccessorId(sealed, id, settings.secrets[0] as Secret);
        }
        return id;
    }

    /** Ends the session, and takes it from its user's list. */
    public async logout(): Promise<void> {
        this.start();
        Reflect.deleteProperty(this.request, 'session');
        return this.inTurn(async () => {
            const { loggedIn, services } = this;
            const { key } = this.state;
            await this.end();
            this.clearSiteDataDue = true;
            if (loggedIn) {
                await services.repository.users.remove(loggedIn.user, new Set([key])).catch((error: unknown) => {
                    services.log.warning("A session that ended is still in its user's list.", {
                        ...this.where(),
                        error,
                    });
                });
            }
        });
    }

    /** Whose session it is, since `login()`. */
    public get loggedIn(): Login | undefined {
        return this.ended ? undefined : this.state.record?.login;
    }

    /**
     * Reads the session anew and applies this request's changes to it, in the same object: what `exclusive()` does
     * once it holds the lock.
     */
    public async refresh(): Promise<void> {
        if (!this.state.loaded) {
            return;
        }
        const { session } = this;
        const reading = session && this.look(session);
        if (await this.state.reload()) {
            if (session) {
                this.state.reapply(session, reading?.change ?? NO_CHANGE);
            }
            return;
        }
        if (session) {
            this.services.objects.generate(this.request); // what it shows has ended
            this.mustStore = false;
            this.state.endedMeanwhile = true;
            this.refuseLoss(reading, 400); // the answer says it, should it be a success
        }
    }

    /** How the session of the request's cookie ended, where that was within the last day. */
    public get sessionEnded(): SessionEnded | undefined {
        this.use();
        const { endReason } = this.state;
        return endReason !== undefined && TOLD_ENDS.has(endReason) ? (endReason as SessionEnded) : undefined;
    }

    /** The answer depends on who sent the cookie. */
    public use(): void {
        if (!this.wasRead && this.hasBegun) {
            this.wasRead = true;
            this.guardAnswer();
        }
    }

    /** The name under which the session is stored. */
    public get key(): string {
        return this.state.key;
    }

    /** The same, or that which the session had when it ended: the object that a route sees then has an id of its own. */
    public get storedKey(): string {
        return this.state.endedMeanwhile || this.ended ? keyOf(this.state.storedId) : this.key;
    }

    /** A token that holds for this session's id: the session is stored and sent, also while it is empty. */
    public csrfToken(): string {
        const tokens = this.services.forgery?.tokens;
        if (!tokens) {
            throw new Error('csrfToken(request) needs csrf: { tokens: true } in src/config/http.ts.');
        }
        this.start();
        this.mustStore ||= !this.state.loaded && !this.state.endedMeanwhile;
        return tokens.makeToken(this.id);
    }

    /** Throws where another site made the visitor's browser send this: it must not log anyone in. */
    public refuseForgery(): void {
        this.services.forgery?.refuseOtherSites(this.request, this.refusal);
    }

    /** `request.sessionStore`. */
    public get sessionStore(): unknown {
        return this.services.objects;
    }

    /** Waits until no other request of this session runs exclusively. */
    public async acquireLock(): Promise<HeldLock> {
        this.hasTurn = true; // asked for twice, it would wait for itself
        const { lockTimeoutMs } = this.services.settings;
        let lease: Lease | undefined;
        try {
            lease = await this.services.driver.lock(this.key, lockTimeoutMs);
        } catch (error) {
            throw new SessionUnavailableException('loaded', withoutId(this.key, error));
        }
        if (!lease) {
            throw new SessionBusyException(lockTimeoutMs);
        }
        this.state.lock = new HeldLock(lease);
        this.guardAnswer();
        return this.state.lock;
    }

    /**
     * Calls back once the answer leaves, or half of `lockTimeoutMs` from now: when the client has gone, the route still
     * works, and who waits for its turn waits no longer than `lockTimeoutMs`.
     */
    public afterAnswer(callback: () => void): void {
        if (this.isAnswered) {
            callback();
            return;
        }
        const timer = setTimeout(callback, this.services.settings.lockTimeoutMs / 2).unref();
        this.whenAnswered = () => {
            clearTimeout(timer);
            callback();
        };
    }

    /** Gatekeeper: the answer leaves, or has failed. */
    public answered(): void {
        this.isAnswered = true;
        this.whenAnswered?.();
    }

    private tellOfLostChanges(): void {
        const { session, state, services } = this;
        if (session && !state.endedMeanwhile && !this.ended) {
            this.looksAgain = true;
            const read = () => state.read(session);
            void warnOfLateChange(read, () => services.warnLost(this.where())).then(() => {
                this.looksAgain = false;
            });
        }
    }

    /** Whether a session is stored for this request, so that there is something to take turns on, and it has none yet. */
    public get needsTurn(): boolean {
        return this.state.loaded !== undefined && !this.hasTurn;
    }

    /** Runs a callback of the route; what it throws goes where the route's errors go. */
    public call(callback: (error?: unknown) => void, error?: unknown): void {
        try {
            if (error === undefined) {
                callback();
            } else {
                callback(error);
            }
        } catch (thrown) {
            this.next(thrown);
        }
    }

    /** Gatekeeper: before the headers leave. */
    public beforeHeaders(status: number): Promise<void> | undefined {
        if (this.pending) {
            return this.pending.then(() => this.beforeHeaders(status));
        }
        if (this.saveFailure !== undefined) {
            // The route may answer for the failure itself; what it may not do is to call it a success.
            return status < 400 ? Promise.reject(this.saveFailure) : undefined;
        }
        return attempt(() => this.plan(status));
    }

    /** Gatekeeper: before the end of an answer whose headers left already. */
    public beforeEnd(): Promise<void> | undefined {
        if (this.pending) {
            return this.pending.then(() => this.beforeEnd());
        }
        if (this.saveFailure !== undefined) {
            return this.response.statusCode < 400 ? Promise.reject(this.saveFailure) : undefined;
        }
        return attempt(() => this.planEnd());
    }

    private planEnd(): MaybePromise<void> {
        if (this.ended || !this.session || this.wasUnset()) {
            return undefined;
        }
        const reading = this.look(this.session);
        const status = this.response.statusCode;
        this.refuseLoss(reading, status);
        if (!reading.change || this.state.endedMeanwhile) {
            return undefined;
        }
        const { loaded } = this.state;
        if (!loaded || (this.id !== this.cookie?.id && this.id !== this.sentId)) {
            this.services.log.warning(
                'A session was changed after the headers were sent to a browser without that session: the change is dropped.',
                this.where(),
            );
            return undefined;
        }
        return andThen(this.update(loaded, reading), () => this.refuseLoss(reading, status));
    }

    /** Gatekeeper: the session could not be stored. */
    public failed(error: unknown, headersSent: boolean): void {
        if (headersSent) {
            this.services.log.error('A session could not be stored at the end of a stream; its connection is closed.', {
                ...this.where(),
                error,
            });
            this.response.destroy();
            return;
        }
        void this.answerFailure(error);
    }

    private async answerFailure(error: unknown): Promise<void> {
        this.sendMoved();
        await this.services.errors.handle(error, this.request, this.response);
        if (!this.response.headersSent) {
            this.response.status(503).end(); // a render() that called it a success was not heard
        }
    }

    private refuseLateId(what: string): void {
        if (this.response.headersSent) {
            const reason = 'the answer has begun, so that the browser can not be given the new id';
            throw new Error(`${what} came too late: ${reason}.`);
        }
    }

    /** Ends the session, also where it has moved to, and makes a new one. */
    protected async beginAnew(): Promise<void> {
        const { state, services } = this;
        this.nextId = services.newId(this.request);
        const sealedId = state.sealed(this.nextId);
        const options = { to: keyOf(this.nextId), sealedId, lock: state.lock };
        const isThere = state.loaded !== undefined || state.endedMeanwhile;
        const wasAlive = isThere && (await services.repository.end(this.storedKey, 'regenerated', options));
        services.objects.generate(this.request);
        this.hasEnded ||= wasAlive;
    }

    /** The id for a new session. */
    public takeId(): string {
        const id = this.nextId ?? this.services.newId(this.request);
        this.nextId = undefined;
        return id;
    }

    /** Gives login() and migrate() the new id; regenerate() gets it in beginAnew(). False: the session has ended meanwhile. */
    protected async changeId(login?: Login): Promise<boolean> {
        const { loaded } = this.state;
        if (login || loaded) {
            this.refuseUndelivered();
        }
        const newId = this.services.newId(this.request);
        const reading = this.look(this.session as HttpSession);
        if (loaded) {
            const isStored = this.stored(await this.state.migrate(loaded, newId, reading, login), reading);
            this.cookieDue ||= isStored;
            return isStored;
        }
        this.state.forget();
        this.mustStore = true;
        if (!login) {
            this.id = newId;
        } // else the session is new, and the tombstone of the one before may name its id
        return !login || (await this.create(reading, login)) === true;
    }

    private current(): HttpSession {
        this.start();
        if (!this.session || this.wasUnset()) {
            throw new Error('There is no session: it was destroyed or unset by this request.');
        }
        return this.session;
    }

    private guardAnswer(): void {
        if (!this.gate) {
            this.headersLeft = headersHaveLeft(this.response); // a stream that began before it asked for the session
            this.gate = new ResponseGate(this.response, this);
        }
    }

    /** Whether `request.session` was taken away: a route can delete it, or set it to null. */
    protected wasUnset(): boolean {
        if (!Object.hasOwn(this.request, 'session')) {
            return true;
        }
        if (!this.started || this.request.session === (this.session as unknown)) {
            return false; // before the start, looking at it would start it
        }
        if (this.request.session != null) {
            throw new UnstorableSessionError(
                'request.session was replaced by another object: set its keys instead, or set it to null to unset it.',
            );
        }
        return true;
    }

    /** Does what has to be done before the headers leave. */
    private plan(status: number): MaybePromise<unknown> {
        if (this.ended) {
            return this.clearDue ? this.spareSuccessor() : undefined;
        }
        if (this.wasUnset()) {
            return this.services.settings.unset === 'destroy' ? this.end() : undefined;
        }
        if (!this.state.endedMeanwhile && this.mayTakeFlash && showsPage(status, this.request, this.response)) {
            this.takeFlash();
        }
        const reading = this.session && this.look(this.session);
        return andThen(this.store(reading, status), () => this.refuseLoss(reading, status));
    }

    /** Stores what is due; what was stored before and is only sent now is looked up, as it may have ended meanwhile. */
    private store(reading: Reading | undefined, status: number): MaybePromise<unknown> {
        const { loaded, endedMeanwhile } = this.state;
        if (endedMeanwhile) {
            return undefined;
        }
        const { resave, saveUninitialized, rolling } = this.services.settings;
        if (!loaded) {
            const due = reading && (this.mustStore || saveUninitialized || reading.change !== undefined);
            return due && this.mayCreate(reading, status) ? this.create(reading) : undefined;
        }
        if (reading && (reading.change || resave)) {
            return this.update(loaded, reading);
        }
        if (rolling || this.isRenamed || this.services.repository.lifetime.touchDue(loaded.record)) {
            return this.touch(loaded);
        }
        return this.cookieDue ? this.confirmCookie() : undefined;
    }

    /** What was stored earlier may have ended since. Where that can't be seen now, an id that the browser has is not sent again. */
    private async confirmCookie(): Promise<void> {
        await this.state.isAlive().catch(() => {
            this.cookieDue = this.id !== this.cookie?.id;
        });
    }

    /** The visitor may have begun a new session since this one was ended: its cookie is not taken away. */
    private async spareSuccessor(): Promise<void> {
        const successor = await this.services.repository.successorOf(this.storedKey).catch(() => undefined);
        this.clearDue = successor === undefined;
    }

    /**
     * The session has ended while the request was on its way. One that only read goes on, without a cookie. One that changed
     * something gets a 409 in place of its success, as nothing is stored; an answer from 400 on stays as it is.
     */
    private refuseLoss(reading: Reading | undefined, status = 200): void {
        const isLost = this.state.endedMeanwhile && reading?.change !== undefined && !onlyTakesFlash(reading.change);
        if (isLost && !this.hasLost) {
            this.hasLost = true;
            this.services.log.warning(
                'A request came with the id of a session that ended moments ago: what it changed is discarded.',
                this.where(),
            );
        }
        if (this.hasLost && status < 400) {
            throw new SessionEndedException();
        }
    }

    /** The browser's cookie has a former name, and wants one with today's. */
    private get isRenamed(): boolean {
        return this.cookie?.isRenamed === true;
    }

    private get mayTakeFlash(): boolean {
        return this.record?.mayHoldFlash === true && isNavigation(this.request);
    }

    /** The visitor gets to see a page: what was flashed before it has been there for it. */
    private takeFlash(): void {
        if (!this.started) {
            if (!holdsFlash(this.record?.data ?? {})) {
                return; // a text that only looks like it
            }
            const { wasRead } = this;
            this.start();
            this.wasRead = wasRead; // the route has shown nothing of the session
        }
        this.flashes ??= new SessionFlash();
        this.flashes.age(this.session as HttpSession);
    }

    protected create(reading: Reading, login?: Login): MaybePromise<boolean> {
        const { endReason } = this.state;
        return andThen(this.state.create(reading, login), (isStored) => {
            this.cookieDue = this.stored(isStored, reading);
            const replaced = isStored && endReason !== undefined ? this.cookie?.key : undefined;
            return replaced === undefined
                ? isStored
                : this.services.repository.replace(replaced, this.key).then(
                      () => isStored,
                      () => isStored,
                  );
        });
    }

    protected update(loaded: LoadedSession, reading: Reading): MaybePromise<void> {
        const due = this.isCookieDue(loaded, reading);
        return andThen(this.state.save(loaded, reading, due), (isStored) => {
            this.cookieDue ||= this.stored(isStored, reading) && due;
        });
    }

    /** A cookie is sent no oftener than the browser needs it: a late answer would set an old one over a newer. */
    private isCookieDue({ record }: LoadedSession, { change }: Reading): boolean {
        const { rolling } = this.services.settings;
        if (this.headersLeft || rolling === true || this.isRenamed || change?.cookie !== undefined) {
            return !this.headersLeft;
        }
        const lasts = this.session?.cookie.expires != null;
        // With false, each change sends it, as express-session does.
        return (
            lasts && (rolling === false ? change !== undefined : this.services.repository.lifetime.cookieDue(record))
        );
    }

    /** What the route has changed. Throws where it can't be stored. */
    protected look(session: HttpSession): Reading {
        return this.state.read(session);
    }

    /** Takes note that the session was stored, or that it had ended. */
    private stored(isStored: boolean, { change }: Reading): boolean {
        if (isStored) {
            this.mustStore = false;
            this.saveFailure = undefined;
        } else {
            this.hasLost ||= change !== undefined && !onlyTakesFlash(change);
            this.services.log.warning(
                'A session ended while a request was using it: what the request changed is discarded.',
                this.where(),
            );
        }
        return isStored;
    }

    protected touch(loaded: LoadedSession): MaybePromise<void> {
        const { rolling } = this.services.settings;
        const { lifetime } = this.services.repository;
        const isWorn = () => lifetime.ageOf(loaded.record) !== null && lifetime.cookieDue(loaded.record);
        const due = this.isRenamed || (rolling ?? isWorn());
        const touched = (isAlive: boolean): void => {
            // Where it ended meanwhile, its cookie must not replace the browser's newer one.
            this.cookieDue ||= isAlive && due;
        };
        const failed = (error: unknown): void => {
            // The session is as it was; the next request tries again.
            this.services.log.warning('A session could not be marked as active.', { ...this.where(), error });
        };
        try {
            const result = this.state.touch(loaded, due);
            return result instanceof Promise ? result.then(touched).catch(failed) : touched(result);
        } catch (error) {
            failed(error);
        }
    }

    protected end(): MaybePromise<void> {
        this.ended = true;
        const { loaded, endedMeanwhile } = this.state;
        const ending = loaded || endedMeanwhile ? this.services.repository.end(this.storedKey, 'destroyed') : false;
        return andThen(ending, (wasAlive) => {
            this.clearDue = wasAlive || this.hasEnded;
        });
    }

    /** A session that could not be found again is not stored: a secure cookie over plain http never arrives. */
    protected canReachBrowser(): boolean {
        return this.services.forgery?.mayBeginSession(this.request, this.refusal) !== false && !this.isUndeliverable();
    }

    /** Throws where the route wants to store a session that its browser would not come back with: no success hides that. */
    private mayCreate({ change }: Reading, status = 200): boolean {
        if (this.canReachBrowser()) {
            return true;
        }
        if (status < 400 && (this.mustStore || change !== undefined)) {
            this.refuseUndelivered();
        }
        return false;
    }

    private refuseUndelivered(): void {
        this.services.forgery?.refuseOtherSites(this.request, this.refusal);
        if (this.isUndeliverable()) {
            throw new SessionCookieException();
        }
    }

    private isUndeliverable(): boolean {
        const session = this.session as HttpSession;
        if (session.cookie.secure !== true || this.isSecure) {
            return false;
        }
        this.services.warnUndeliverable(this.request);
        return true;
    }

    /** Gatekeeper: the headers leave now. */
    public leaving(): void {
        this.headersLeft = true;
        if (this.saveFailure !== undefined) {
            this.sendMoved();
        } else {
            this.sendCookie();
        }
        const { clearSiteData } = this.services.settings;
        // Not for who had no session: another site could have sent that, without the cookie.
        if (this.clearSiteDataDue && this.clearDue && clearSiteData.length > 0) {
            this.response.setHeader('Clear-Site-Data', clearSiteData.map((name) => `"${name}"`).join(', '));
        }
        if ((this.wasRead || this.sentId !== undefined || this.clearDue) && !keepPrivate(this.response)) {
            this.services.warnShared(this.where());
        }
    }

    private sendCookie(): void {
        const setCookie = this.setCookie();
        if (setCookie !== undefined) {
            for (const line of [...this.services.cookie.endFormer(this.request), setCookie]) {
                this.response.appendHeader('Set-Cookie', line);
            }
        }
    }

    /** What failed came after the session got its new id: without that, its visitor would be left with one that ended. */
    private sendMoved(): void {
        if (this.cookieDue && this.state.loaded && this.id !== this.cookie?.id && this.id !== this.sentId) {
            this.sendCookie();
        }
    }

    /** The Set-Cookie that this answer needs, if any. */
    private setCookie(): string | undefined {
        const { cookie, repository } = this.services;
        if (this.clearDue) {
            return cookie.clear(this.services.cookieOf(this.session, this.record));
        }
        if (!this.cookieDue || this.state.endedMeanwhile || this.ended || this.wasUnset()) {
            return undefined;
        }
        const sent = this.services.cookieOf(this.session, this.record);
        if (sent.secure === true && !this.isSecure) {
            this.services.warnUndeliverable(this.request);
            return undefined;
        }
        sent.maxAge = sent.originalMaxAge as number; // counted from now on
        this.sentId = this.id;
        const signed = this.id === this.cookie?.id ? this.cookie.signed : undefined;
        return cookie.issue(this.id, sent, repository.lifetime.absoluteEndOf(this.record as LiveRecord), signed);
    }

    /**
     * Runs what the route asked for after what it asked before. Should it fail, the answer won't be a success,
     * unless the failure is harmless: nothing that should be stored is lost by it.
     */
    protected inTurn(work: () => Promise<void>, failure?: 'harmless'): Promise<void> {
        const done = (this.pending ?? Promise.resolve()).then(work);
        const settled = done
            .catch((error) => {
                this.saveFailure = failure === 'harmless' ? this.saveFailure : error;
            })
            .then(() => {
                if (this.pending === settled) {
                    this.pending = undefined;
                }
            });
        this.pending = settled;
        return settled.then(() => done);
    }

    private where(): Record<string, unknown> {
        const { id, key } = this.state;
        return {
            method: this.request.method,
            path: this.request.path,
            ...(id !== '' && { fingerprint: fingerprintOf(key) }),
        };
    }
}

/** Work that fails at once fails as a promise does. Undefined where it is done already. */
function attempt(work: () => MaybePromise<unknown>): Promise<void> | undefined {
    try {
        const result = work();
        return result instanceof Promise ? (result as Promise<void>) : undefined;
    } catch (error) {
        return Promise.reject(error);
    }
}
