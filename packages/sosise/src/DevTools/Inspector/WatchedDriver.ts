import { DriverDecorator, type Operation } from '../../Session/Drivers/DriverDecorator.js';
import type { SessionDriver } from '../../Session/Drivers/SessionDriver.js';
import { andThen } from '../../Support/andThen.js';
import type { MaybePromise } from '../../Support/MaybePromise.js';
import { INSPECTOR_USE, type StoreCall, StoreUse } from './StoreUse.js';

const CALLS: Readonly<Record<Operation, StoreCall>> = {
    read: 'reads',
    write: 'writes',
    remove: 'removals',
    lock: 'waits',
};

/** Counts and times what is asked of a driver, in all and by request. */
export class WatchedDriver extends DriverDecorator {
    public constructor(
        driver: SessionDriver,
        private readonly total: StoreUse,
    ) {
        super(driver);
    }

    public override write(id: string, record: string, ifVersion: unknown, expiresAt: number): MaybePromise<unknown> {
        return andThen(super.write(id, record, ifVersion, expiresAt), (version) => {
            this.noteConflict(version === undefined && ifVersion !== undefined);
            return version;
        });
    }

    public override remove(id: string, ifVersion: unknown): MaybePromise<boolean> {
        return andThen(super.remove(id, ifVersion), (removed) => {
            this.noteConflict(!removed);
            return removed;
        });
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

    protected override around<T>(operation: Operation, work: () => MaybePromise<T>): MaybePromise<T> {
        const call = CALLS[operation];
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
