import type { Request } from 'express';
import type { FlashData } from 'express-session';
import { required } from './login.js';

/**
 * Puts a value by for the next page: `flashed()` gives it there, and in this request too. It is gone once that page was
 * shown, and waits through redirects, server errors, fetches and prefetches.
 */
export function flash<Key extends keyof FlashData & string>(request: Request, key: Key, value: FlashData[Key]): void {
    required(request, 'flash').flash(key, value);
}

/** What was flashed for this page; undefined where nothing was. It may be asked for any number of times. */
export function flashed<Key extends keyof FlashData & string>(request: Request, key: Key): FlashData[Key] | undefined {
    return required(request, 'flashed').flashed(key) as FlashData[Key] | undefined;
}
