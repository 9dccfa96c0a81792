import { serialize } from 'cookie';
import type { Place } from '../../Config/Place.js';
import {
    boolean,
    instanceOf,
    integer,
    nullable,
    object,
    oneOf,
    optional,
    type Rule,
    string,
} from '../../Config/rules.js';
import {
    type FormerCookie,
    LONGEST_AGE_MS,
    MAX_COOKIE_BYTES,
    type SessionConfig,
    type SessionCookieConfig,
} from '../Config/SessionConfig.js';
import { cookieName } from '../Config/settingsOf.js';
import { LAST_COOKIE_TIME } from '../Record/CookieSettings.js';

/** `s:`, an id of 32 characters, and the signature of 43 with its dot; two characters are escaped. */
const ISSUED_LENGTH = 82;

/** Set-Cookie names and paths can't hold these; browsers would cut the cookie there. */
const COOKIE_NAME = /^(?!__proto__$)[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export const cookieNames = string({ pattern: COOKIE_NAME, allowed: 'names that a cookie can have, but for __proto__' });
const cookiePath = string({ pattern: /^\/[^;\s]*$/, allowed: 'paths that begin with /' });
const cookieDomain = string({ pattern: /^[A-Za-z0-9.-]+$/, allowed: 'host names' });

export const cookieRules: Rule = (value, at) => {
    if (typeof value === 'function') {
        at.say(
            "is a function, which can't be checked at start-up: use an object, and change request.session.cookie in a route.",
        );
        return;
    }
    object({
        maxAge: optional(nullable(integer({ min: 1, max: LONGEST_AGE_MS, unit: 'milliseconds' }))),
        expires: optional(nullable(instanceOf(Date))),
        path: optional(cookiePath),
        domain: optional(cookieDomain),
        httpOnly: optional(boolean()),
        secure: optional(oneOf(true, false, 'auto')),
        sameSite: optional(oneOf(true, false, 'lax', 'strict', 'none', 'auto')),
        partitioned: optional(boolean()),
        priority: optional(oneOf('low', 'medium', 'high')),
    })(value, at);
    checkCookie((value ?? {}) as SessionCookieConfig, at);
};

/** What passes each rule may still be no cookie: found out here, and not with the first visitor. */
function checkCookie({ maxAge, expires, path, domain }: SessionCookieConfig, at: Place): void {
    const date = expires ?? new Date(Date.now() + (typeof maxAge === 'number' ? maxAge : 0));
    try {
        serialize('name', '', {
            ...(date instanceof Date && { expires: date }),
            ...(typeof path === 'string' && { path }),
            ...(typeof domain === 'string' && { domain }),
        });
    } catch (error) {
        at.say(`can't be sent: ${(error as Error).message.replace('option ', '')}.`);
    }
}

export const formerRules: Rule = (value, at) => {
    object({ name: optional(cookieNames), domain: optional(cookieDomain), path: optional(cookiePath) })(value, at);
    checkCookie((value ?? {}) as FormerCookie, at);
};

/** What no rule for a single key can see. */
export function checkCookies(config: Partial<SessionConfig>, at: Place): void {
    checkDelivery(config, at);
    checkFormer(config, at);
}

/** To end the cookie that is sent would log everybody out. */
function checkFormer({ name, cookie = {}, formerCookies }: Partial<SessionConfig>, at: Place): void {
    const today = cookieName({ name, cookie }, at.environment);
    const identity = (own: FormerCookie) =>
        [own.name ?? today, own.domain?.toLowerCase().replace(/^\./, ''), own.path ?? '/'].join();
    for (const [index, former] of (Array.isArray(formerCookies) ? formerCookies : []).entries()) {
        if (former && identity(former) === identity({ ...cookie, name: today })) {
            at.key('formerCookies')
                .key(index)
                .say('is the cookie of today: give the name, the domain or the path that the former one had.');
        }
    }
}

/** Cookies that browsers throw away without a word: their visitors would have no session. */
function checkDelivery(config: Partial<SessionConfig>, at: Place): void {
    const { secure, sameSite, partitioned, domain, path = '/', httpOnly, expires } = config.cookie ?? {};
    const fix = 'Set cookie.secure to true';
    if (sameSite === 'none' && secure !== true && secure !== 'auto') {
        at.key('cookie')
            .key('sameSite')
            .say(`is 'none', and browsers drop such a cookie unless it is secure. ${fix}, or sameSite to 'lax'.`);
    }
    if (partitioned === true && secure !== true) {
        at.key('cookie')
            .key('partitioned')
            .say(`is true, and browsers drop such a cookie unless it is secure. ${fix}.`);
    }
    const name = cookieName({ name: config.name, cookie: config.cookie ?? {} }, at.environment);
    const prefix = /^__(?:Host|Secure|Http)-/i.exec(name)?.[0];
    if (prefix && secure !== true) {
        at.key('name').say(
            `begins with ${prefix}, and browsers drop such a cookie unless it is secure. ${fix}, or leave name out: it gets the prefix by itself where that can be.`,
        );
    }
    if (prefix?.toLowerCase() === '__host-' && (domain !== undefined || path !== '/')) {
        at.key('name').say(
            `begins with ${prefix}, and browsers drop such a cookie if it has a ${domain === undefined ? 'path other than /' : 'domain'}. Use __Secure- instead, or leave cookie.${domain === undefined ? 'path' : 'domain'} out.`,
        );
    }
    if (/^__(?:Host-)?Http-/i.test(name) && httpOnly === false) {
        at.key('name').say('begins with __Http-, and browsers drop such a cookie unless cookie.httpOnly is true.');
    }
    if (expires instanceof Date && expires.getTime() <= Date.now()) {
        at.key('cookie').key('expires').say('is in the past, and browsers drop such a cookie. Use maxAge instead.');
    }
    if (expires instanceof Date && expires.getTime() > LAST_COOKIE_TIME) {
        at.key('cookie')
            .key('expires')
            .say('is after the year 9999, and browsers do not take that. Use maxAge instead.');
    }
    const bytes = cookieBytes(name, config.cookie ?? {});
    if (bytes > MAX_COOKIE_BYTES) {
        at.key('cookie').say(`makes a cookie of ${bytes} bytes, and browsers drop those above ${MAX_COOKIE_BYTES}.`);
    }
}

/** How long the whole cookie is, with an id as they are made here. */
function cookieBytes(name: string, { path, domain }: SessionCookieConfig): number {
    const longest = {
        expires: new Date(),
        httpOnly: true,
        secure: true,
        partitioned: true,
        sameSite: 'strict',
    } as const;
    try {
        const value = 'x'.repeat(ISSUED_LENGTH);
        return serialize(name, value, { ...longest, ...(path && { path }), ...(domain && { domain }) }).length;
    } catch {
        return 0; // said elsewhere
    }
}
