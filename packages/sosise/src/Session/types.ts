import type {} from 'express-session';
import type { SessionEnded } from './Request/RequestSession.js';

declare global {
    namespace Express {
        interface Request {
            /** How the session that the cookie names ended, for 24 hours after its end; else undefined. */
            readonly sessionEnded?: SessionEnded | undefined;
        }
    }
}

declare module 'express-session' {
    /** What `flash()` carries to the next page: name your keys in `src/types/session.d.ts`. */
    interface FlashData {}

    interface Session {
        /** Stores the changes made so far now, instead of when the answer leaves. */
        save(): Promise<void>;
        /** Reads the session again; unsaved changes of this request are dropped. */
        reload(): Promise<void>;
        /** Ends the session: its data is gone, its id is refused, its cookie is cleared. */
        destroy(): Promise<void>;
        /** Ends the session and begins a new, empty one under a new id. */
        regenerate(): Promise<void>;
        /** Gives the session a new id and keeps its data; the old id ends. */
        migrate(): Promise<void>;
        migrate(callback: (error?: unknown) => void): this;
    }
}
