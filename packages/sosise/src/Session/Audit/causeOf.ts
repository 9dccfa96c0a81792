import { durationOf } from '../../Support/words.js';
import type { SessionEndReason } from '../Events/sessionEvent.js';
import { cookieInWords, type StoredCookie } from '../Record/CookieSettings.js';
import type { EndedRecord, LiveRecord } from '../Record/SessionRecord.js';
import type { AuditEntry } from './AuditTrail.js';

export type CauseName =
    | SessionEndReason
    | 'migrated'
    | 'secretGone'
    | 'driverSwitched'
    | 'restarted'
    | 'cookieNotSent'
    | 'cookieExpired'
    | 'withoutDevice'
    | 'lives'
    | 'unknown';

/** Why a session is none any more, or does not reach its browser. */
export interface Cause {
    readonly name: CauseName;
    /** When it happened, in ms since the epoch. */
    readonly at?: number | undefined;
    /** What happened. */
    readonly sentence: string;
    /** The setting that decides it, or what to do. */
    readonly fix?: string | undefined;
}

/** What is known of one session. */
export interface Evidence {
    readonly fingerprint: string;
    /** What stands in the store: the session, or its tombstone. */
    readonly record: LiveRecord | EndedRecord | undefined;
    /** The audit channel's lines about it, the newest first. */
    readonly entries: readonly AuditEntry[];
    /** The user of the session that was put in its place. */
    readonly successor: string | undefined;
    /** Those of the starts of this host's servers, the newest first. */
    readonly starts: readonly AuditEntry[];
}

/** The configuration of today, as far as it ends sessions. */
export interface Today {
    readonly idleMs: number;
    readonly absoluteMs: number;
    /** `registry.max`, where it is a number. */
    readonly max: number | undefined;
    readonly driver: string;
    /** False: its store can't be searched from here. */
    readonly isSearched: boolean;
    /** Of the secrets, the first one signs. */
    readonly tags: readonly string[];
    cookieOf(record: LiveRecord): StoredCookie;
    readonly audit: {
        readonly isOn: boolean;
        /** From when on the audit log of this host is known, in ms since the epoch; undefined: it is not. */
        readonly since: number | undefined;
    };
}

/** The one cause that the evidence names; `unknown` where it names none. */
export function causeOf(evidence: Evidence, today: Today): Cause {
    const { record } = evidence;
    if (record?.kind === 'live') {
        return lostCookie(evidence, today, record) ?? lives(record, today);
    }
    const end = endOf(evidence);
    return end
        ? ended(end.reason, end.at, evidence, today)
        : (refusedSecret(evidence, today) ??
              notSent(evidence) ??
              lostStore(evidence, today) ??
              unknown(evidence, today));
}

/** As its tombstone says; when that is gone, or says less, as the audit log does. */
function endOf({ record, entries }: Evidence): { reason: SessionEndReason | 'migrated'; at: number } | undefined {
    const entry = entries.find(({ event }) => event === 'ended' || event === 'revoked');
    const logged = entry && {
        reason: entry.reason as SessionEndReason,
        at: Date.parse(entry.endedAt ?? '') || entry.at,
    };
    return record?.kind === 'ended' && logged?.reason !== 'logout' ? record : logged;
}

function ended(reason: SessionEndReason | 'migrated', at: number, evidence: Evidence, today: Today): Cause {
    return { name: reason, at, ...wordsOf(reason, evidence, today) };
}

function wordsOf(
    reason: SessionEndReason | 'migrated',
    evidence: Evidence,
    today: Today,
): Pick<Cause, 'sentence' | 'fix'> {
    switch (reason) {
        case 'idle':
            return {
                sentence: `Nobody used it any more: the idle timeout, ${durationOf(today.idleMs)} unless it had a maxAge of its own.`,
                fix: 'idle in src/config/session.ts, else cookie.maxAge.',
            };
        case 'absolute':
            return {
                sentence: `It had lived for the absolute timeout, ${durationOf(today.absoluteMs)}, however active it was.`,
                fix: 'absolute in src/config/session.ts.',
            };
        case 'destroyed':
            return { sentence: 'Its own visitor ended it: by logout(), or request.session.destroy().' };
        case 'logout':
            return { sentence: 'Its own visitor logged out.' };
        case 'regenerated':
            return {
                sentence:
                    evidence.successor === undefined
                        ? 'request.session.regenerate() put a new session in its place.'
                        : `A login of user ${evidence.successor} in the same browser put a new session in its place.`,
            };
        case 'migrated':
            return { sentence: 'It goes on under a new id.' };
        case 'replaced':
            return {
                sentence: `A newer login of the same user ended it: registry.max allows ${today.max ?? 'no more'}.`,
                fix: 'registry.max in src/config/session.ts.',
            };
        case 'revoked':
            return revoked(evidence, today);
    }
}

