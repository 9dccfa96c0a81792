import { Cookie } from 'express-session';
import type { StoredCookie } from '../Record/SessionRecord.js';
import { LAST_COOKIE_TIME } from './SetCookieForm.js';

/** As express-session does it: a stored cookie keeps its `originalMaxAge`, and its date is a Date again. */
export function inflateCookie(stored: StoredCookie): Cookie {
    const { originalMaxAge, expires, ...rest } = stored;
    const cookie = new (Cookie as unknown as new (options: object) => Cookie)(rest);
    cookie.expires = typeof expires === 'string' ? new Date(Math.min(Date.parse(expires), LAST_COOKIE_TIME)) : null;
    cookie.originalMaxAge = originalMaxAge || null;
    return cookie;
}
