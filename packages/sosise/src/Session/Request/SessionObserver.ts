import type { SessionDriver } from '../Drivers/SessionDriver.js';
import type { RequestSession } from './RequestSession.js';
import type { SessionServices } from './SessionServices.js';

/**
 * Looks on at what happens to sessions. Bound by DevTools, in development only: it is asked for once, when sessions are
 * opened, so that requests pay nothing where there is none.
 */
export abstract class SessionObserver {
    /** Takes the place of RequestSession, and sees what each request does. */
    public abstract readonly Session: typeof RequestSession;

    /** The driver with something around it that counts and times. */
    public abstract watch(driver: SessionDriver): SessionDriver;

    /** Sessions are open. */
    public abstract opened(services: SessionServices): void;
}