function revoked({ fingerprint, entries }: Evidence, { audit }: Today): Pick<Cause, 'sentence' | 'fix'> {
    const entry = entries.find((one) => one.event === 'revoked' && one.fingerprint === fingerprint);
    if (entry) {
        return { sentence: `It was revoked ${byWhom(entry)}.` };
    }
    return {
        sentence: `It was revoked; by whom, ${audit.isOn ? 'the audit log of this host does not say' : 'only the audit channel knows, which is off'}.`,
        fix: audit.isOn ? undefined : NAME_THE_CHANNEL,
    };
}

function byWhom({ user, by, byUser, byFingerprint, address }: AuditEntry): string {
    switch (by) {
        case 'console':
            return `by ./artisan${byUser === undefined ? '' : `, run as ${byUser}`}`;
        case 'request': {
            const who =
                byUser === user ? 'by the same user' : byUser === undefined ? 'by a visitor' : `by user ${byUser}`;
            const where = byFingerprint === undefined ? '' : `, from the session ${byFingerprint}`;
            return `${who}${where}${address === undefined ? '' : ` (${address})`}`;
        }
        default:
            return "by the application's code, which named no request";
    }
}

/** A session that lives, with a browser that has lost its cookie. */
function lostCookie(evidence: Evidence, today: Today, record: LiveRecord): Cause | undefined {
    const later = { ...evidence, entries: evidence.entries.filter(({ at }) => at >= record.seen) };
    const expired = today.cookieOf(record).expires === null ? Number.NaN : expiryOf(record);
    return (
        refusedSecret(later, today, record) ??
        notSent(later) ??
        withoutDevice(later) ??
        (expired < Date.now()
            ? {
                  name: 'cookieExpired',
                  at: expired,
                  sentence: `It lives, and its browser has dropped the cookie, which lasted ${durationOf(record.maxAge || 0)}.`,
                  fix: 'cookie.maxAge in src/config/session.ts: as long as idle, or null.',
              }
            : undefined)
    );
}

/** When the browser was last given the cookie: one without a date is given once. */
function sentAt(record: LiveRecord): number {
    return expiryOf(record) - (record.maxAge || 0) || (record.login?.at ?? record.created);
}

/** When the browser drops its copy of the cookie. */
function expiryOf({ cookie }: LiveRecord): number {
    return typeof cookie.expires === 'string' ? Date.parse(cookie.expires) : Number.NaN;
}

/** By a request that was refused; of a session that lives also by the starts of servers: one without the secret that has signed its cookie. */
function refusedSecret({ entries, starts }: Evidence, { tags }: Today, record?: LiveRecord): Cause | undefined {
    const sent = record ? sentAt(record) : Number.NaN;
    const signer = starts.find(({ at }) => at <= sent)?.signedBy?.[0];
    const isIn = (start: AuditEntry | undefined) => signer !== undefined && start?.signedBy?.includes(signer);
    // Where that secret was in use, it was somebody who has made up a signature.
    const refused = entries.find(
        ({ event, reason, at }) =>
            event === 'refused' && reason === 'signature' && !isIn(starts.find((start) => start.at <= at)),
    );
    const without = starts.findLast((start) => start.at > sent && !isIn(start));
    const isGone = signer === undefined ? refused : !tags.includes(signer) || (refused && !isIn(starts[0]));
    return isGone
        ? {
              name: 'secretGone',
              at: (refused ?? without)?.at,
              sentence: 'Its cookie is signed with a secret that is not in use any more, and counts for nothing.',
              fix: 'SESSION_PREVIOUS_SECRETS, in every process: put the former secret there (./artisan key:rotate does it).',
          }
        : undefined;
}

