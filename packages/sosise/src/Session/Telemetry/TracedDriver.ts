import type { Lease } from '../../Support/Lease.js';
import type { MaybePromise } from '../../Support/MaybePromise.js';
import type { Labels, Tracer } from '../../Telemetry/Telemetry.js';
import { DriverDecorator } from '../Drivers/DriverDecorator.js';
import type { SessionDriver, StoredRecord } from '../Drivers/SessionDriver.js';
import type { RecordKey } from '../Record/storageKeys.js';

/** Gives what a driver does a span below that of the request. Where the driver answers at once, so does this. */
export class TracedDriver extends DriverDecorator {
    /** @param attributes What spans say of the store. */
    public constructor(
        driver: SessionDriver,
        private readonly tracer: Tracer,
        private readonly attributes: Labels,
    ) {
        super(driver);
    }

    public override read(key: RecordKey): MaybePromise<StoredRecord | undefined> {
        return this.tracer.during('session.load', this.attributes, () => this.driver.read(key));
    }

    public override write(
        key: RecordKey,
        record: string,
        ifVersion: unknown,
        expiresAt: number,
    ): MaybePromise<unknown> {
        const write = () => this.driver.write(key, record, ifVersion, expiresAt);
        return this.tracer.during('session.save', this.attributes, write);
    }

    public override remove(key: RecordKey, ifVersion: unknown): MaybePromise<boolean> {
        return this.tracer.during('session.remove', this.attributes, () => this.driver.remove(key, ifVersion));
    }

    public override async lock(key: RecordKey, waitMs: number): Promise<Lease | undefined> {
        return this.tracer.during('session.lock', this.attributes, () => this.driver.lock(key, waitMs));
    }
}
