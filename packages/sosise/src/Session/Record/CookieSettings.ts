import type { SessionCookieConfig } from '../Config/SessionConfig.js';

/** What a cookie says beside its times. */
export const COOKIE_SETTINGS = ['path', 'domain', 'httpOnly', 'secure', 'sameSite', 'partitioned', 'priority'] as const;
/** How a record names the age of its cookie, where that is the session's own. */
export const OWN_AGE = 'maxAge';
/** The last time that a Set-Cookie line can say: browsers take years of four digits. */
export const LAST_COOKIE_TIME = Date.UTC(10_000, 0) - 1;

/** The cookie part of a record, with express-session's names. */
export interface StoredCookie extends Omit<SessionCookieConfig, 'maxAge' | 'expires'> {
    originalMaxAge?: number | null | false;
    expires?: string | boolean | null;
}

/** Whether two cookies differ in nothing but their times. */
export function hasSameSettings(one: StoredCookie, other: StoredCookie): boolean {
    return (
        one.path === other.path &&
        one.domain === other.domain &&
        one.httpOnly === other.httpOnly &&
        one.secure === other.secure &&
        one.sameSite === other.sameSite &&
        one.partitioned === other.partitioned &&
        one.priority === other.priority
    );
}

/** express-session moves `expires` all the time and may lose a millisecond of `maxAge`: neither is a change. */
export function isAlike(now: StoredCookie, before: StoredCookie): boolean {
    const age = now.originalMaxAge ?? null;
    const ageBefore = before.originalMaxAge ?? null;
    const isSameAge =
        age === ageBefore ||
        (typeof age === 'number' && typeof ageBefore === 'number' && Math.abs(age - ageBefore) <= 1000);
    return isSameAge && hasSameSettings(now, before);
}

/** As a browser would be told, but for the name and the value. */
export function cookieInWords(cookie: Omit<StoredCookie, 'expires'>): string {
    const { originalMaxAge, path, domain, httpOnly, secure, sameSite, partitioned, priority } = cookie;
    const parts = [
        typeof originalMaxAge === 'number'
            ? `Max-Age=${Math.round(originalMaxAge / 1_000)}`
            : 'until the browser closes',
        domain && `Domain=${domain}`,
        path && `Path=${path}`,
        httpOnly && 'HttpOnly',
        secure && (secure === 'auto' ? 'Secure=auto' : 'Secure'),
        sameSite && `SameSite=${sameSite === true ? 'strict' : sameSite}`,
        partitioned && 'Partitioned',
        priority && `Priority=${priority}`,
    ];
    return parts.filter(Boolean).join('; ');
}
