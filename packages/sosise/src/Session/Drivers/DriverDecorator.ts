import type { Lease } from '../../Support/Lease.js';
import type { MaybePromise } from '../../Support/MaybePromise.js';
import { checkDriver } from './checkDriver.js';
import type { ListedRecord, SessionDriver, StoredRecord } from './SessionDriver.js';

/** Around another driver, to which it hands on what is asked of it. What comes of it otherwise is overridden. */
export abstract class DriverDecorator implements SessionDriver {
    public readonly abilities: NonNullable<SessionDriver['abilities']>;

    public constructor(protected readonly driver: SessionDriver) {
        this.abilities = driver.abilities ?? {};
    }

    public read(id: string): MaybePromise<StoredRecord | undefined> {
        return this.driver.read(id);
    }

    public write(id: string, record: string, ifVersion: unknown, expiresAt: number): MaybePromise<unknown> {
        return this.driver.write(id, record, ifVersion, expiresAt);
    }

    public remove(id: string, ifVersion: unknown): MaybePromise<boolean> {
        return this.driver.remove(id, ifVersion);
    }

    public records(writtenBefore?: number, signal?: AbortSignal): AsyncIterable<ListedRecord> {
        return this.driver.records(writtenBefore, signal);
    }

    public lock(id: string, waitMs: number): Promise<Lease | undefined> {
        return this.driver.lock(id, waitMs);
    }

    public setAside(id: string): MaybePromise<boolean> {
        return this.driver.setAside(id);
    }

    public tidy(setAsideBefore: number, signal?: AbortSignal, removed?: (record: string) => void): Promise<void> {
        return this.driver.tidy(setAsideBefore, signal, removed);
    }

    public mayWalk(everyMs: number): MaybePromise<boolean> {
        return this.driver.mayWalk?.(everyMs) ?? true;
    }

    public count(): MaybePromise<number | undefined> {
        return this.driver.count?.();
    }

    public check(): MaybePromise<void> {
        return checkDriver(this.driver);
    }

    public close(): MaybePromise<void> {
        return this.driver.close();
    }
}
