import type { SessionDriver } from './inside/Session/Drivers.js';
import { MemoryStore } from './inside/Session/Stores/Memory.js';

/** What a test does before a driver's call goes through: wait, or throw. */
export interface Interference {
    read?(id: string): Promise<void> | void;
    write?(id: string): Promise<void> | void;
    remove?(id: string): Promise<void> | void;
}

/** Where one call is held up: `reached` tells that it waits there, `release()` lets it go on. */
export interface Halt {
    readonly reached: Promise<void>;
    release(): void;
    /** What stands in front of a driver's call. */
    pass(id: string): Promise<void> | void;
}

/** Holds up the first call that is meant; all others pass. */
export function haltFirst(isMeant: (id: string) => boolean = () => true): Halt {
    let [reach, release] = [() => {}, () => {}];
    const reached = new Promise<void>((resolve) => {
        reach = resolve;
    });
    const released = new Promise<void>((resolve) => {
        release = resolve;
    });
    let isOver = false;
    const pass = (id: string) => {
        if (!isOver && isMeant(id)) {
            isOver = true;
            reach();
            return released;
        }
        return undefined;
    };
    return { reached, release: () => release(), pass };
}

/** The memory driver with something in front of its reads, writes and removals. */
export function interferedDriver(interference: Interference): SessionDriver {
    const inner: SessionDriver = new MemoryStore();
    const through = async <T>(before: (() => Promise<void> | void) | undefined, call: () => T): Promise<Awaited<T>> => {
        await before?.();
        return await call();
    };
    return {
        read: (id) => through(interference.read && (() => interference.read?.(id)), () => inner.read(id)),
        write: (id, record, version, expiresAt) =>
            through(interference.write && (() => interference.write?.(id)), () =>
                inner.write(id, record, version, expiresAt),
            ),
        remove: (id, version) =>
            through(interference.remove && (() => interference.remove?.(id)), () => inner.remove(id, version)),
        records: (before) => inner.records(before),
        lock: (id, waitMs) => inner.lock(id, waitMs),
        setAside: (id) => inner.setAside(id),
        tidy: (before) => inner.tidy(before),
        close: () => inner.close(),
    };
}
