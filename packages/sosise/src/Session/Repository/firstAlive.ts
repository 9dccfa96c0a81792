import type { RecordKey, SessionId } from '../Record/storageKeys.js';
import type { SessionRepository } from './SessionRepository.js';

interface CarriedId {
    readonly id: SessionId;
    readonly key: RecordKey;
}

/**
 * Of several cookies of the session's name, the first whose session lives: browsers send those of other domains and paths
 * in an order of their own. Where none lives, the one whose session ended last: the request may have been under way then.
 */
export async function firstAlive<Id extends CarriedId>(
    repository: SessionRepository,
    cookies: readonly Id[] = [],
): Promise<Id | undefined> {
    let [chosen] = cookies;
    let latest = Number.NEGATIVE_INFINITY;
    for (const cookie of cookies) {
        try {
            const found = repository.open(cookie.key, await repository.find(cookie.id, cookie.key));
            if (found.kind === 'live') {
                return cookie;
            }
            if (found.kind === 'ended' && found.at > latest) {
                latest = found.at;
                chosen = cookie;
            }
        } catch {
            return cookie; // it may live: who reads it next says what the trouble is
        }
    }
    return chosen;
}
