/** A session driver in a Map. docs/drivers.md shows the same. */
export function sessionDriver(name: string, driver: string): string {
    return `import { setImmediate as others } from 'node:timers/promises';
import { KeyedMutex, Lease, ListedRecord, SessionDriver, StoredRecord } from 'sosise';

export default class ${name} implements SessionDriver {
    /** What it can't promise: a line in the log at start-up. Leave it out where there is nothing to say. */
    public readonly abilities = { limits: 'sessions are in a Map of this process.', survivesRestart: false };
    // Your storage goes in place of the two Maps: a table with the columns id, record, version and writtenAt.
    private readonly stored = new Map<string, StoredRecord & { writtenAt: number }>();
    private readonly damaged = new Map<string, { record: string; since: number }>();
    private readonly turns = new KeyedMutex();
    private versions = 0;

    /** The options are drivers.${driver} in src/config/session.ts, such as an address to connect to. */
    public constructor(protected readonly options: Record<string, unknown> = {}) {}

    /** SELECT record, version … WHERE id = … */
    public read(id: string): StoredRecord | undefined {
        return this.stored.get(id);
    }

    /**
     * Atomic: stores only if the version is still the given one (undefined: nothing is stored), and gives the new one.
     * UPDATE … WHERE id = … AND version = …, or INSERT … ON CONFLICT DO NOTHING; undefined where that changed no row.
     */
    public write(id: string, record: string, ifVersion: unknown): unknown {
        if (this.stored.get(id)?.version !== ifVersion) {
            return undefined;
        }
        this.versions += 1;
        this.stored.set(id, { record, version: this.versions, writtenAt: Date.now() });
        return this.versions;
    }

    /** Atomic, in the same way: DELETE … WHERE id = … AND version = … */
    public remove(id: string, ifVersion: unknown): boolean {
        return this.stored.get(id)?.version === ifVersion && this.stored.delete(id);
    }

    /** The records that were last written before that time (ms), for pruning. A database gives them in pages. */
    public async *records(
        writtenBefore = Number.POSITIVE_INFINITY,
        signal?: AbortSignal,
    ): AsyncGenerator<ListedRecord> {
        let met = 0;
        for (const [id, { record, version, writtenAt }] of this.stored) {
            if (writtenAt < writtenBefore) {
                yield { id, record, version };
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
    public lock(id: string, waitMs: number): Promise<Lease | undefined> {
        return this.turns.lease(id, waitMs);
    }

    /** Takes a damaged record out of the way. */
    public setAside(id: string): boolean {
        const { record } = this.stored.get(id) ?? {};
        if (record !== undefined) {
            this.damaged.set(id, { record, since: Date.now() });
        }
        return this.stored.delete(id);
    }

    /** Now and then: removes what was set aside before that time (ms), and what dead processes left. */
    public async tidy(setAsideBefore: number): Promise<void> {
        for (const [id, { since }] of this.damaged) {
            if (since < setAsideBefore) {
                this.damaged.delete(id);
            }
        }
    }

    /** The application ends: give up connections and timers. */
    public close(): void {}
}
`;
}
