import type { NextFunction, Request, Response } from 'express';
import type { CookieId } from '../Cookie/CookieId.js';
import type { Refusal } from '../Forgery/RequestForgery.js';
import { OWNER, presentSession, putProperty } from '../Object/requestOwner.js';
import { AnswerPlan } from './AnswerPlan.js';
import { RequestState } from './RequestState.js';
import { SessionActions } from './SessionActions.js';
import type { SessionServices } from './SessionServices.js';

/** How a session ended, as far as its visitor may hear of it. */
const SHOWN_ENDS = ['idle', 'absolute', 'revoked', 'replaced', 'destroyed'] as const;
export type SessionEnded = (typeof SHOWN_ENDS)[number];

/** One request's session: its state, with what a route asks of it, and what its answer needs. Both are made when they are needed. */
export class RequestSession extends RequestState {
    private ownActions: SessionActions | undefined;
    private ownPlan: AnswerPlan | undefined;

    public constructor(
        services: SessionServices,
        request: Request,
        response: Response,
        private readonly next: NextFunction,
        cookie: CookieId | undefined,
        refusal: Refusal | undefined,
    ) {
        super(services, request, response, cookie, refusal);
    }

    public get actions(): SessionActions {
        this.ownActions ??= new SessionActions(this, this.next);
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
        if (!this.open()) {
            return undefined;
        }
        if (this.response.writableEnded) {
            this.plan.watchLateChanges();
        }
        return this.given;
    }

    public set value(session: unknown) {
        this.open(); // `request.session = null` means the session that was there
        this.given = session;
    }

    /**
     * Gives the request its session, which is made when it is first asked for. All that belongs to it are the request's own
     * properties, as with express-session: other Express applications that a router mounts, also of another copy of Express, put
     * a prototype of theirs under the request, and `delete request.session` works.
     */
    public assign(): void {
        const { request } = this;
        (request as Request & { [OWNER]: RequestSession })[OWNER] = this;
        // One by one: Object.defineProperties takes twice as long, 1.8 in place of 0.8 µs (Node 24).
        presentSession(request);
        Object.defineProperty(request, 'sessionID', SESSION_ID);
        Object.defineProperty(request, 'sessionEnded', SESSION_ENDED);
        request.sessionStore = this.services.store as Request['sessionStore'];
    }
}

const SESSION_ID: PropertyDescriptor & ThisType<Request & { [OWNER]: RequestSession }> = {
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

const SESSION_ENDED: PropertyDescriptor & ThisType<Request & { [OWNER]: RequestSession }> = {
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
