import type { Logger } from '../../Logging/Logger.js';
import { auditChannel } from '../../Logging/LoggingConfig.js';
import type { SessionSettings } from '../Config/SessionConfig.js';
import type { SessionDriver } from '../Drivers/SessionDriver.js';
import type { SessionEvents } from '../Events/SessionEvents.js';
import type { SessionEvent } from '../Events/sessionEvent.js';
import { type AuditContext, tagsOf } from './auditEntry.js';

const MINUTE_MS = 60_000;
/** Who has many requests refused must not fill the log, so that what it held is rotated away. */
const MOST_REFUSALS = 100;
/** Sessions that one call ends: those of so long behind the first are told together, and so many in a line. */
const TOGETHER_MS = 1_000;
const MOST_TOGETHER = 100;
/** An end that was seen later than this says when it was. */
const SEEN_LATE_MS = 1_000;

/** Writes into the channel `audit` of the log who logs in and out, whose sessions are revoked, and who is refused; no ids, no cookies. */
export class AuditLog {
    /** The refusals of this minute by their reason. */
    private readonly refusals = new Map<string, number>();
    private minute = 0;
    /** Who is revoking whose sessions now, with those that have no line yet. */
    private readonly revocations = new Map<string, SessionEvent<'revoked'>[]>();
    private timer: NodeJS.Timeout | undefined;

    public constructor(private readonly log: Logger) {}

    public listen(events: SessionEvents): void {
        events.watch('loggedIn', (event) => this.info('A user logged in.', event));
        events.watch('migrated', (event) => this.info('A session of a user got a new id.', event));
        events.watch('ended', (event) => this.ended(event));
        events.watch('revoked', (event) => this.revoked(event));
        events.watch('refused', (event) => this.refused('A request was refused.', event));
        events.watch('cookieNotSent', (event) => this.refused('A session cookie was not sent.', event));
    }

    /** A server starts: with which store, and which secrets. */
    public started({ driver, fallback, secrets }: SessionSettings, { abilities }: SessionDriver): void {
        const { survivesRestart } = abilities ?? {};
        this.write('info', 'The application started.', {
            event: 'started',
            driver,
            fallback,
            survivesRestart,
            signedBy: tagsOf(secrets),
        });
    }

    /** The first one at once. Those of ten thousand, in a line each, would rotate everything else away. */
    private revoked(event: SessionEvent<'revoked'>): void {
        const { at, fingerprint, ...same } = event;
        const key = JSON.stringify(same);
        const others = this.revocations.get(key);
        if (!others) {
            this.info('A session of a user was revoked.', event);
            this.revocations.set(key, []);
            this.timer ??= setTimeout(() => this.tellTogether(), TOGETHER_MS).unref();
        } else if (others.push(event) === MOST_TOGETHER) {
            this.together(others);
        }
    }

    private together(revoked: SessionEvent<'revoked'>[]): void {
        const [first, ...others] = revoked.splice(0);
        if (first && others.length === 0) {
            this.info('A session of a user was revoked.', first);
        } else if (first?.user !== undefined) {
            const fingerprints = [first, ...others].map(({ fingerprint }) => fingerprint);
            const count = fingerprints.length;
            const context = { ...contextOf(first), fingerprint: undefined, count, fingerprints };
            this.write('info', `${count} more sessions of a user were revoked.`, context);
        }
    }

    /** Who has revoked nothing since the last time is done. */
    private tellTogether(): void {
        for (const [key, revoked] of this.revocations) {
            if (revoked.length === 0) {
                this.revocations.delete(key);
            }
            this.together(revoked);
        }
        this.timer = this.revocations.size > 0 ? setTimeout(() => this.tellTogether(), TOGETHER_MS).unref() : undefined;
    }

    /** `revoked` has said it already. */
    private ended(event: SessionEvent<'ended'>): void {
        if (event.reason !== 'revoked' && event.reason !== 'replaced') {
            this.info(event.reason === 'logout' ? 'A user logged out.' : 'A session of a user ended.', event);
        }
    }

    /** Visitors who never logged in are nobody to be held to account, and there are many of them. */
    private info(message: string, event: SessionEvent): void {
        if (event.user !== undefined) {
            this.write('info', message, contextOf(event));
        }
    }

    private refused(message: string, event: SessionEvent<'refused' | 'cookieNotSent'>): void {
        const minute = Math.floor(Date.now() / MINUTE_MS);
        if (minute !== this.minute) {
            this.minute = minute;
            this.countRefusals();
        }
        const kind = `${event.name} ${event.reason}`;
        const count = (this.refusals.get(kind) ?? 0) + 1;
        this.refusals.set(kind, count);
        if (count <= MOST_REFUSALS) {
            this.write('warning', message, contextOf(event));
        }
    }

    /** Tells what has no line yet. */
    public close(): void {
        clearTimeout(this.timer);
        for (const revoked of this.revocations.values()) {
            this.together(revoked);
        }
        this.countRefusals();
    }

    /** Says how many refusals of the last minute have no line. */
    private countRefusals(): void {
        for (const [kind, count] of this.refusals) {
            if (count > MOST_REFUSALS) {
                const [event = '', reason] = kind.split(' ');
                const message = `${count - MOST_REFUSALS} more within a minute, without a line each.`;
                this.write('warning', message, { event, reason });
            }
        }
        this.refusals.clear();
    }

    private write(level: 'info' | 'warning', message: string, context: AuditContext): void {
        this.log[level](message, { ...context }, auditChannel);
    }
}

function contextOf({ name, at, ...details }: SessionEvent): AuditContext {
    const isLate = Date.now() - at > SEEN_LATE_MS;
    return { event: name, ...details, ...(isLate && { endedAt: new Date(at).toISOString() }) };
}
