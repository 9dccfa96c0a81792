import type { Request } from 'express';
import type { SessionDriver } from '../Drivers/SessionDriver.js';
import type { LiveRecord } from '../Record/SessionRecord.js';
import type { Reading } from './ChangeTracker.js';
import type { HttpSession } from './HttpSession.js';

/**
 * Sees what no event tells, as it is what sessions hold. Bound by DevTools, in development only: it is asked for once, when sessions
 * are opened, so that requests pay nothing where there is none.
 */
export abstract class SessionObserver {
    /** The driver with something around it that counts and times. */
    public abstract watch(driver: SessionDriver): SessionDriver;
    /** `request.session` was made, also in the place of one before, or brought to what is stored now. */
    public abstract opened(request: Request, session: HttpSession): void;
    /** The session is compared with what is stored. */
    public abstract reading(request: Request, stored: LiveRecord | undefined, read: () => Reading): Reading;
}
