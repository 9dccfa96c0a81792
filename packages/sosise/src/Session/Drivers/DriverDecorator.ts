import type { Lease } from '../../Support/Lease.js';
import type { MaybePromise } from '../../Support/MaybePromise.js';
import type { RecordKey } from '../Record/storageKeys.js';
import { checkDriver } from './checkDriver.js';
import type { ListedRecord, SessionDriver, StoredRecord } from './SessionDriver.js';

/** What a driver does with one record. */
export type Operation = 'read' | 'write' | 'remove' | 'lock';

/** Wraps another driver and passes all calls on to it. Subclasses override some, or what stands around those for one record. */
export abstract class DriverDecorator implements SessionDriver {
    public readonly abilities: NonNullable<SessionDriver['abilities']>;

    public constructor(protected readonly driver: SessionDriver) {
        this.abilities = driver.abilities ?? {};
    }

    public read(key: RecordKey): MaybePromise<StoredRecord | undefined> {
        return this.around('read', () => this.driver.read(key));
    }

    public readMany(keys: readonly RecordKey[]): MaybePromise<ReadonlyMap<RecordKey, StoredRecord>> {
        return this.driver.readMany?.(keys) ?? new Map();
    }

    public write(key: RecordKey, record: string, ifVersion: unknown, expiresAt: number): MaybePromise<unknown> {
        return this.around('write', () => this.driver.write(key, record, ifVersion, expiresAt));
    }

    public remove(key: RecordKey, ifVersion: unknown): MaybePromise<boolean> {
        return this.around('remove', () => this.driver.remove(key, ifVersion));
    }

    public records(writtenBefore?: number, signal?: AbortSignal): AsyncIterable<ListedRecord> {
        return this.driver.records(writtenBefore, signal);
    }

    public async lock(key: RecordKey, waitMs: number): Promise<Lease | undefined> {
        return this.around('lock', () => this.driver.lock(key, waitMs));
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

    /** Does a part of the work. Where the driver answers at once, so does this. */
    protected around<T>(_operation: Operation, work: () => MaybePromise<T>): MaybePromise<T> {
        return work();
    }
}
