import type { ListedRecord, SessionDriver, StoredRecord } from '../Session/Drivers/SessionDriver.js';
import { REMOVED, updateRecord } from '../Session/Drivers/updateRecord.js';
import type { RecordKey } from '../Session/Record/storageKeys.js';
import { PlainStoreAdapter } from '../Session/Stores/Plain/PlainStoreAdapter.js';
import type { Lease } from '../Support/Lease.js';
import type { MaybePromise } from '../Support/MaybePromise.js';

/** The keys of one scratch: what all begin with, and which were written. */
export interface ScratchKeys {
    readonly prefix: string;
    readonly written: Set<string>;
}

const TRIES = 20;

/** A driver that sees only keys of its own among those of another, and removes them when it is closed. */
export class ScratchDriver implements SessionDriver {
    public readonly abilities: NonNullable<SessionDriver['abilities']>;
    /** Around a plain store, which may lack more than a driver. */
    public readonly isPlain: boolean;

    public constructor(
        private readonly driver: SessionDriver,
        private readonly keys: ScratchKeys,
    ) {
        this.abilities = driver.abilities ?? {};
        this.isPlain = driver instanceof PlainStoreAdapter;
    }

    public read(key: RecordKey): MaybePromise<StoredRecord | undefined> {
        return this.driver.read(this.own(key));
    }

    public write(key: RecordKey, record: string, ifVersion: unknown, expiresAt: number): MaybePromise<unknown> {
        const own = this.own(key);
        this.keys.written.add(own);
        return this.driver.write(own, record, ifVersion, expiresAt);
    }

    public remove(key: RecordKey, ifVersion: unknown): MaybePromise<boolean> {
        return this.driver.remove(this.own(key), ifVersion);
    }

    public async *records(writtenBefore?: number, signal?: AbortSignal): AsyncGenerator<ListedRecord> {
        const { prefix } = this.keys;
        for await (const listed of this.driver.records(writtenBefore, signal)) {
            if (listed.key.startsWith(prefix)) {
                yield { ...listed, key: listed.key.slice(prefix.length) };
            }
        }
    }

    public lock(key: RecordKey, waitMs: number): Promise<Lease | undefined> {
        return this.driver.lock(this.own(key), waitMs);
    }

    public setAside(key: RecordKey): MaybePromise<boolean> {
        return this.driver.setAside(this.own(key));
    }

    /** Nothing: what others quarantined would go too. */
    public async tidy(): Promise<void> {}

    /** The driver itself stays open. */
    public async close(): Promise<void> {
        for (const key of this.keys.written) {
            await this.clear(key);
            this.keys.written.delete(key);
        }
    }

    private async clear(key: RecordKey): Promise<void> {
        const overtaken = 'The driver under test refused to remove a record.';
        await updateRecord(this.driver, key, (stored) => stored && REMOVED, { tries: TRIES, overtaken });
    }

    private own(key: RecordKey): string {
        return this.keys.prefix + key;
    }
}
