import type { Request } from 'express';

/** Where the pages of development are. Bound by DevTools, in development only. */
export abstract class DevelopmentPages {
    /** Where the session inspector is; undefined for who may not see it. */
    public abstract addressFor(request: Request): string | undefined;

    /** The same for the application's own address, `http://localhost:10000`. */
    public abstract addressAt(origin: string): string | undefined;
}
