import type { SessionDriver } from '../../src/framework/Session/SessionDriver.js';
import { MemoryStore } from '../../src/framework/Session/stores/MemoryStore.js';

/** What a test does before a driver's call goes through: wait, or throw. */
export interface Interference {
    read?(id: string): Promise<void> | void;
    write?(id: string): Promise<void> | void;
}

/** The memory driver with something in front of its reads and writes. */
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
        remove: (id, version) => inner.remove(id, version),
        records: (before) => inner.records(before),
        lock: (id, waitMs) => inner.lock(id, waitMs),
        setAside: (id) => inner.setAside(id),
        tidy: (before) => inner.tidy(before),
        close: () => inner.close(),
    };
}
