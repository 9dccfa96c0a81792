import { isAlike, LAST_COOKIE_TIME, type StoredCookie } from '../Record/CookieSettings.js';
import { wrongSetting } from '../Record/cookieText.js';
import { ReservedSessionKeyError, UnstorableSessionError } from '../Repository/SessionErrors.js';
import type { HttpSession } from './HttpSession.js';

type SessionCookie = HttpSession['cookie'];

export function cookieOf(cookie: SessionCookie): StoredCookie {
    if (typeof cookie?.toJSON !== 'function') {
        throw new ReservedSessionKeyError('cookie');
    }
    const data = cookie.toJSON() as StoredCookie & { expires?: unknown };
    // false is how express-session's documents ask for a cookie that ends with the browser.
    return data.originalMaxAge === false || data.expires === false
        ? { ...data, originalMaxAge: null, expires: null }
        : data;
}

/** The first that a Date can have. */
const FIRST_TIME = -8.64e15;

/** The last one that was found good: nearly all cookies of an application are alike. */
let goodCookie: StoredCookie | undefined;

/** A cookie that can't be sent, or not be read back, would cost the visitor the session: it is refused instead. */
export function checkCookie(given: SessionCookie, cookie: StoredCookie): void {
    if (goodCookie && isAlike(cookie, goodCookie)) {
        return;
    }
    const wrongEnd = wrongEndOf(given, cookie);
    if (wrongEnd) {
        throw new UnstorableSessionError(`request.session.cookie.expires ${wrongEnd}.`);
    }
    const wrong = wrongSetting(JSON.parse(JSON.stringify(cookie)) as Record<string, unknown>);
    if (wrong) {
        throw new UnstorableSessionError(`request.session.cookie.${wrong} has a value that no cookie can have.`);
    }
    try {
        given.serialize('name', '');
    } catch (cause) {
        throw new UnstorableSessionError(
            `request.session.cookie can't be sent: ${(cause as Error).message.replace('option ', '')}.`,
            { cause },
        );
    }
    goodCookie = cookie;
}

/** Why a cookie can't have its end. One in the past is none of that: it makes browsers drop the cookie. */
function wrongEndOf({ expires }: SessionCookie, { originalMaxAge: age }: StoredCookie): string | undefined {
    if (expires && !(expires instanceof Date)) {
        return 'is not a Date: give it one, or set maxAge (ms) instead';
    }
    const end = typeof age === 'number' ? Date.now() + age : 0;
    // The age is counted from now on with each answer, so that it may lead a little further than the date that was set.
    if ((expires && expires.getTime() > LAST_COOKIE_TIME) || end > 2 * LAST_COOKIE_TIME) {
        return "is after the year 9999, which browsers don't take: choose an earlier Date, or a smaller maxAge";
    }
    return end >= FIRST_TIME ? undefined : 'is an invalid Date: set it, or maxAge, to a time that there is';
}
