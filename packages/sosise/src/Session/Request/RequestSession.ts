import type { Request } from 'express';
import type { HttpSession } from '../Object/HttpSession.js';
import { OWNER, putProperty } from '../Object/requestOwner.js';
import type { Login } from '../Record/SessionRecord.js';
import { AnswerPlan } from './AnswerPlan.js';
import { RequestState } from './RequestState.js';
import { SessionActions } from './SessionActions.js';

/** How a session ended, as far as its visitor may hear of it. */
const SHOWN_ENDS = ['idle', 'absolute', 'revoked', 'replaced', 'destroyed'] as const;
export type SessionEnded = (typeof SHOWN_ENDS)[number];

/** One request's session: its state, with what a route asks of it, and what its answer needs. Both are made when they are needed. */
export class RequestSession extends RequestState {
    private ownActions: SessionActions | undefined;
    private ownPlan: AnswerPlan | undefined;

    public get actions(): SessionActions {
        this.ownActions ??= new SessionActions(this);
        return this.ownActions;
    }

    /** From when it is first asked for, the answer waits for the session. */
    public get plan(): AnswerPlan {
        this.guardAnswer();
        return this.ownPlan as AnswerPlan;
    }

    protected override guardAnswer(): void {
        this.ownPlan ??= new AnswerPlan(this);
    }

    /** `request.session`. The first look at it makes the session. */
    public get value(): unknown {
        this.open();
        if (this.object && this.response.writableEnded) {
            this.plan.watchLateChanges();
        }
        return this.given;
    }

    public set value(session: unknown) {
        this.open(); // `request.session = null` means the session that was there
        this.given = session;
    }

    /** The object, for who can't do without. */
    public current(): HttpSession {
        this.open();
        if (!this.object || this.isUnset()) {
            throw new Error('There is no session: it was destroyed or unset by this request.');
        }
        return this.object;
    }

    /** Whose session it is, unless the session is bound to a device, and the request comes from elsewhere. */
    public get loggedIn(): Login | undefined {
        const { owner } = this;
        return owner && this.services.binding?.lacksProof(this, this.key, owner) ? undefined : owner;
    }

    /** The answer depends on who sent the cookie, also where the route does not look at the session. */
    public use(): void {
        if (!this.wasRead && this.isReady) {
            this.wasRead = true;
            this.guardAnswer();
        }
    }

    /**
     * Gives the request its session, which is made when it is first asked for. All that belongs to it are the request's own
     * properties, as with express-session: other Express applications that a router mounts, also of another copy of Express, put
     * a prototype of theirs under the request, and `delete request.session` works.
     */
    public assign(): void {
        const { request } = this;
        (request as Owned)[OWNER] = this;
        this.present();
        Object.defineProperty(request, 'sessionID', SESSION_ID);
        Object.defineProperty(request, 'sessionEnded', SESSION_ENDED);
        request.sessionStore = this.services.store as Request['sessionStore'];
    }

    protected override present(): void {
        Object.defineProperty(this.request, 'session', SESSION);
    }
}

type Owned = Request & { [OWNER]: RequestSession };

const SESSION: PropertyDescriptor & ThisType<Owned> = {
    configurable: true,
    enumerable: true,
    get() {
        return this[OWNER].value;
    },
    set(session: unknown) {
        this[OWNER].value = session;
    },
};

const SESSION_ID: PropertyDescriptor & ThisType<Owned> = {
    configurable: true,
    enumerable: true,
    get() {
        const owner = this[OWNER];
        owner.open();
        return owner.id;
    },
    set(id: string | undefined) {
        this[OWNER].id = id ?? '';
    },
};

const SESSION_ENDED: PropertyDescriptor & ThisType<Owned> = {
    configurable: true,
    enumerable: false,
    get() {
        const owner = this[OWNER];
        owner.use();
        return SHOWN_ENDS.find((reason) => reason === owner.endReason);
    },
    set(ended: unknown) {
        putProperty(this, 'sessionEnded', ended);
    },
};
