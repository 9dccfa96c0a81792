import type { MaybePromise } from '../../Support/MaybePromise.js';
import { DriverDecorator } from '../Drivers/DriverDecorator.js';
import type { ListedRecord, SessionDriver, StoredRecord } from '../Drivers/SessionDriver.js';
import { walkRecords } from '../Drivers/walkRecords.js';
import { DamagedRecordError } from '../Record/DamagedRecordError.js';
import { isEndedRecord } from '../Record/recordText.js';
import type { SessionLifetime } from '../Record/SessionLifetime.js';
import type { ParsedRecord } from '../Record/SessionRecord.js';
import { isUserKey, type RecordKey } from '../Record/storageKeys.js';
import { TOMBSTONE_KEPT_MS } from '../Repository/SessionWriter.js';
import { DriverTransfer, NOWHERE } from './DriverTransfer.js';

/** A driver that sessions come from. */
export interface OldDriver {
    readonly name: string;
    readonly driver: SessionDriver;
}

/** The same, with what moves its sessions. */
export interface MovingDriver extends OldDriver {
    readonly mover: DriverTransfer;
}

export interface FallbackOptions {
    readonly driver: SessionDriver;
    /** In the order in which they are asked. */
    readonly old: readonly OldDriver[];
    readonly lifetime: SessionLifetime;
    warn(message: string, context: Record<string, unknown>): void;
}

/**
 * A driver in front of those that were used before it. A session that it does not have is looked for in them, and moves on
 * first use. A session that ends is removed from all of them: its tombstone is in the driver, and nothing older comes back.
 */
export class FallbackDriver extends DriverDecorator {
    /** A read may have to ask several drivers. */
    public override readonly abilities = { ...this.driver.abilities, answersWithinMs: undefined };
    private readonly old: readonly MovingDriver[];

    public constructor(private readonly options: FallbackOptions) {
        const { driver: to, old, lifetime, warn } = options;
        super(to);
        this.old = old.map((each) => ({
            ...each,
            mover: new DriverTransfer({ from: each.driver, to, lifetime, warn }),
        }));
    }

    /** The named one of the old drivers, with what moves its sessions here. */
    public oldDriver(name: string): MovingDriver | undefined {
        return this.old.find((each) => each.name === name);
    }

    public override read(key: RecordKey): MaybePromise<StoredRecord | undefined> {
        if (isUserKey(key)) {
            return this.readList(key);
        }
        const stored = this.driver.read(key);
        return stored instanceof Promise
            ? stored.then((found) => found ?? this.takeOver(key))
            : (stored ?? this.takeOver(key));
    }

    public override write(
        key: RecordKey,
        record: string,
        ifVersion: unknown,
        expiresAt: number,
    ): MaybePromise<unknown> {
        // The tombstone of one that has expired in an old driver stands here, where nothing did.
        const version = ifVersion === NOWHERE ? undefined : ifVersion;
        return isEndedRecord(record)
            ? this.purge(key).then(() => this.driver.write(key, record, version, expiresAt))
            : this.driver.write(key, record, ifVersion, expiresAt);
    }

    public override async remove(key: RecordKey, ifVersion: unknown): Promise<boolean> {
        await this.purge(key);
        return this.driver.remove(key, ifVersion);
    }

    /** The old drivers first: what moves meanwhile is never missed, and met twice at the most. Pruning gets the driver's own only. */
    public override async *records(writtenBefore?: number, signal?: AbortSignal): AsyncGenerator<ListedRecord> {
        for (const { driver } of writtenBefore === undefined ? this.old : []) {
            for await (const listed of driver.records(undefined, signal)) {
                if (!(await this.driver.read(listed.key))) {
                    yield { ...listed, version: undefined };
                }
            }
        }
        yield* this.driver.records(writtenBefore, signal);
    }

    public override async tidy(
        quarantinedBefore: number,
        signal?: AbortSignal,
        removed?: (record: string) => void,
    ): Promise<void> {
        await this.driver.tidy(quarantinedBefore, signal);
        for (const { driver } of this.old) {
            await this.prune(driver, signal, removed);
            await driver.tidy(quarantinedBefore, signal);
        }
    }

    /** The records of all drivers. Undefined where one of them does not know. */
    public override count(): Promise<number | undefined> {
        return this.sum((driver) => driver.count?.());
    }

    public override countLive(expiringAfter: number): Promise<number | undefined> {
        return this.sum((driver) => driver.countLive?.(expiringAfter));
    }

    private async sum(
        countOf: (driver: SessionDriver) => MaybePromise<number | undefined>,
    ): Promise<number | undefined> {
        let sum = 0;
        for (const driver of this.drivers) {
            const count = await countOf(driver);
            if (count === undefined) {
                return undefined;
            }
            sum += count;
        }
        return sum;
    }

    public override async close(): Promise<void> {
        for (const driver of this.drivers) {
            await driver.close();
        }
    }

    private get drivers(): SessionDriver[] {
        return [this.driver, ...this.old.map(({ driver }) => driver)];
    }

    private async takeOver(key: RecordKey): Promise<StoredRecord | undefined> {
        for (const { mover } of this.old) {
            const result = await mover.move(key);
            if (result.kind === 'moved' || result.kind === 'over') {
                return result.stored;
            }
        }
        // Another request, or another process, may have moved it since the driver was asked.
        return this.driver.read(key);
    }

    /** A list in an old driver names sessions that one in the driver, which is newer, does not know. */
    private async readList(key: RecordKey): Promise<StoredRecord | undefined> {
        for (const { mover } of this.old) {
            if ((await mover.move(key)).kind === 'damaged') {
                throw new DamagedRecordError('it was damaged in the driver that it was to move from');
            }
        }
        return this.driver.read(key);
    }

    private async purge(key: RecordKey): Promise<void> {
        for (const { mover } of this.old) {
            await mover.purge(key);
        }
    }

    /** Removes from an old driver what has ended or expired. */
    private async prune(
        driver: SessionDriver,
        signal?: AbortSignal,
        removed?: (record: string) => void,
    ): Promise<void> {
        for await (const { key, record, version, parsed } of walkRecords(driver, { signal })) {
            const end = parsed && this.endOf(parsed);
            if (end !== undefined && Date.now() - end > TOMBSTONE_KEPT_MS && (await driver.remove(key, version))) {
                removed?.(record);
            }
        }
    }

    /** In ms since the epoch; undefined for what is no session. */
    private endOf(record: ParsedRecord): number | undefined {
        if (record.kind === 'user') {
            return undefined;
        }
        return record.kind === 'ended' ? record.at : this.options.lifetime.endOf(record).at;
    }
}
