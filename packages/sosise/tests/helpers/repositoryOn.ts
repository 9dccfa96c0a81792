import type { Request } from 'express';
import { vi } from 'vitest';
import type { SessionDriver } from './inside/Session/Drivers.js';
import { type EventOrigin, type RevokedBy, type SessionEvent, SessionEvents } from './inside/Session/Events.js';
import { keyOf, NO_CHANGE, type SessionChange, type StoredCookie } from './inside/Session/Record.js';
import { type MoveOptions, SessionRepository } from './inside/Session/Repository.js';
import { MemoryStore } from './inside/Session/Stores/Memory.js';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export const cookie: StoredCookie = { originalMaxAge: null, path: '/' };
export const [A, B, C, D, E] = [keyOf('a'), keyOf('b'), keyOf('c'), keyOf('d'), keyOf('e')];

/** Sessions that idle for an hour. */
export function repositoryOn(driver: SessionDriver = new MemoryStore(), options: object = {}): SessionRepository {
    return new SessionRepository(driver, {
        idleMs: HOUR,
        maxAgeMs: undefined,
        timeoutMs: 5_000,
        keepDamagedMs: HOUR,
        warn: () => undefined,
        ...options,
    });
}

/** The same where each user may have so many. */
export const limited = (max: unknown, driver?: SessionDriver, whenFull = 'endOldest') =>
    repositoryOn(driver, { limit: { max, whenFull } });

/** What a request that sets these keys has changed. */
export function set(values: Record<string, unknown>): SessionChange {
    return {
        ...NO_CHANGE,
        set: new Map(Object.entries(values).map(([key, value]) => [key, JSON.stringify(value)])),
    };
}

/** A new session that is sure to be there. */
export async function begin(repository: SessionRepository, key: string, values = {}, user?: string) {
    const login = user === undefined ? undefined : { user, at: Date.now() };
    const made = await repository.create(key, cookie, set(values), login);
    if (!made) {
        throw new Error('not created');
    }
    return made;
}

/** A session that a user begins by a login. Rejects where that fails; undefined: it was revoked before it was there. */
export async function logIn(repository: SessionRepository, key: string, user = 'mia', at = Date.now()) {
    return repository.create(key, cookie, NO_CHANGE, { user, at });
}

/** The keys in the list of the user that `logIn` takes. */
export function listOf(repository: SessionRepository) {
    return repository.users.keysOf('mia');
}

/** As a session that is about to be stored under its new id: its list has that. */
export function announce(repository: SessionRepository, from: string, to: string) {
    return repository.users.add('mia', to, { from, isLogin: false });
}

/** A session that lives moves to a new id. */
export async function move(repository: SessionRepository, from: string, to: string, options: MoveOptions = {}) {
    const found = await repository.load(from);
    if (found.kind !== 'live') {
        throw new Error('it does not live');
    }
    return repository.migrate(from, to, found, NO_CHANGE, options);
}

/** What a session holds, or else what it is. */
export async function dataOf(repository: SessionRepository, key: string): Promise<unknown> {
    const found = await repository.load(key);
    return found.kind === 'live' ? found.record.data : found.kind;
}

/** Whether each of them lives, or how it has ended. */
export async function statesOf(repository: SessionRepository, ...keys: string[]): Promise<string[]> {
    const found = await Promise.all(keys.map((key) => repository.load(key)));
    return found.map((each) => (each.kind === 'ended' ? each.reason : each.kind));
}

/** The request by which something happens. */
export const origin: EventOrigin = { request: { requestId: 'its request' } as Request, address: '192.0.2.1' };

/** What is told of sessions that end or are refused, as it happens. */
export function toldOf(process?: RevokedBy): { events: SessionEvents['channels']; told: SessionEvent[] } {
    const events = new SessionEvents({ warning: () => undefined, error: () => undefined }, process);
    const told: SessionEvent[] = [];
    for (const name of ['revoked', 'ended', 'refused'] as const) {
        events.watch(name, (event) => told.push(event));
    }
    return { events: events.channels, told };
}

/** The fake clock goes on. */
export function later(ms: number): void {
    vi.setSystemTime(Date.now() + ms);
}
