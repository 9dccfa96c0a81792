import type { LiveRecord, StoredCookie } from './SessionRecord.js';

export interface LifetimeOptions {
    /** How long a session lives without a request, in ms, unless its own cookie says otherwise. */
    idleMs: number;
    /** `cookie.maxAge` of the config in ms: a session whose own differs ("remember me") goes by its own. */
    maxAgeMs: number | undefined;
    /** `cookie.expires` is configured: then a session's `originalMaxAge` says how far away that was, and nothing more. */
    hasFixedEnd?: boolean;
    /** How long a session lives at the most, in ms; null: for ever; undefined: seven days, or more where it idles longer. */
    absoluteMs?: number | null | undefined;
}

type Lifetime = Pick<LiveRecord, 'seen' | 'created' | 'maxAge'>;

const LEAST_ABSOLUTE_MS = 7 * 86_400_000;
/** Part of the idle time that may pass before a request without changes is written down as activity. */
const TOUCH_AFTER = 0.05;

/** How long a session lives at the most, in ms; Infinity: for ever. */
export function longestLife({ absoluteMs, maxAgeMs = 0 }: Omit<LifetimeOptions, 'idleMs'>, idleMs: number): number {
    return absoluteMs === undefined
        ? Math.max(LEAST_ABSOLUTE_MS, maxAgeMs, idleMs)
        : (absoluteMs ?? Number.POSITIVE_INFINITY);
}

/** When sessions end, by their own cookies and by the config. */
export class SessionLifetime {
    public constructor(private readonly options: LifetimeOptions) {}

    /** When a session ends if nobody uses it any more, in ms since the epoch, and which of its limits that is. */
    public endOf({ seen, created, maxAge }: Lifetime): { at: number; reason: 'idle' | 'absolute' } {
        const idle = this.idleEndOf({ seen, maxAge });
        const absolute = this.absoluteEndOf({ created, maxAge });
        return idle < absolute ? { at: idle, reason: 'idle' } : { at: absolute, reason: 'absolute' };
    }

    /** When a session ends that nobody uses, in ms since the epoch, if its absolute end is not before that. */
    public idleEndOf({ seen, maxAge }: Omit<Lifetime, 'created'>): number {
        return seen + this.idleOf(maxAge);
    }

    /** When a session ends however much it is used, in ms since the epoch. */
    public absoluteEndOf({ created, maxAge }: Omit<Lifetime, 'seen'>): number {
        return created + longestLife(this.options, this.idleOf(maxAge));
    }

    /** Whether enough of the idle time has passed that a request has to be written down as activity. */
    public touchDue(record: LiveRecord, now = Date.now()): boolean {
        return record.isAhead || now - record.seen >= this.idleOf(record.maxAge) * TOUCH_AFTER;
    }

    /**
     * Whether the browser's copy of the cookie has lost enough of its life that it is sent anew. By the end that the record
     * keeps of it; one that no cookie of today would have is sent anew, too.
     */
    public cookieDue({ cookie, maxAge }: LiveRecord, now = Date.now()): boolean {
        const sentAt = typeof cookie.expires === 'string' ? Date.parse(cookie.expires) - Number(maxAge) : Number.NaN;
        return !(Math.abs(now - sentAt) < Number(maxAge) * TOUCH_AFTER);
    }

    /** @param own The session's own `originalMaxAge`. */
    private idleOf(own: StoredCookie['originalMaxAge']): number {
        const { idleMs, maxAgeMs, hasFixedEnd } = this.options;
        // express-session's cookie may lose a millisecond between setting and reading its maxAge.
        const isOwn =
            typeof own === 'number' && !hasFixedEnd && (maxAgeMs === undefined || Math.abs(own - maxAgeMs) > 1000);
        return isOwn ? own : idleMs;
    }
}
