import type { CookieId } from '../../Session/Cookie/CookieCache.js';
import type { HeldLock } from '../../Session/Drivers/HeldLock.js';
import type { HttpSession } from '../../Session/Object/HttpSession.js';
import type { Reading } from '../../Session/Object/SessionChanges.js';
import type { Login } from '../../Session/Record/SessionRecord.js';
import { fingerprintOf } from '../../Session/Record/storageKeys.js';
import { SessionEndedException } from '../../Session/Repository/SessionErrors.js';
import type { LoadedSession } from '../../Session/Repository/SessionRepository.js';
import { RequestSession } from '../../Session/Request/RequestSession.js';
import { andThen } from '../../Support/andThen.js';
import type { MaybePromise } from '../../Support/MaybePromise.js';
import { type Outcome, RequestTrace } from './RequestTrace.js';
import { watchReads } from './watchReads.js';

/** A request's session that tells what it does. It does the same as any other. */
export class WatchedSession extends RequestSession {
    /** The session that the request came with; undefined: none that lives. */
    public from: string | undefined;
    private readonly trace = RequestTrace.of(this.request);
    private isFrameworkLooking = false;
    private wasUnreachable = false;
    private wasChangedLate = false;

    /** The session that the request leaves behind. */
    public get to(): string | undefined {
        return this.state.loaded && !this.ended ? fingerprintOf(this.key) : undefined;
    }

    /** What became of it. */
    public get outcome(): Outcome {
        const { outcome, hasPending } = this.trace;
        if (this.saveFailure instanceof SessionEndedException) {
            return 'discarded';
        }
        if (this.saveFailure !== undefined || this.loadFailure !== undefined) {
            return 'failed';
        }
        if (outcome !== 'none') {
            return outcome;
        }
        if (this.state.endedMeanwhile) {
            return hasPending ? 'discarded' : 'none';
        }
        return this.state.loaded ? 'skipped' : 'none';
    }

    public override load(cookie: CookieId, done: () => void): void {
        this.trace.session = this;
        const loaded = () => {
            this.from = this.state.loaded && fingerprintOf(this.key);
            done();
        };
        this.trace.store.run(() => super.load(cookie, loaded));
    }

    public override begin(): void {
        this.trace.session = this;
        super.begin();
    }

    public override attach(session: HttpSession): void {
        super.attach(session);
        this.watchReads();
    }

    public override renew(session: HttpSession): void {
        if (!this.starting) {
            this.trace.renewed();
        }
        super.renew(session);
    }

    public override async refresh(): Promise<void> {
        await this.trace.store.run(() => super.refresh());
        this.watchReads(); // its keys may be new
    }

    public override acquireLock(): Promise<HeldLock> {
        return this.trace.store.run(() => super.acquireLock());
    }

    public override beforeHeaders(status: number): Promise<void> | undefined {
        return this.trace.store.run(() => super.beforeHeaders(status));
    }

    public override beforeEnd(): Promise<void> | undefined {
        const { hasPending } = this.trace;
        const ending = this.trace.store.run(() => super.beforeEnd());
        this.wasChangedLate ||= this.trace.hasPending && !hasPending;
        return ending;
    }

    public override failed(error: unknown, headersSent: boolean): void {
        this.trace.became(error instanceof SessionEndedException ? 'discarded' : 'failed');
        super.failed(error, headersSent);
    }

    /** Why the answer carries no session cookie. */
    public whyNoCookie(): string {
        return this.whyNone() ?? (this.state.loaded ? this.whyNotAgain() : this.whyNoSession());
    }

    protected override look(session: HttpSession): Reading {
        this.isFrameworkLooking = true;
        try {
            const reading = super.look(session);
            this.trace.compared(reading, this.record);
            return reading;
        } finally {
            this.isFrameworkLooking = false;
        }
    }

    protected override inTurn(work: () => Promise<void>, failure?: 'harmless'): Promise<void> {
        return super.inTurn(() => this.trace.store.run(work), failure);
    }

