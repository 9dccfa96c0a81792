import type { Lease } from '../../Support/Lease.js';
import type { MaybePromise } from '../../Support/MaybePromise.js';
import type { RecordKey } from '../Record/storageKeys.js';
import { checkDriver } from './checkDriver.js';
import type { ListedRecord, SessionDriver, StoredRecord } from './SessionDriver.js';

/** Wraps another driver and passes all calls on to it. Subclasses override some. */
export abstract class DriverDecorator implements SessionDriver {
    public readonly abilities: NonNullable<SessionDriver['abilities']>;

    public constructor(protected readonly driver: SessionDriver) {
        this.abilities = driver.abilities ?? {};
    }

    public read(key: RecordKey): MaybePromise<StoredRecord | undefined> {
        return this.driver.read(key);
    }

    public readMany(keys: readonly RecordKey[]): MaybePromise<ReadonlyMap<RecordKey, StoredRecord>> {
        return this.driver.readMany?.(keys) ?? new Map();
    }

    public write(key: RecordKey, record: string, ifVersion: unknown, expiresAt: number): MaybePromise<unknown> {
        return this.driver.write(key, record, ifVersion, expiresAt);
    }

    public remove(key: RecordKey, ifVersion: unknown): MaybePromise<boolean> {
        return this.driver.remove(key, ifVersion);
    }

    public records(writtenBefore?: number, signal?: AbortSignal): AsyncIterable<ListedRecord> {
        return this.driver.records(writtenBefore, signal);
    }

    public lock(key: RecordKey, waitMs: number): Promise<Lease | undefined> {
        return this.driver.lock(key, waitMs);
    }

    public setAside(key: RecordKey): MaybePromise<boolean> {
        return this.driver.setAside(key);
    }

    public tidy(quarantinedBefore: number, signal?: AbortSignal, removed?: (record: string) => void): Promise<void> {
        return this.driver.tidy(quarantinedBefore, signal, removed);
    }

    public mayWalk(everyMs: number): MaybePromise<boolean> {
        return this.driver.mayWalk?.(everyMs) ?? true;
    }

    public count(): MaybePromise<number | undefined> {
        return this.driver.count?.();
    }

    public countLive(expiringAfter: number): MaybePromise<number | undefined> {
        return this.driver.countLive?.(expiringAfter);
    }

    public check(): MaybePromise<void> {
        return checkDriver(this.driver);
    }

    public close(): MaybePromise<void> {
        return this.driver.close();
    }
}
