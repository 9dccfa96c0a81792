import { headersHaveLeft } from '../../Http/ResponseGate.js';
import type { SessionChange } from '../Record/SessionChange.js';
import type { LiveRecord } from '../Record/SessionRecord.js';
import type { RequestState } from './RequestState.js';

/**
 * Whether the browser gets the cookie of a session that keeps its id again. Asked when the session is saved or touched: a request
 * without changes touches it after 5 % of the idle time, or with `rolling: true`. A new session and a new id send the cookie anyway.
 *
 * It is sent where it was changed, has a former name, or, if it has an expiry, has lost 5 % of its life; with `rolling: true` always,
 * with `rolling: false` on each change in place of the 5 %. Not oftener: a late answer would set an old cookie over a newer one.
 */
export function mustRenewCookie(state: RequestState, change: SessionChange | undefined): boolean {
    const { services, object } = state;
    const { lifetime } = services.repository;
    const { rolling } = services.settings;
    const record = state.record as LiveRecord;
    const hasExpiry = object ? object.cookie.expires != null : lifetime.ageOf(record) !== null;
    const isDue =
        rolling === true ||
        state.cookie?.isRenamed ||
        change?.cookie !== undefined ||
        (hasExpiry && (rolling === false ? change !== undefined : lifetime.hasCookieAged(record)));
    return isDue && !headersHaveLeft(state.response);
}