    protected override create(reading: Reading, login?: Login): MaybePromise<boolean> {
        return andThen(super.create(reading, login), (isStored) => {
            this.trace.became(isStored ? 'created' : 'discarded');
            return isStored;
        });
    }

    protected override update(loaded: LoadedSession, reading: Reading): MaybePromise<void> {
        this.wasChangedLate ||= this.headersLeft;
        return andThen(super.update(loaded, reading), () =>
            this.trace.became(this.state.endedMeanwhile ? 'discarded' : 'saved'),
        );
    }

    protected override touch(loaded: LoadedSession): MaybePromise<void> {
        const { seen } = loaded.record;
        return andThen(super.touch(loaded), () => {
            const isTouched = this.record !== undefined && this.record.seen > seen;
            this.trace.became(isTouched && !this.state.endedMeanwhile ? 'touched' : 'skipped');
        });
    }

    protected override end(): MaybePromise<void> {
        return andThen(super.end(), () => this.trace.became('ended'));
    }

    protected override async changeId(login?: Login): Promise<boolean> {
        const isChanged = await super.changeId(login);
        if (isChanged) {
            this.trace.became(this.from === undefined ? this.trace.outcome : 'saved');
        }
        return isChanged;
    }

    protected override canReachBrowser(): boolean {
        const canReach = super.canReachBrowser();
        this.wasUnreachable ||= !canReach;
        return canReach;
    }

    private watchReads(): void {
        if (!this.session) {
            return;
        }
        this.isFrameworkLooking = true;
        watchReads(this.session, (key) => {
            if (!this.isFrameworkLooking) {
                this.trace.read(key);
            }
        });
        this.isFrameworkLooking = false;
    }

    /** Reasons that count whether or not there is a session. */
    private whyNone(): string | undefined {
        if (this.loadFailure !== undefined) {
            return 'The store could not be read.';
        }
        if (this.outcome === 'failed') {
            return this.wasUnreachable ? this.whyNoSession() : 'The session could not be stored.';
        }
        if (this.state.endedMeanwhile) {
            return 'The session ended meanwhile, or moments before: the browser may have a newer cookie by now.';
        }
        if (this.ended) {
            return this.clearDue
                ? 'The headers were sent before the session was destroyed: the browser keeps a cookie that names nothing.'
                : 'It was destroyed, and the browser has no cookie of it.';
        }
        return this.isUnset() ? 'request.session was unset: nothing is stored.' : undefined;
    }

    private whyNoSession(): string {
        if (this.wasUnreachable) {
            return this.isInsecure()
                ? 'The cookie is secure, and the request came over plain http: the browser would drop it, so that nothing was stored.'
                : 'Another site caused the request: no session begins by that.';
        }
        if (this.wasChangedLate) {
            return 'The headers were sent before the session was changed: what was changed is dropped.';
        }
        return 'Nothing was stored: a visitor gets a cookie with the first key.';
    }

    private whyNotAgain(): string {
        const { outcome } = this;
        if (this.isInsecure()) {
            return 'The cookie is secure, and the request came over plain http.';
        }
        if (outcome === 'skipped' || outcome === 'none') {
            return 'Nothing changed: the browser keeps the cookie it has.';
        }
        if (this.services.settings.rolling === false) {
            return 'rolling is false in src/config/session.ts: the browser keeps the cookie it has.';
        }
        if (!this.record || this.services.repository.lifetime.ageOf(this.record) === null) {
            return 'The cookie ends with the browser: it has no date to be renewed.';
        }
        return this.wasChangedLate
            ? 'The headers were sent before the session was stored: the browser keeps the cookie it has.'
            : 'The cookie that the browser has is fresh: it is sent again once 5 % of its life are over.';
    }

    private isInsecure(): boolean {
        const { secure } = this.services.cookieOf(this.session, this.record);
        return secure === true && !this.isSecure;
    }

    private isUnset(): boolean {
        try {
            return this.wasUnset();
        } catch {
            return true; // replaced by another object
        }
    }
}
