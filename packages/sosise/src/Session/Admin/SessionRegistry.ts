import { setTimeout as sleep } from 'node:timers/promises';
import type { Request } from 'express';
import { fingerprintOf, keyOf } from '../Record/storageKeys.js';
import type { SessionRepository } from '../Repository/SessionRepository.js';
import { sessionOf } from '../Request/requestSessions.js';
import type { SessionServices } from '../Request/SessionServices.js';
import { revokerOf } from './revokerOf.js';

export interface UserSession {
    /** A short name that may be shown, and be given to `revoke()`. */
    readonly fingerprint: string;
    /** When it began, with the user's login. */
    readonly created: Date;
    /** When it was last active, to 5 % of the idle time. */
    readonly lastSeen: Date;
    /** Whether it is the session of the request that was given. */
    readonly current: boolean;
    /** Whether it is bound to a device: see `deviceBound` in src/config/session.ts. */
    readonly bound: boolean;
    /** The client's address and User-Agent at login, where `registry` in src/config/session.ts asks for them. */
    readonly address: string | undefined;
    readonly browser: string | undefined;
}

/** A user who logs in over and over must not keep a revocation from ending. */
const MOST_ROUNDS = 50;
/** A move takes some ms: a session that is spared gets ten times that to complete its own. */
const LOOK_AGAIN_MS = 20;
const MOST_LOOKS = 10;
/** A login this recent may still be moving to its new id. */
const JUST_NOW_MS = 1_000;

/** For who revokes many. */
export interface RevokeOptions {
    /** The request whose user revokes, for the event and the audit log. Default: that of `except`. */
    readonly by?: Request;
    /** Ends it after the session that is under way. What is left can be revoked another time. */
    readonly signal?: AbortSignal;
    /**
     * Called now and then: with the sessions ended so far, the records looked at in this walk, and which walk it is. The
     * second and those after it are for sessions that got a new id meanwhile.
     */
    progress?(revoked: number, looked: number, walk: number): void;
}

/** A session: the one of a request, or one by its fingerprint or id. */
export type SessionName = Request | string;

/**
 * The sessions of users who logged in with `login()`: `app.container.make(SessionRegistry)`. What is revoked is refused
 * from the next request on, in every process, and requests in flight can't bring it back.
 */
export class SessionRegistry {
    public constructor(private readonly services: () => SessionServices) {}

    /** A user's live sessions, oldest login first. `request` tells which one is the current. */
    public async list(userId: string | number, { request }: { request?: Request } = {}): Promise<UserSession[]> {
        const services = this.services();
        const current = await sparedKeys(services.repository, [], request);
        const sessions: UserSession[] = [];
        for await (const { key, record } of services.repository.liveOf(String(userId))) {
            sessions.push({
                fingerprint: fingerprintOf(key),
                created: new Date(record.created),
                lastSeen: new Date(record.seen),
                current: current.has(key),
                bound: record.login?.deviceKey !== undefined,
                address: record.login?.address,
                browser: record.login?.browser,
            });
        }
        return sessions;
    }

    /** Ends all sessions of a user but the one in `except`. Gives their number. */
    public async revoke(
        userId: string | number,
        { except, by, signal, progress }: RevokeOptions & { except?: SessionName } = {},
    ): Promise<number> {
        const { repository } = this.services();
        const revoker = revokerOf(by ?? (typeof except === 'string' ? undefined : except));
        const user = String(userId);
        const handled = new Set<string>();
        const failures = new Map<string, unknown>();
        const isSpared = sparing(repository, except);
        let revoked = 0;
        // A session that gets a new id is in the list under that before its old id ends: once the list names nothing new,
        // none has slipped away.
        for (let round = 0; round < MOST_ROUNDS && !signal?.aborted; round += 1) {
            const listed = await repository.users.keysOf(user);
            const before = handled.size;
            for (const key of listed.filter((key) => !handled.has(key))) {
                if (signal?.aborted) {
                    break;
                }
                if (await isSpared(key, listed)) {
                    continue;
                }
                handled.add(key);
                try {
                    revoked += (await repository.revoke(key, revoker)) ? 1 : 0;
                } catch (error) {
                    failures.set(key, error); // the others must not be spared for it
                }
                progress?.(revoked, handled.size, 1);
            }
            if (handled.size === before) {
                break;
            }
        }
        await repository.users.remove(user, new Set([...handled].filter((key) => !failures.has(key))));
        for (const error of failures.values()) {
            throw error;
        }
        return revoked;
    }

