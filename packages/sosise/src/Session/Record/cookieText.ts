import type { StoredCookie } from './CookieSettings.js';
import { DamagedRecordError } from './DamagedRecordError.js';
import { isObject, isTime } from './jsonText.js';

/** The cookie of a record, as it was parsed. */
export function storedCookie(cookie: unknown): StoredCookie {
    if (!isObject(cookie) || wrongSetting(cookie) !== undefined) {
        throw new DamagedRecordError('it has no valid cookie part');
    }
    return cookie as StoredCookie;
}

/** The packages' own records have no last access when their store is not a file: the cookie tells it. */
export function lastSeenByCookie(cookie: StoredCookie): number | undefined {
    const seen = Date.parse(String(cookie.expires)) - (cookie.originalMaxAge || Number.NaN);
    return Number.isFinite(seen) ? seen : undefined;
}

const optional = (type: string) => (value: unknown) => value === undefined || value === null || typeof value === type;
const COOKIE_CHECKS: Record<string, (value: unknown) => boolean> = {
    // express-session's documents say false for a cookie that ends with the browser.
    originalMaxAge: (value) => value === undefined || value === null || value === false || isTime(value),
    expires: (value) =>
        value === undefined ||
        value === null ||
        typeof value === 'boolean' ||
        (typeof value === 'string' && Number.isFinite(Date.parse(value))),
    path: optional('string'),
    domain: optional('string'),
    httpOnly: optional('boolean'),
    secure: (value) => optional('boolean')(value) || value === 'auto',
    sameSite: (value) =>
        optional('boolean')(value) || ['lax', 'strict', 'none', 'auto'].includes(String(value).toLowerCase()),
    partitioned: optional('boolean'),
    priority: (value) =>
        value === undefined || value === null || ['low', 'medium', 'high'].includes(String(value).toLowerCase()),
};

/** The name of the first setting that no cookie can have. */
export function wrongSetting(cookie: Readonly<Record<string, unknown>>): string | undefined {
    return Object.keys(COOKIE_CHECKS).find((key) => !COOKIE_CHECKS[key]?.(cookie[key]));
}
