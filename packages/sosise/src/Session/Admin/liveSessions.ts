import { type WalkOptions, walkRecords } from '../Drivers/walkRecords.js';
import type { LiveRecord } from '../Record/SessionRecord.js';
import { isPlainId, isSessionKey, type RecordKey } from '../Record/storageKeys.js';
import type { SessionServices } from '../Request/SessionServices.js';

/** A session that lives, with the text of its record. */
export interface LiveSession {
    readonly key: RecordKey;
    readonly record: LiveRecord;
    readonly text: string;
}

type Services = Pick<SessionServices, 'driver' | 'repository'>;

/** All sessions that live, in the driver's order. Looking changes nothing; one that moves meanwhile may come twice. */
export async function* liveSessions(
    { driver, repository }: Services,
    options: WalkOptions = {},
): AsyncGenerator<LiveSession> {
    try {
        for await (const { key, record: text, parsed } of walkRecords(driver, options)) {
            if (parsed?.kind === 'live' && repository.lifetime.lives(parsed) && (isSessionKey(key) || isPlainId(key))) {
                yield { key, record: parsed, text };
            }
        }
    } catch (error) {
        throw repository.calls.unavailable('loaded', '', error);
    }
}

/** The sessions of a user, oldest login first, found without a walk through all. */
export async function* liveSessionsOf({ repository }: Services, user: string): AsyncGenerator<LiveSession> {
    for (const key of await repository.users.keysOf(user)) {
        const found = await repository.load(key);
        if (found.kind === 'live' && found.record.login?.user === user) {
            yield { key, record: found.record, text: found.stored.record };
        }
    }
}
