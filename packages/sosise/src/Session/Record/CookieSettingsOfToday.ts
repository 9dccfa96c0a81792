import { Cookie } from 'express-session';
import type { SessionCookieConfig } from '../Config/SessionConfig.js';
import { COOKIE_SETTINGS, hasSameSettings, OWN_AGE, type StoredCookie } from './CookieSettings.js';
import type { SessionLifetime } from './SessionLifetime.js';
import type { LiveRecord } from './SessionRecord.js';

const CookieClass = Cookie as unknown as new (options: object) => StoredCookie;

/** Nothing of a cookie is a session's own. */
const NOTHING: readonly string[] = [];

/**
 * A session's cookie as it is today: what a route has changed is the session's own, all else is as the config says now, whatever
 * it said when the session was stored.
 */
export class CookieSettingsOfToday {
    /** The config's settings. Those that are 'auto' are what they were for the request that began the session. */
    private readonly settings: StoredCookie;
    private readonly names: readonly (typeof COOKIE_SETTINGS)[number][];

    public constructor(
        config: SessionCookieConfig,
        private readonly lifetime: SessionLifetime,
    ) {
        // As express-session fills in what is left out.
        const { path, domain, httpOnly, secure, sameSite, partitioned, priority } = new CookieClass(config);
        this.settings = { path, domain, httpOnly, secure, sameSite, partitioned, priority } as StoredCookie;
        this.names = COOKIE_SETTINGS.filter((name) => this.settings[name] !== 'auto');
    }

    /** Nearly always it is the stored one: then that is given. */
    public of(record: LiveRecord): StoredCookie {
        const { cookie, own } = record;
        const age = this.lifetime.ageOf(record);
        if (age === (cookie.originalMaxAge ?? null) && hasSameSettings(cookie, this.settings)) {
            return cookie;
        }
        const today: Record<string, unknown> = { ...cookie, originalMaxAge: age };
        for (const name of this.names) {
            if (this.differs(name, cookie, own)) {
                today[name] = this.settings[name];
            }
        }
        today['expires'] = age === null ? null : (cookie.expires ?? new Date(record.seen + age).toISOString());
        return today;
    }

    /** What a route has changed: the names of settings that are not the config's. */
    public ownOf(cookie: StoredCookie): readonly string[] {
        const own = this.names.filter((name) => this.differs(name, cookie)) as string[];
        if (this.lifetime.isOwnAge(cookie.originalMaxAge)) {
            own.push(OWN_AGE);
        }
        return own;
    }

    /** The same for a record: an old one does not say it, and only its age can be told from the config's. */
    public ownIn(record: LiveRecord): readonly string[] {
        return record.own ?? (this.lifetime.hasOwnAge(record) ? [OWN_AGE] : NOTHING);
    }

    private differs(name: (typeof COOKIE_SETTINGS)[number], cookie: StoredCookie, own = NOTHING): boolean {
        return (cookie[name] ?? null) !== (this.settings[name] ?? null) && !own.includes(name);
    }
}
