/** A session driver in a Map. docs/drivers.md shows the same. */
export function sessionDriver(name: string, driver: string): string {
    return `import { setImmediate as others } from 'node:timers/promises';
import { KeyedMutex, Lease, ListedRecord, SessionDriver, StoredRecord } from 'sosise';

export default class ${name} implements SessionDriver {
    /** What it can't promise: a line in the log at start-up. Leave it out where there is nothing to say. */
    public readonly abilities = { limits: 'sessions are in a Map of this process.', survivesRestart: false };
    // Your storage goes in place of the two Maps: a table with the columns key, record, version and writtenAt.
    private readonly stored = new Map<string, StoredRecord & { writtenAt: number }>();
    private readonly damaged = new Map<string, { record: string; since: number }>();
    private readonly locks = new KeyedMutex();
    private versions = 0;

    /** The options are drivers.${driver} in src/config/session.ts, such as an address to connect to. */
    public constructor(protected readonly options: Record<string, unknown> = {}) {}

    /** SELECT record, version … WHERE key = … */
    public read(key: string): StoredRecord | undefined {
        return this.stored.get(key);
    }

    /**
     * Atomic: stores only if the version is still the given one (undefined: nothing is stored), and gives the new one.
     * UPDATE … WHERE key = … AND version = …, or INSERT … ON CONFLICT DO NOTHING; undefined where that changed no row.
     */
    public write(key: string, record: string, ifVersion: unknown): unknown {
        if (this.stored.get(key)?.version !== ifVersion) {
            return undefined;
        }
        this.versions += 1;
        this.stored.set(key, { record, version: this.versions, writtenAt: Date.now() });
        return this.versions;
    }

    /** Atomic, in the same way: DELETE … WHERE key = … AND version = … */
    public remove(key: string, ifVersion: unknown): boolean {
        return this.stored.get(key)?.version === ifVersion && this.stored.delete(key);
    }

    /** The records that were last written before that time (ms), for pruning. A database gives them in pages. */
    public async *records(
        writtenBefore = Number.POSITIVE_INFINITY,
        signal?: AbortSignal,
    ): AsyncGenerator<ListedRecord> {
        let met = 0;
        for (const [key, { record, version, writtenAt }] of this.stored) {
            if (writtenAt < writtenBefore) {
                yield { key, record, version };
            }
            met += 1;
            if (met % 100 === 0) {
                await others(); // requests go on beside a walk
            }
            if (signal?.aborted) {
                return;
            }
        }
    }

    /** For exclusive(), in the order of asking. The lock of a process that died has to end by itself; here it dies with the Map. */
    public lock(key: string, waitMs: number): Promise<Lease | undefined> {
        return this.locks.lease(key, waitMs);
    }

    /** Quarantines a damaged record: moves it to where a person can look at it. */
    public setAside(key: string): boolean {
        const { record } = this.stored.get(key) ?? {};
        if (record !== undefined) {
            this.damaged.set(key, { record, since: Date.now() });
        }
        return this.stored.delete(key);
    }

    /** Now and then: removes what was quarantined before that time (ms), and what dead processes left. */
    public async tidy(quarantinedBefore: number): Promise<void> {
        for (const [key, { since }] of this.damaged) {
            if (since < quarantinedBefore) {
                this.damaged.delete(key);
            }
        }
    }

    /** The application ends: give up connections and timers. */
    public close(): void {}
}
`;
}