function notSent({ entries }: Evidence): Cause | undefined {
    const entry = entries.find(({ event }) => event === 'cookieNotSent');
    const [why, fix] = NOT_SENT[entry?.reason ?? ''] ?? [entry?.reason];
    return entry && { name: 'cookieNotSent', at: entry.at, sentence: `Its cookie was never sent: ${why}.`, fix };
}

const NOT_SENT: Readonly<Record<string, readonly [why: string, fix: string]>> = {
    insecure: [
        'it is secure, and the request came over plain http',
        'Serve https; for a trial without it SESSION_SECURE=false in .env.',
    ],
    untrustedProxy: [
        'it is secure, and the proxy that says the request came over https is not trusted',
        'TRUST_PROXY in .env: the number of proxies (trustProxy in src/config/http.ts).',
    ],
    otherSite: [
        "another site caused the request, which begins no session in its visitor's browser",
        'trustedOrigins in src/config/http.ts, if that site is yours.',
    ],
    headersSent: [
        'the answer had begun before the session was changed',
        'Change request.session before the route begins to answer.',
    ],
};

function withoutDevice({ entries }: Evidence): Cause | undefined {
    const entry = entries.find(({ event, reason }) => event === 'refused' && reason === 'device');
    return (
        entry && {
            name: 'withoutDevice',
            at: entry.at,
            sentence:
                'It lives, and its cookie came without the one that proves the device: from another device, it may be.',
            fix: 'deviceBound in src/config/session.ts.',
        }
    );
}

function lives(record: LiveRecord, today: Today): Cause {
    const cookie = cookieInWords(today.cookieOf(record));
    const who = record.login ? 'its user is logged in' : 'nobody has logged in';
    return {
        name: 'lives',
        at: record.seen,
        sentence: `It lives, and ${who}. A browser that shows otherwise does not send its cookie (${cookie}).`,
    };
}

/** A server has started with another store than the one that had it. */
function lostStore({ entries, starts }: Evidence, { absoluteMs }: Today): Cause | undefined {
    const last = entries[0]?.at ?? Number.NEGATIVE_INFINITY;
    const had = starts.find(({ at }) => at <= last)?.driver;
    // What came later than it can have lived has not ended it.
    const later = starts.filter(({ at }) => at > last && at < last + absoluteMs);
    const switched = later.findLast(({ driver }) => driver !== had);
    if (had !== undefined && switched && !switched.fallback?.includes(had)) {
        return {
            name: 'driverSwitched',
            at: switched.at,
            sentence: `The application started with the driver ${switched.driver}, and the session was kept by ${had}.`,
            fix: `fallback: ['${had}'] in src/config/session.ts.`,
        };
    }
    const restart = later.at(-1);
    return restart?.survivesRestart === false && restart.driver === had
        ? {
              name: 'restarted',
              at: restart.at,
              sentence: `The application started anew, and the driver ${had} keeps sessions in the process alone.`,
              fix: "driver in src/config/session.ts: 'file', for example.",
          }
        : undefined;
}

export const NAME_THE_CHANNEL =
    "audit: { file: 'audit.log' } under channels in src/config/logging.ts, for the next time.";

function unknown({ entries: [last] }: Evidence, { audit, driver, isSearched }: Today): Cause {
    const name = 'unknown';
    const store = `Nothing is known: ${isSearched ? 'the store keeps for a day how a session ended' : `no command can search the store of the driver ${driver}`}`;
    if (!audit.isOn) {
        return { name, sentence: `${store}, and the audit channel is off.`, fix: NAME_THE_CHANNEL };
    }
    if (last) {
        const known = `the audit log of this host names it last at ${timeOf(last.at)} (${last.event})`;
        return { name, sentence: `${store}, and ${known}.` };
    }
    const begins = audit.since === undefined ? 'is empty' : `begins at ${timeOf(audit.since)}, without it`;
    return { name, sentence: `${store}, and the audit log of this host ${begins}.` };
}

function timeOf(ms: number): string {
    return new Date(ms).toISOString();
}
