import { LAST_ACCESS } from '../Record/SessionRecord.js';

const OWN = `{"${LAST_ACCESS}":`;
const SEEN = new RegExp(`^\\{"${LAST_ACCESS}":([1-9]\\d*)[,}]`);
const ENDED = /"ended":(\d+)/;
const ENCRYPTED = /"cookie":\{"originalMaxAge":(\d+),"expires":"([^"]+)"\}\}$/;

/** Whether the session layer wrote this; else it is another package's, such as connect-redis'. */
export function isOwn(text: string): boolean {
    return text.startsWith(OWN);
}

/** When a record was last written, in ms since the epoch, as it says itself: Redis does not know. 0 where it does not say. */
export function writtenAt(text: string): number {
    const seen = SEEN.exec(text)?.[1];
    if (seen !== undefined) {
        return Number(seen);
    }
    if (!isOwn(text)) {
        return 0;
    }
    const [, maxAge, expires] = ENCRYPTED.exec(text) ?? [];
    return expires === undefined ? Number(ENDED.exec(text)?.[1] ?? 0) : Date.parse(expires) - Number(maxAge);
}

/**
 * connect-redis renews only its key's time to live when a session is used, and leaves the record as it is. So the record gets
 * the time of its last use here, or a session in use would count as expired.
 * @param leftMs The key's time to live. @param fullMs What connect-redis gives a session whose cookie has no age.
 */
export function withLastAccess(text: string, leftMs: number, fullMs: number): string {
    const match = /"originalMaxAge":(\d+)/.exec(text);
    const seen = Math.min(Date.now(), Date.now() + leftMs - (match ? Number(match[1]) : fullMs));
    return `${OWN}${Math.round(seen)}${/^\{\s*\}/.test(text) ? '' : ','}${text.slice(1)}`;
}
