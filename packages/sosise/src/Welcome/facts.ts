import type { Request } from 'express';
import { appConfig } from '../Config/AppConfig.js';
import { applicationOf } from '../Http/applicationOf.js';
import { DETAILS_ELSEWHERE, mayReadDetails } from '../Http/Errors/mayReadDetails.js';
import { inspectorFor } from '../Http/inspectorFor.js';
import { LiveReload } from '../Http/Pages/LiveReload.js';
import type { SessionConfig } from '../Session/Config/SessionConfig.js';
import { settingsOf } from '../Session/Config/settingsOf.js';
import { durationOf, titleOf } from '../Support/words.js';

export interface Facts {
    /** As a heading: `Sosise Skeleton`. */
    readonly name: string;
    /** Undefined where the page is public. */
    readonly details?: Details;
    /** What a developer has to do who sees no details. */
    readonly hint?: string;
}

export interface Details {
    readonly environment: string;
    readonly sessions: boolean;
    readonly driver: string;
    /** In words: `2 hours`. */
    readonly idle: string;
    /** What the browser asked: `http://localhost:10000/`. */
    readonly address: string;
    /** Whether the page loads again by itself after a change. */
    readonly reloads: boolean;
    /** Where this visitor finds the session inspector; undefined: nowhere. */
    readonly inspector: string | undefined;
}

/** What the welcome page says of the application that a request belongs to. */
export function factsOf(request: Request): Facts {
    const app = applicationOf(request);
    const { environment, config, container } = app;
    const { name: given } = config.get<{ name: string }>(appConfig.file);
    const name = /[A-Z\s]/.test(given) ? given : titleOf(given);
    // Any other environment may be one that strangers reach.
    if (!environment.isDevelopment && environment.name !== 'test') {
        return { name };
    }
    if (!mayReadDetails(app, request)) {
        return { name, hint: DETAILS_ELSEWHERE };
    }
    const session = app.config.find<SessionConfig>('session');
    return {
        name,
        details: {
            environment: environment.name,
            sessions: session?.enabled ?? false,
            driver: session?.driver ?? 'none',
            idle: session ? durationOf(settingsOf(session, environment).idleMs) : 'none',
            address: `${request.protocol}://${request.get('host') ?? 'localhost'}/`,
            reloads: container.has(LiveReload),
            inspector: inspectorFor(request, app),
        },
    };
}
