import type { ListedRecord, SessionDriver, StoredRecord } from '../Session/Drivers/SessionDriver.js';
import { REMOVED, updateRecord } from '../Session/Drivers/updateRecord.js';
import { PlainStoreAdapter } from '../Session/Stores/Plain/PlainStoreAdapter.js';
import type { Lease } from '../Support/Lease.js';
import type { MaybePromise } from '../Support/MaybePromise.js';

/** The ids of one scratch: what all begin with, and which were written. */
export interface ScratchIds {
    readonly prefix: string;
    readonly written: Set<string>;
}

const TRIES = 20;

/** A driver that sees only ids of its own among those of another, and removes them when it is closed. */
export class ScratchDriver implements SessionDriver {
    public readonly abilities: NonNullable<SessionDriver['abilities']>;
    /** Around a plain store, which may lack more than a driver. */
    public readonly isPlain: boolean;

    public constructor(
        private readonly driver: SessionDriver,
        private readonly ids: ScratchIds,
    ) {
        this.abilities = driver.abilities ?? {};
        this.isPlain = driver instanceof PlainStoreAdapter;
    }

    public read(id: string): MaybePromise<StoredRecord | undefined> {
        return this.driver.read(this.own(id));
    }

    public write(id: string, record: string, ifVersion: unknown, expiresAt: number): MaybePromise<unknown> {
        const own = this.own(id);
        this.ids.written.add(own);
        return this.driver.write(own, record, ifVersion, expiresAt);
    }

    public remove(id: string, ifVersion: unknown): MaybePromise<boolean> {
        return this.driver.remove(this.own(id), ifVersion);
    }

    public async *records(writtenBefore?: number, signal?: AbortSignal): AsyncGenerator<ListedRecord> {
        const { prefix } = this.ids;
        for await (const listed of this.driver.records(writtenBefore, signal)) {
            if (listed.id.startsWith(prefix)) {
                yield { ...listed, id: listed.id.slice(prefix.length) };
            }
        }
    }

    public lock(id: string, waitMs: number): Promise<Lease | undefined> {
        return this.driver.lock(this.own(id), waitMs);
    }

    public setAside(id: string): MaybePromise<boolean> {
        return this.driver.setAside(this.own(id));
    }

    /** Nothing: what others set aside would go too. */
    public async tidy(): Promise<void> {}

    /** The driver itself stays open. */
    public async close(): Promise<void> {
        for (const id of this.ids.written) {
            await this.clear(id);
            this.ids.written.delete(id);
        }
    }

    private async clear(id: string): Promise<void> {
        const overtaken = 'The driver under test refused to remove a record.';
        await updateRecord(this.driver, id, (stored) => stored && REMOVED, { tries: TRIES, overtaken });
    }

    private own(id: string): string {
        return this.ids.prefix + id;
    }
}
