import { headersHaveLeft } from '../../Http/ResponseGate.js';
import type { SessionChange } from '../Record/SessionChange.js';
import type { LiveRecord } from '../Record/SessionRecord.js';
import type { RequestState } from './RequestState.js';

/**
 * Whether the cookie is sent again, where the session keeps its id (a new session or id sends it anyway). Asked on each save and
 * touch: a request without changes touches the session after 5 % of the idle time, or of `cookie.maxAge` if that is shorter.
 *
 * It is sent if its settings were changed, or it has a former name. Else `rolling` says when: true: always; unset: once a cookie with an
 * expiry has lost 5 % of its life; false: with each change of the session, if it has an expiry. Not oftener: a late answer would set
 * an old cookie over a newer one.
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
