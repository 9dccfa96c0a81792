import type { Request } from 'express';

/** Knows a request's route as the code writes it, with where its router is mounted. Bound by the provider of the pipeline. */
export abstract class RoutePatterns {
    /** Undefined where no route has matched. */
    public abstract of(request: Request): string | undefined;
}
