import { answerPlainly } from '../../Http/Errors/ExceptionHandler.js';
import { type Gatekeeper, ResponseGate } from '../../Http/ResponseGate.js';
import { andThen } from '../../Support/andThen.js';
import type { MaybePromise } from '../../Support/MaybePromise.js';
import { keepPrivate } from '../Cookie/privateAnswer.js';
import type { Reading } from '../Object/ChangeTracker.js';
import type { HttpSession } from '../Object/HttpSession.js';
import { showsPage } from '../Object/SessionFlash.js';
import { warnOfLateChange } from '../Object/warnOfLateChange.js';
import type { LiveRecord } from '../Record/SessionRecord.js';
import type { RequestState } from './RequestState.js';
import { mayCreate, missCookie, missSecureCookie } from './reachability.js';
import { createSession, endSession, logContextOf, refuseLoss, saveSession, touchSession } from './sessionWrites.js';

/** What has to be stored before a request's answer leaves, and what of the session leaves with it. */
export class AnswerPlan implements Gatekeeper {
    /** The id whose cookie went out with this answer. */
    private sentId: string | undefined;
    /** What waits until the answer leaves, or has failed. */
    private whenAnswered: (() => void) | undefined;
    private headersHaveGone = false;
    private isWatching = false;

    public constructor(private readonly state: RequestState) {
        new ResponseGate(state.response, this);
    }

    /** Gatekeeper: the headers are about to leave. */
    public beforeHeaders(status: number): Promise<void> | undefined {
        return this.before(status, false);
    }

    /** Gatekeeper: the end of an answer whose headers left already. */
    public beforeEnd(): Promise<void> | undefined {
        return this.before(this.state.response.statusCode, true);
    }

    private before(status: number, headersSent: boolean): Promise<void> | undefined {
        const { pending, failures } = this.state;
        const failure = failures?.first;
        if (pending) {
            return pending.then(() => this.before(status, headersSent));
        }
        if (failure !== undefined) {
            // The route may answer for the failure itself; what it may not do is to call it a success.
            return status < 400 ? Promise.reject(failure) : undefined;
        }
        try {
            const result = headersSent ? this.storeAfterHeaders(status) : this.storeDue(status);
            return result instanceof Promise ? (result as Promise<void>) : undefined;
        } catch (error) {
            return Promise.reject(error);
        }
    }

    private storeDue(status: number): MaybePromise<unknown> {
        const { state } = this;
        if (state.stage === 'endedHere') {
            return state.isClearDue ? this.spareSuccessor() : undefined;
        }
        if (state.isUnset()) {
            return state.services.settings.unset === 'destroy' ? endSession(state) : undefined;
        }
        if (state.mayTakeFlash && showsPage(status, state.request, state.response)) {
            this.takeFlash();
        }
        const reading = state.object && state.read(state.object);
        const stored = this.store(reading, status);
        if (stored instanceof Promise) {
            return stored.then(() => refuseLoss(state, reading, status));
        }
        return state.stage === 'endedElsewhere' || state.hasLostChanges
            ? refuseLoss(state, reading, status)
            : undefined;
    }

    /** Stores what is due; what was stored before and is only sent now is looked up, as it may have ended meanwhile. */
    private store(reading: Reading | undefined, status: number): MaybePromise<unknown> {
        const { state } = this;
        const { resave, saveUninitialized, rolling } = state.services.settings;
        if (state.stage === 'live') {
            if (reading && (reading.change || resave)) {
                return saveSession(state, reading);
            }
            if (rolling || state.isTouchDue) {
                return touchSession(state);
            }
            return state.isCookieDue ? this.confirmCookie() : undefined;
        }
        const isDue = reading && (state.mustStore || saveUninitialized || reading.change !== undefined);
        return state.stage === 'new' && isDue && mayCreate(state, reading, status)
            ? createSession(state, reading)
            : undefined;
    }

    /** What was stored earlier may have ended since. Where that can't be seen now, an id that the browser has is not sent again. */
    private async confirmCookie(): Promise<void> {
        const { state } = this;
        try {
            const found = await state.services.repository.load(state.key);
            state.stage = found.kind === 'live' ? 'live' : 'endedElsewhere';
        } catch {
            state.isCookieDue = state.id !== state.cookie?.id;
        }
    }

    /** The visitor may have a new session since this one was ended: its cookie is not taken away. */
    private async spareSuccessor(): Promise<void> {
        const { state } = this;
        const successor = await state.services.repository.successorOf(state.storedKey).catch(() => undefined);
        state.isClearDue = successor === undefined;
    }

    /** The visitor gets to see a page: what was flashed before it has been there for it. */
    private takeFlash(): void {
        const { state } = this;
        const { wasRead } = state;
        state.open();
        state.wasRead = wasRead; // the route may have shown nothing of the session
        state.flash.age(state.object as HttpSession);
    }

