import type { Request } from 'express';
import type { SessionDriver } from '../Drivers/SessionDriver.js';
import type { HttpSession } from '../Object/HttpSession.js';
import type { Reading } from '../Object/SessionChanges.js';
import type { LiveRecord } from '../Record/SessionRecord.js';

/** What became of a request's session by one call of the store; `discarded`: it had ended meanwhile. */
export type SessionOutcome = 'created' | 'saved' | 'touched' | 'skipped' | 'ended' | 'discarded';

/**
 * Is told what requests do with their sessions. Bound by DevTools, in development only: it is asked for once, when sessions are
 * opened, so that requests pay nothing where there is none.
 */
export abstract class SessionObserver {
    /** The driver with something around it that counts and times. */
    public abstract watch(driver: SessionDriver): SessionDriver;
    /** The store was asked for the session of the request's cookie. */
    public abstract loaded(request: Request): void;
    /** `request.session` was made, or brought to what is stored now. */
    public abstract opened(request: Request, session: HttpSession): void;
    /** A new session took the place of the one before. */
    public abstract renewed(request: Request): void;
    /** The session is compared with what is stored. */
    public abstract reading(request: Request, stored: LiveRecord | undefined, read: () => Reading): Reading;
    public abstract became(request: Request, outcome: SessionOutcome): void;
    /** The answer had to fail, as the session could not be stored. */
    public abstract failed(request: Request, error: unknown): void;
    /** No session may begin, as the browser would not come back with its cookie. */
    public abstract unreachable(request: Request): void;
    /** The end of an answer whose headers left before stores changes. */
    public abstract changedLate(request: Request): void;
}
