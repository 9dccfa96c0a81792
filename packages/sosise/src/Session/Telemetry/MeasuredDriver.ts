import { performance } from 'node:perf_hooks';
import type { Lease } from '../../Support/Lease.js';
import type { MaybePromise } from '../../Support/MaybePromise.js';
import type { Meter, Observe } from '../../Telemetry/Telemetry.js';
import { DriverDecorator, type Operation } from '../Drivers/DriverDecorator.js';
import type { SessionDriver } from '../Drivers/SessionDriver.js';
import { isSessionKey, type RecordKey } from '../Record/storageKeys.js';

/** In seconds: memory takes microseconds, a lock may be waited for as long as `lockTimeoutMs` says. */
const BOUNDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Measures how long a driver takes. */
export class MeasuredDriver extends DriverDecorator {
    private readonly durations: Readonly<Record<'read' | 'write' | 'remove', Observe>>;
    private readonly waits: Readonly<Record<'acquired' | 'timeout' | 'unavailable', Observe>>;

    public constructor(driver: SessionDriver, meter: Meter) {
        super(driver);
        const help = 'How long the session store takes, by what it does.';
        const durations = meter.histogram('sosise.session.store.duration', help, BOUNDS);
        this.durations = {
            read: durations({ operation: 'read' }),
            write: durations({ operation: 'write' }),
            remove: durations({ operation: 'remove' }),
        };
        const waiting = "How long exclusive requests wait for their session's lock, and whether they get it.";
        const waits = meter.histogram('sosise.session.lock.wait', waiting, BOUNDS);
        this.waits = {
            acquired: waits({ outcome: 'acquired' }),
            timeout: waits({ outcome: 'timeout' }),
            unavailable: waits({ outcome: 'unavailable' }),
        };
    }

    protected override around<T>(operation: Operation, work: () => MaybePromise<T>): MaybePromise<T> {
        return operation === 'lock' ? work() : observed(this.durations[operation], performance.now(), work());
    }

    public override async lock(key: RecordKey, waitMs: number): Promise<Lease | undefined> {
        if (!isSessionKey(key)) {
            return this.driver.lock(key, waitMs); // of a job, which has its own pace
        }
        const start = performance.now();
        try {
            const lease = await this.driver.lock(key, waitMs);
            observed(lease ? this.waits.acquired : this.waits.timeout, start, lease);
            return lease;
        } catch (error) {
            observed(this.waits.unavailable, start, undefined);
            throw error;
        }
    }
}

function observed<T>(observe: Observe, start: number, result: MaybePromise<T>): MaybePromise<T> {
    if (result instanceof Promise) {
        return result.finally(() => observe((performance.now() - start) / 1_000));
    }
    observe((performance.now() - start) / 1_000);
    return result;
}
