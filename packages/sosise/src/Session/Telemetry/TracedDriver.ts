import type { MaybePromise } from '../../Support/MaybePromise.js';
import type { Labels, Tracer } from '../../Telemetry/Telemetry.js';
import { DriverDecorator, type Operation } from '../Drivers/DriverDecorator.js';
import type { SessionDriver } from '../Drivers/SessionDriver.js';

const SPANS: Readonly<Record<Operation, string>> = {
    read: 'session.load',
    write: 'session.save',
    remove: 'session.remove',
    lock: 'session.lock',
};

/** Gives what a driver does a span below that of the request. */
export class TracedDriver extends DriverDecorator {
    /** @param attributes What spans say of the store. */
    public constructor(
        driver: SessionDriver,
        private readonly tracer: Tracer,
        private readonly attributes: Labels,
    ) {
        super(driver);
    }

    protected override around<T>(operation: Operation, work: () => MaybePromise<T>): MaybePromise<T> {
        return this.tracer.during(SPANS[operation], this.attributes, work);
    }
}
