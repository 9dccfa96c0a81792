import type { Request } from 'express';
import { appConfig } from '../../Config/AppConfig.js';
import { optionalConfig } from '../../Config/optionalConfig.js';
import { type SessionConfig, settingsOf } from '../../Session/SessionConfig.js';
import { TIME_UNITS } from '../../timeUnits.js';
import { applicationOf } from '../applicationOf.js';
import { inspectorFor } from '../inspectorFor.js';
import { LiveReload } from '../pages/LiveReload.js';

export interface Facts {
    /** As a heading: `Sosise Skeleton`. */
    readonly name: string;
    /** Undefined where the page is public. */
    readonly details?: Details;
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
    const name = headingOf(config.get<{ name: string }>(appConfig.file).name);
    // Any other environment may be one that strangers reach.
    if (!environment.isDevelopment && environment.name !== 'test') {
        return { name };
    }
    const session = optionalConfig<SessionConfig>(app, 'session');
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

/** `my-shop` is the name of a package, `My Shop` that of a shop. */
function headingOf(name: string): string {
    return /[A-Z\s]/.test(name)
        ? name
        : name.replace(/(^|[-_.])(\w)/g, (_, gap, letter) => `${gap && ' '}${letter.toUpperCase()}`);
}

/** A time in the largest unit that divides it: `90 minutes`. */
export function durationOf(ms: number): string {
    const [name, size] = TIME_UNITS.find(([, size]) => ms % size === 0) ?? ['millisecond', 1];
    const count = ms / size;
    return `${count} ${name}${count === 1 ? '' : 's'}`;
}
