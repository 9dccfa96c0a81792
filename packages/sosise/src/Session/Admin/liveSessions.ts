import { ConfigError } from '../../Exceptions/errors.js';
import { type WalkOptions, walkRecords } from '../Drivers/walkRecords.js';
import type { EndedRecord, LiveRecord } from '../Record/SessionRecord.js';
import { fingerprintOf, isPlainId, isSessionKey, keyOf, type RecordKey } from '../Record/storageKeys.js';
import type { SessionServices } from '../Request/SessionServices.js';

/** A session, or the tombstone of one, with the text of its record. */
export interface FoundSession<Found = LiveRecord | EndedRecord> {
    readonly key: RecordKey;
    readonly record: Found;
    readonly text: string;
}

export type LiveSession = FoundSession<LiveRecord>;

type Services = Pick<SessionServices, 'driver' | 'repository'>;

/** All sessions that live, in the driver's order. Looking changes nothing; one that moves meanwhile may come twice. */
export async function* liveSessions(services: Services, options: WalkOptions = {}): AsyncGenerator<LiveSession> {
    for await (const { key, record, text } of foundSessions(services, options)) {
        if (record.kind === 'live') {
            yield { key, record, text };
        }
    }
}

/** The same with those that have ended, as long as something of them is stored. */
export async function* foundSessions(
    { driver, repository }: Services,
    options: WalkOptions = {},
): AsyncGenerator<FoundSession> {
    try {
        for await (const { key, record: text, parsed } of walkRecords(driver, options)) {
            if ((parsed?.kind === 'live' || parsed?.kind === 'ended') && (isSessionKey(key) || isPlainId(key))) {
                yield { key, record: asItIs(parsed, repository), text };
            }
        }
    } catch (error) {
        throw repository.calls.unavailable('loaded', '', error);
    }
}

/** What has expired is as good as ended, before something removes it. */
export function asItIs(
    record: LiveRecord | EndedRecord,
    { lifetime }: Services['repository'],
): LiveRecord | EndedRecord {
    return record.kind === 'ended' || lifetime.lives(record) ? record : { kind: 'ended', ...lifetime.endOf(record) };
}

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

/** The sessions of a user, oldest login first, found without a walk through all. */
export async function* liveSessionsOf({ repository }: Services, user: string): AsyncGenerator<LiveSession> {
    for (const key of await repository.users.keysOf(user)) {
        const found = await repository.load(key);
        if (found.kind === 'live' && found.record.login?.user === user) {
            yield { key, record: found.record, text: found.stored.record };
        }
    }
}