    /** Ends one session of a user, by its fingerprint. False: the user has no such session. */
    public async revokeOne(
        userId: string | number,
        fingerprint: string,
        { by }: Pick<RevokeOptions, 'by'> = {},
    ): Promise<boolean> {
        const { repository } = this.services();
        const key = (await repository.users.keysOf(String(userId))).find((each) => fingerprintOf(each) === fingerprint);
        return key !== undefined && (await repository.revoke(key, { follows: true, ...revokerOf(by) }));
    }

    /** Ends all sessions there are, of visitors too. Gives their number. */
    public async revokeAll({ by, signal, progress }: RevokeOptions = {}): Promise<number> {
        const services = this.services();
        const { repository } = services;
        if (!repository.canList) {
            throw new Error(
                "The session store can't list its sessions, so that they can't be ended one by one: give SESSION_SECRET a new value instead (./artisan key:generate --force), delete what is stored if it is encrypted, and restart.",
            );
        }
        const started = Date.now();
        let revoked = 0;
        let walk = 0;
        let failure: unknown;
        let found: number;
        do {
            walk += 1;
            found = 0;
            let count = 0;
            const looked = () => {
                count += 1;
                progress?.(revoked, count, walk);
            };
            for await (const { key, record } of repository.live({ signal, looked })) {
                // What began later is no business of this call; what got a new id meanwhile is met the next time round.
                if (walk > 1 && record.created > started) {
                    continue;
                }
                try {
                    const isEnded = await repository.revoke(key, revokerOf(by));
                    found += isEnded ? 1 : 0;
                    revoked += isEnded ? 1 : 0;
                } catch (error) {
                    failure = error; // the others must not be spared for it
                }
            }
        } while (found > 0 && !signal?.aborted);
        if (failure !== undefined) {
            throw failure;
        }
        return revoked;
    }
}

/**
 * Makes the test whether a key is the spared session's. A session that moves is in its user's list under the new key before
 * the tombstone of the old one names that key: the test waits for it.
 */
function sparing(repository: SessionRepository, except: SessionName | undefined) {
    const since = Date.now() - JUST_NOW_MS;
    let looks = MOST_LOOKS;
    return async (key: string, listed: readonly string[]): Promise<boolean> => {
        for (;;) {
            const spared = await sparedKeys(repository, listed, except);
            if (spared.has(key)) {
                return true;
            }
            if (looks === 0 || !(await mayBeMoving(repository, key, spared, since))) {
                return false;
            }
            looks -= 1;
            await sleep(LOOK_AGAIN_MS);
        }
    };
}

/** Whether a spared session may be moving to a key: it lives, and under the key is nothing yet, a copy, or a new login. */
async function mayBeMoving(
    repository: SessionRepository,
    key: string,
    spared: ReadonlySet<string>,
    since: number,
): Promise<boolean> {
    for (const each of spared) {
        const own = await repository.load(each);
        if (own.kind === 'live') {
            const found = await repository.load(key);
            return found.kind === 'live'
                ? found.record.created === own.record.created || (found.record.login?.at ?? 0) >= since
                : found.kind === 'none';
        }
    }
    return false;
}

/** The keys that a session is named by, those that it has moved to meanwhile included. */
async function sparedKeys(
    repository: SessionRepository,
    listed: readonly string[],
    name: SessionName | undefined,
): Promise<ReadonlySet<string>> {
    const keys = new Set(typeof name === 'string' ? listed.filter((key) => isNamed(key, name)) : ownKey(name));
    for (const key of keys) {
        const found = await repository.load(key);
        if (found.kind === 'ended' && found.to !== undefined) {
            keys.add(found.to); // looked at later in this loop
        }
    }
    return keys;
}

function ownKey(request: Request | undefined): string[] {
    const session = request && sessionOf(request);
    return session && session.id !== '' ? [session.storedKey] : [];
}

function isNamed(key: string, name: string): boolean {
    return fingerprintOf(key) === name || key === name || key === keyOf(name);
}
