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

type Setting = (typeof COOKIE_SETTINGS)[number];

/** The settings of a cookie. They are interned: cookies that differ in nothing but their times have the same object. */
export interface CookieSettings extends Readonly<Record<Setting, unknown>> {
    /** As JSON, behind the times: `,"path":"/"…}`. */
    readonly text: string;
}

/** Applications have a few; a route that makes up new ones does not fill the memory. */
const MOST_INTERNED = 200;
const interned = new Map<string, CookieSettings>();
let last: CookieSettings | undefined;

/** Nearly all cookies of an application have the same: so they are compared with the last ones first. */
export function settingsIn(cookie: StoredCookie): CookieSettings {
    const { path, domain, httpOnly, secure, sameSite, partitioned, priority } = cookie;
    if (
        last &&
        last.path === (path ?? null) &&
        last.domain === (domain ?? null) &&
        last.httpOnly === (httpOnly ?? null) &&
        last.secure === (secure ?? null) &&
        last.sameSite === (sameSite ?? null) &&
        last.partitioned === (partitioned ?? null) &&
        last.priority === (priority ?? null)
    ) {
        return last;
    }
    const found = { path, domain, httpOnly, secure, sameSite, partitioned, priority };
    last = intern(found);
    return last;
}

function intern(found: Partial<Record<Setting, unknown>>): CookieSettings {
    const text = JSON.stringify(found);
    const known = interned.get(text);
    if (known) {
        return known;
    }
    const settings = Object.fromEntries(COOKIE_SETTINGS.map((name) => [name, found[name] ?? null]));
    const made = { ...settings, text: text === '{}' ? '}' : `,${text.slice(1)}` } as unknown as CookieSettings;
    if (interned.size < MOST_INTERNED) {
        interned.set(text, made);
    }
    return made;
}

/** Whether two cookies differ in nothing but their times. What was not interned is compared by its text. */
export function areSame(one: CookieSettings, other: CookieSettings): boolean {
    return one === other || one.text === other.text;
}

/** express-session moves `expires` all the time and may lose a millisecond of `maxAge`: neither is a change. */
export function isAlike(now: StoredCookie, before: StoredCookie): boolean {
    const age = now.originalMaxAge ?? null;
    const ageBefore = before.originalMaxAge ?? null;
    const isSameAge =
        age === ageBefore ||
        (typeof age === 'number' && typeof ageBefore === 'number' && Math.abs(age - ageBefore) <= 1000);
    return isSameAge && areSame(settingsIn(now), settingsIn(before));
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
