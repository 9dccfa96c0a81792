import { Cookie } from 'express-session';
import { LAST_COOKIE_TIME, type StoredCookie } from '../Record/CookieSettings.js';

const CookieClass = Cookie as unknown as new (options: object) => StoredCookie & Cookie;

/** express-session's cookie of a stored one, as it makes it: `originalMaxAge` is kept, and its date is a Date again. */
export function inflateCookie(stored: StoredCookie): Cookie {
    const { originalMaxAge, expires, ...settings } = stored;
    const cookie = new CookieClass(settings) as Cookie;
    cookie.expires = typeof expires === 'string' ? new Date(Math.min(Date.parse(expires), LAST_COOKIE_TIME)) : null;
    cookie.originalMaxAge = originalMaxAge || null;
    return cookie;
}
