import { vi } from 'vitest';
import type { SessionDriver } from './inside/Session/Drivers.js';
import { keyOf, NO_CHANGE, type SessionChange, type StoredCookie } from './inside/Session/Record.js';
import { SessionRepository } from './inside/Session/Repository.js';
import { MemoryStore } from './inside/Session/Stores/Memory.js';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export const cookie: StoredCookie = { originalMaxAge: null, path: '/' };
export const [A, B, C] = [keyOf('a'), keyOf('b'), keyOf('c')];

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

/** What a session holds, or else what it is. */
export async function dataOf(repository: SessionRepository, key: string): Promise<unknown> {
    const found = await repository.load(key);
    return found.kind === 'live' ? found.record.data : found.kind;
}

/** The fake clock goes on. */
export function later(ms: number): void {
    vi.setSystemTime(Date.now() + ms);
}
