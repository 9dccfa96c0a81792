import type { SessionSettings } from '../Config/SessionConfig.js';
import { OWN_AGE, type StoredCookie } from './CookieSettings.js';
import type { Life, LiveRecord } from './SessionRecord.js';

export interface LifetimeOptions {
    /** How long a session lives without a request, in ms, unless its own cookie says otherwise. */
    idleMs: number;
    /** `cookie.maxAge` of the config in ms: a session whose own differs ("remember me") goes by its own. */
    maxAgeMs: number | undefined;
    /** `cookie.expires` of the config, in ms since the epoch: then a session's `originalMaxAge` says how far away that was. */
    fixedEnd?: number | undefined;
    /** How long a session lives at the most, in ms; null: for ever; undefined: seven days, or more where it idles longer. */
    absoluteMs?: number | null | undefined;
}

/** `own` may be left out where `maxAge` is what an old record says. */
export type Lifetime = Pick<LiveRecord, 'seen' | 'created' | 'maxAge'> & Partial<Pick<LiveRecord, 'own'>>;
type Age = Omit<Lifetime, 'seen' | 'created'>;

const LEAST_ABSOLUTE_MS = 7 * 86_400_000;
/** Part of the idle time after which a request without changes is written down as activity, and of its life after which a cookie is sent again. */
const RENEW_AFTER = 0.05;
/** A date in the config comes nearer while a request runs. */
const LONGEST_REQUEST_MS = 60_000;

/** How long a session lives at the most, in ms; Infinity: for ever. */
export function longestLife({ absoluteMs, maxAgeMs = 0 }: Omit<LifetimeOptions, 'idleMs'>, idleMs: number): number {
    return absoluteMs === undefined
        ? Math.max(LEAST_ABSOLUTE_MS, maxAgeMs, idleMs)
        : (absoluteMs ?? Number.POSITIVE_INFINITY);
}

/** When sessions end, as the config says. */
export function lifetimeOf(settings: SessionSettings): LifetimeOptions {
    return {
        idleMs: settings.idleMs,
        maxAgeMs: settings.cookie.maxAge ?? undefined,
        absoluteMs: settings.absoluteMs,
        fixedEnd: settings.cookie.expires?.getTime(),
    };
}

/** When sessions end, by their own cookies and by the config. */
export class SessionLifetime {
    public constructor(private readonly options: LifetimeOptions) {}

    /** The same for a record as it stands, worked out once. */
    public lifeOf(record: LiveRecord): Life {
        if (!record.life) {
            const { at: endsAt, reason } = this.endOf(record);
            const idle = this.idleOf(record);
            const { maxAgeMs = idle } = this.options;
            const shorter = maxAgeMs < idle && !this.hasOwnAge(record) ? maxAgeMs : idle;
            const touchAt = record.isAhead ? Number.NEGATIVE_INFINITY : record.seen + shorter * RENEW_AFTER;
            record.life = { endsAt, reason, touchAt };
        }
        return record.life;
    }

    /** When a session ends if nobody uses it any more, in ms since the epoch, and which of its limits that is. */
    public endOf(record: Lifetime): { at: number; reason: 'idle' | 'absolute' } {
        const idle = this.idleEndOf(record);
        const absolute = this.absoluteEndOf(record);
        return idle < absolute ? { at: idle, reason: 'idle' } : { at: absolute, reason: 'absolute' };
    }

    public lives(record: LiveRecord, now = Date.now()): boolean {
        return now <= this.lifeOf(record).endsAt;
    }

    /** When a session ends that nobody uses, in ms since the epoch, if its absolute end is not before that. */
    public idleEndOf(record: Omit<Lifetime, 'created'>): number {
        return record.seen + (this.idleOf(record) || -1); // of no time at all, it is over in the millisecond in which it was stored, too
    }

    /** When a session ends however much it is used, in ms since the epoch. */
    public absoluteEndOf(record: Omit<Lifetime, 'seen'>): number {
        return record.created + longestLife(this.options, this.idleOf(record));
    }

    /**
     * Whether the browser's copy of the cookie has lost enough of its life that it is sent again. The record keeps the end
     * of that copy; one whose end no cookie of today could have is sent again, too.
     */
    public hasCookieAged(record: LiveRecord, now = Date.now()): boolean {
        const { expires } = record.cookie;
        const age = this.ageOf(record) ?? Number.NaN;
        const sentAt = typeof expires === 'string' ? Date.parse(expires) - age : Number.NaN;
        return !(Math.abs(now - sentAt) < age * RENEW_AFTER);
    }

    /** For how long (ms) browsers get a session's cookie now; null: until they are closed. */
    public ageOf(record: Age): number | null {
        const { maxAgeMs, fixedEnd } = this.options;
        if (this.hasOwnAge(record)) {
            return typeof record.maxAge === 'number' ? record.maxAge : null;
        }
        return fixedEnd === undefined ? (maxAgeMs ?? null) : fixedEnd - Date.now();
    }

    /** Whether the session's `maxAge` is its own. An old record does not say it: there, it is another one than the config's. */
    public hasOwnAge({ maxAge, own }: Age): boolean {
        return own
            ? own.includes(OWN_AGE)
            : typeof maxAge === 'number' && this.options.fixedEnd === undefined && this.isOwnAge(maxAge);
    }

    /** Whether a route has given a cookie another age than the config does. */
    public isOwnAge(age: StoredCookie['originalMaxAge']): boolean {
        const { maxAgeMs, fixedEnd } = this.options;
        if (fixedEnd !== undefined) {
            return typeof age !== 'number' || Math.abs(fixedEnd - Date.now() - age) > LONGEST_REQUEST_MS;
        }
        // express-session's cookie may lose a millisecond between setting and reading its maxAge.
        return typeof age === 'number' && maxAgeMs !== undefined
            ? Math.abs(age - maxAgeMs) > 1000
            : typeof age === 'number' || maxAgeMs !== undefined;
    }

    private idleOf(record: Age): number {
        return typeof record.maxAge === 'number' && this.hasOwnAge(record) ? record.maxAge : this.options.idleMs;
    }
}
