import { ConfigError } from '../../Exceptions/errors.js';
import { fingerprintOf, isSessionKey, keyOf, type RecordKey } from '../Record/storageKeys.js';

/**
 * The one that a fingerprint names, or the beginning of one. Undefined: there is none, or the walk was stopped. Throws
 * ConfigError where there are several.
 */
export async function matching<Found extends { readonly key: RecordKey }>(
    sessions: AsyncIterable<Found>,
    fingerprint: string,
): Promise<Found | undefined> {
    let match: Found | undefined;
    for await (const found of sessions) {
        const name = nameOf(found.key);
        if (name === fingerprint) {
            return found;
        }
        if (match && name.startsWith(fingerprint) && name !== nameOf(match.key)) {
            throw new ConfigError(`Several sessions begin with ${fingerprint}: say more of the fingerprint.`);
        }
        match = name.startsWith(fingerprint) ? found : match;
    }
    return match;
}

/** The fingerprint; a session that is stored under its id as it is has that of its key. */
export function nameOf(key: RecordKey): string {
    return fingerprintOf(isSessionKey(key) ? key : keyOf(key));
}
