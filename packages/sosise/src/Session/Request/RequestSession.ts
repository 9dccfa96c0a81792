import type { NextFunction, Request, Response } from 'express';
import type { CookieId } from '../Cookie/CookieId.js';
import type { Refusal } from '../Forgery/RequestForgery.js';
import { AnswerPlan } from './AnswerPlan.js';
import { RequestState } from './RequestState.js';
import { SessionActions } from './SessionActions.js';
import type { SessionServices } from './SessionServices.js';

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
        this.ownPlan ??= new AnswerPlan(this);
        return this.ownPlan;
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
}
