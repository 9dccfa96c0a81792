import type { Request } from 'express';
import type { FlashData } from 'express-session';
import { required } from './login.js';
import type { RequestSession } from './Request/RequestSession.js';

/**
 * Keeps a value for the next page: `flashed()` gives it there, and in this request too. It is removed once that page was
 * shown, and stays through redirects, server errors, fetches and prefetches.
 */
export function flash<Key extends keyof FlashData & string>(request: Request, key: Key, value: FlashData[Key]): void {
    const session = required(request, 'flash');
    session.flash.put(session.current(), key, value);
}

/** What was flashed for this page; undefined where nothing was. It may be asked for any number of times. */
export function flashed<Key extends keyof FlashData & string>(request: Request, key: Key): FlashData[Key] | undefined {
    return flashedIn(required(request, 'flashed'), key) as FlashData[Key] | undefined;
}

/** The same for what the framework itself flashes. */
export function flashedIn(session: RequestSession, key: string): unknown {
    session.open();
    return session.object && !session.isUnset() ? session.flash.get(session.object, key) : undefined;
}