    private storeAfterHeaders(status: number): MaybePromise<unknown> {
        const { state } = this;
        if (state.stage === 'endedHere' || !state.object || state.isUnset()) {
            return undefined;
        }
        const reading = state.read(state.object);
        refuseLoss(state, reading, status);
        if (!reading.change || state.stage === 'endedElsewhere') {
            return undefined;
        }
        if (state.id !== state.cookie?.id && state.id !== this.sentId) {
            state.services.log.warning(
                'A session was changed after the headers were sent to a browser without that session: the change is dropped.',
                logContextOf(state),
            );
            missCookie(state, 'headersSent');
            return undefined;
        }
        return andThen(saveSession(state, reading), () => refuseLoss(state, reading, status));
    }

    /** Gatekeeper: the headers leave now. */
    public leaving(): void {
        const { state } = this;
        const { services, response } = state;
        if (state.isCookieDue || state.isClearDue) {
            this.sendCookie();
        }
        const isCleared = state.stage === 'endedHere' && state.isClearDue;
        const { clearSiteData } = services.settings;
        // Not for who had no session: another site could have sent that, without the cookie.
        if (state.clearsSiteData && isCleared && clearSiteData.length > 0) {
            response.setHeader('Clear-Site-Data', clearSiteData.map((name) => `"${name}"`).join(', '));
        }
        if ((state.wasRead || this.sentId !== undefined || isCleared) && !keepPrivate(response)) {
            services.warnShared(logContextOf(state));
        }
    }

    private sendCookie(): void {
        const { services, request, response, stage, offersBinding, isSecure } = this.state;
        const { binding } = services;
        const setCookie = this.setCookie();
        if (setCookie === undefined) {
            return;
        }
        const ended = (stage === 'endedHere' && binding?.end(request, isSecure)) || [];
        for (const line of [...services.cookie.endFormer(request), ...ended, setCookie]) {
            response.appendHeader('Set-Cookie', line);
        }
        if (offersBinding) {
            binding?.offer(response, this.state.owner);
        }
    }

    /** The Set-Cookie that this answer needs, if any. */
    private setCookie(): string | undefined {
        const { state } = this;
        const { services } = state;
        if (state.stage === 'endedHere') {
            return state.isClearDue ? services.cookie.clear(services.cookieOf(state.object, state.record)) : undefined;
        }
        if (!state.isCookieDue || state.stage !== 'live' || state.isTakenAway) {
            return undefined;
        }
        const sent = services.cookieOf(state.object, state.record);
        if (sent.secure === true && !state.isSecure) {
            missSecureCookie(state);
            return undefined;
        }
        sent.maxAge = sent.originalMaxAge as number; // counted from now on
        this.sentId = state.id;
        const signed = state.id === state.cookie?.id ? state.cookie.signed : undefined;
        const end = services.repository.lifetime.absoluteEndOf(state.record as LiveRecord);
        return services.cookie.issue(state.id, sent, end, signed);
    }

    /** Gatekeeper: the session could not be stored. */
    public failed(error: unknown, headersSent: boolean): void {
        const { services, response, request } = this.state;
        this.state.answerFailure = error;
        if (headersSent) {
            services.log.error('A session could not be stored at the end of a stream; its connection is closed.', {
                ...logContextOf(this.state),
                error,
            });
            response.destroy();
            return;
        }
        try {
            this.sendCookie(); // the session may have got a new id before: with the one that ended, its visitor would have none
        } catch {
            // a cookie that can't be sent is what has failed
        }
        void services.errors.handle(error, request, response).then(() => {
            if (!response.headersSent) {
                answerPlainly(503, request, response); // a render() that called it a success was not heard
            }
        });
    }

    /** Gatekeeper: the answer leaves, or has failed. */
    public answered(): void {
        this.headersHaveGone = true;
        this.whenAnswered?.();
    }

    /** Calls back once the answer leaves, or in so many ms: when the client has gone, the route still works. */
    public onceAnswering(callback: () => void, waitMs: number): void {
        if (this.headersHaveGone) {
            callback();
            return;
        }
        const timer = setTimeout(callback, waitMs).unref();
        this.whenAnswered = () => {
            clearTimeout(timer);
            callback();
        };
    }

    /** The route has the session after its answer: a change that nothing will store is told. */
    public watchLateChanges(): void {
        const { object, stage, changes, services } = this.state;
        if (stage !== 'endedElsewhere' && !this.isWatching) {
            this.isWatching = true; // however often it looks, a large session is not read each time
            const read = () => changes.read(object as HttpSession);
            warnOfLateChange(read, () => services.warnLost(logContextOf(this.state)));
            setImmediate(() => {
                this.isWatching = false;
            });
        }
    }
}
