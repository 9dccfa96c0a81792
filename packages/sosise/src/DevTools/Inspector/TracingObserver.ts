import type { Request } from 'express';
import type { SessionDriver } from '../../Session/Drivers/SessionDriver.js';
import type { HttpSession } from '../../Session/Object/HttpSession.js';
import type { Reading } from '../../Session/Object/SessionChanges.js';
import type { LiveRecord } from '../../Session/Record/SessionRecord.js';
import { fingerprintOf } from '../../Session/Record/storageKeys.js';
import { SessionEndedException } from '../../Session/Repository/SessionErrors.js';
import { SessionObserver, type SessionOutcome } from '../../Session/Request/SessionObserver.js';
import { RequestTrace } from './RequestTrace.js';
import type { StoreUse } from './StoreUse.js';
import { WatchedDriver } from './WatchedDriver.js';

/** Notes what a request does with its session in its trace. */
export class TracingObserver extends SessionObserver {
    /** @param total What all requests ask of the store. */
    public constructor(private readonly total: StoreUse) {
        super();
    }

    public watch(driver: SessionDriver): SessionDriver {
        return new WatchedDriver(driver, this.total);
    }

    public loaded(request: Request): void {
        const trace = RequestTrace.of(request);
        const { session } = trace;
        trace.from = session?.loaded && fingerprintOf(session.key);
    }

    public opened(request: Request, session: HttpSession): void {
        RequestTrace.of(request).watch(session);
    }

    public renewed(request: Request): void {
        RequestTrace.of(request).renewed();
    }

    public reading(request: Request, stored: LiveRecord | undefined, read: () => Reading): Reading {
        const trace = RequestTrace.of(request);
        return trace.whileFrameworkReads(() => {
            const reading = read();
            trace.compared(reading, stored);
            return reading;
        });
    }

    public became(request: Request, outcome: SessionOutcome): void {
        RequestTrace.of(request).note(outcome);
    }

    public failed(request: Request, error: unknown): void {
        RequestTrace.of(request).note(error instanceof SessionEndedException ? 'discarded' : 'failed');
    }

    public unreachable(request: Request): void {
        RequestTrace.of(request).wasUnreachable = true;
    }

    public changedLate(request: Request): void {
        RequestTrace.of(request).wasChangedLate = true;
    }
}
