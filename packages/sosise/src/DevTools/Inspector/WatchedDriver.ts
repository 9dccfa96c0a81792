import { DriverDecorator } from '../../Session/Drivers/DriverDecorator.js';
import type { SessionDriver, StoredRecord } from '../../Session/Drivers/SessionDriver.js';
import { andThen } from '../../Support/andThen.js';
import type { Lease } from '../../Support/Lease.js';
import type { MaybePromise } from '../../Support/MaybePromise.js';
import { INSPECTOR_USE, type StoreCall, StoreUse } from './StoreUse.js';

/** Counts and times what is asked of a driver, in all and by request. Where the driver answers at once, so does this. */
export class WatchedDriver extends DriverDecorator {
    public constructor(
        driver: SessionDriver,
        private readonly total: StoreUse,
    ) {
        super(driver);
    }

    public override read(id: string): MaybePromise<StoredRecord | undefined> {
        return this.timed('reads', () => this.driver.read(id));
    }

    public override write(id: string, record: string, ifVersion: unknown, expiresAt: number): MaybePromise<unknown> {
        const written = this.timed('writes', () => this.driver.write(id, record, ifVersion, expiresAt));
        return andThen(written, (version) => {
            this.noteConflict(version === undefined && ifVersion !== undefined);
            return version;
        });
    }

    public override remove(id: string, ifVersion: unknown): MaybePromise<boolean> {
        return andThen(
            this.timed('removals', () => this.driver.remove(id, ifVersion)),
            (removed) => {
                this.noteConflict(!removed);
                return removed;
            },
        );
    }

    public override async lock(id: string, waitMs: number): Promise<Lease | undefined> {
        return this.timed('waits', () => this.driver.lock(id, waitMs));
    }

    private noteConflict(isConflict: boolean): void {
        const use = StoreUse.current();
        if (isConflict && use !== INSPECTOR_USE) {
            this.total.conflicts += 1;
            if (use) {
                use.conflicts += 1;
            }
        }
    }

    private timed<T>(call: StoreCall, work: () => MaybePromise<T>): MaybePromise<T> {
        const use = StoreUse.current();
        if (use === INSPECTOR_USE) {
            return work();
        }
        const start = performance.now();
        const done = (): void => {
            const ms = performance.now() - start;
            this.total.count(call, ms);
            use?.count(call, ms);
        };
        let result: MaybePromise<T> | undefined;
        try {
            result = work();
            return result instanceof Promise ? result.finally(done) : result;
        } finally {
            if (!(result instanceof Promise)) {
                done();
            }
        }
    }
}
