import { type StoredCookie, withKnownSettings } from './CookieSettings.js';
import { DamagedRecordError } from './DamagedRecordError.js';
import { isObject, isTime, tryParse } from './jsonText.js';

/** What stands behind `originalMaxAge` and `expires` in cookies that were parsed: nearly all of an application are alike. */
const knownSettings = new Map<string, StoredCookie>();
const MOST_KNOWN = 50;

/**
 * The cookie of a record that was written here, whose text begins with `originalMaxAge`. The settings behind its times
 * are parsed and checked once: 0.5 in place of 4 µs (Node 20).
 */
export function parseCookie(text: string, originalMaxAge: number | null): StoredCookie {
    const start = `{"originalMaxAge":${originalMaxAge},"expires":`;
    const end = text.startsWith(`${start}"`) ? text.indexOf('"', start.length + 1) + 1 : start.length + 'null'.length;
    const settings = text.slice(end);
    const known = knownSettings.get(settings);
    if (!known || !text.startsWith(start)) {
        return parseNewCookie(text, settings);
    }
    const expires = text.slice(start.length, end);
    if (expires === 'null') {
        return { originalMaxAge, expires: null, ...known };
    }
    const time = expires.slice(1, -1);
    return Number.isFinite(Date.parse(time)) ? { originalMaxAge, expires: time, ...known } : parseNewCookie(text, '');
}

function parseNewCookie(text: string, settings: string): StoredCookie {
    const cookie = storedCookie(tryParse(text));
    if (settings.startsWith(',') && knownSettings.size < MOST_KNOWN) {
        const { originalMaxAge, expires, ...known } = cookie;
        knownSettings.set(settings, withKnownSettings(known));
    }
    return cookie;
}

export function storedCookie(cookie: unknown): StoredCookie {
    if (!isObject(cookie) || wrongSetting(cookie) !== undefined) {
        throw new DamagedRecordError('it has no valid cookie part');
    }
    return cookie as StoredCookie;
}

/** The packages' own records have no last access when their store is not a file: the cookie tells it. */
export function lastSeenByCookie(cookie: StoredCookie): number | undefined {
    const expires = typeof cookie.expires === 'string' ? Date.parse(cookie.expires) : Number.NaN;
    const seen = expires - (cookie.originalMaxAge || Number.NaN);
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
