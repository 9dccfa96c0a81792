import type { StoredCookie } from './CookieSettings.js';
import {
    type EndedRecord,
    type EndReason,
    LAST_ACCESS,
    type LiveRecord,
    META,
    type UserRecord,
} from './SessionRecord.js';

/** What all tombstones begin with, and no other record. */
export const ENDED = `{"${LAST_ACCESS}":0,"${META}":{"ended":`;

/**
 * A record is one JSON object: when it was last seen, what the framework knows, the cookie, and the session's keys.
 * @param body The keys as `bodyOf` gives them.
 */
export function liveRecord(
    { seen, created, own, login }: Pick<LiveRecord, 'seen' | 'created' | 'login'> & Partial<Pick<LiveRecord, 'own'>>,
    cookie: StoredCookie | string,
    body: string,
): string {
    const ownPart = own ? `,"own":${JSON.stringify(own)}` : '';
    const loginPart = login ? `,"login":${JSON.stringify(login)}` : '';
    const cookieText = typeof cookie === 'string' ? cookie : JSON.stringify(cookie);
    return `{"${LAST_ACCESS}":${seen},"${META}":{"created":${created}${ownPart}${loginPart}},"cookie":${cookieText}${body}}`;
}

/**
 * A cookie's JSON text.
 * @param now Where the browser gets the cookie now, the time in ms since the epoch that its end is counted from. The record
 * keeps the end of the cookie that the browser has.
 */
export function cookieTextAt(cookie: StoredCookie, now: number | undefined): string {
    const { originalMaxAge } = cookie;
    const isSent = now !== undefined && typeof originalMaxAge === 'number';
    const expires = isSent ? new Date(now + originalMaxAge).toISOString() : cookie.expires;
    return JSON.stringify({ originalMaxAge, ...cookie, expires }); // its age first: so `parseRecord` knows it
}

/** The record of a user's sessions. Stock readers take it for an expired session. */
export function userRecord(seen: number, sessions: UserRecord['sessions'], moves?: UserRecord['moves']): string {
    const list = JSON.stringify(Object.fromEntries(sessions));
    const movesPart = moves?.size ? `,"moves":${JSON.stringify(Object.fromEntries(moves))}` : '';
    return `{"${LAST_ACCESS}":${seen},"${META}":{"sessions":${list}${movesPart}},"cookie":{"originalMaxAge":1}}`;
}

/** The end of a record: each key with its JSON text. */
export function bodyOf(entries: Iterable<readonly [key: string, json: string]>): string {
    let body = '';
    for (const [key, json] of entries) {
        body += `,${JSON.stringify(key)}:${json}`;
    }
    return body;
}

/** The keys of such an end, each with its JSON text. */
export function entriesIn(body: string): Map<string, string> {
    const data = JSON.parse(`{${body.slice(1)}}`) as Record<string, unknown>;
    return new Map(Object.entries(data).map(([key, value]) => [key, JSON.stringify(value)]));
}

/** The text that takes the place of an ended session's record. Stock readers take it for an expired session. */
export function endedRecord(
    at: number,
    reason: EndReason,
    { to, sealedId }: Pick<EndedRecord, 'to' | 'sealedId'> = {},
): string {
    const rest = JSON.stringify({ reason, to, sealedId }).slice(1);
    return `${ENDED}${at},${rest},"cookie":{"originalMaxAge":1}}`;
}

/** Whether a stored text is a tombstone. */
export function isEndedRecord(text: string): boolean {
    return text.startsWith(ENDED);
}
