import type { Request } from 'express';
import type { SessionDriver } from '../../Session/Drivers/SessionDriver.js';
import type { Reading } from '../../Session/Object/ChangeTracker.js';
import type { HttpSession } from '../../Session/Object/HttpSession.js';
import { SessionObserver } from '../../Session/Object/SessionObserver.js';
import type { LiveRecord } from '../../Session/Record/SessionRecord.js';
import { sessionOf } from '../../Session/Request/requestSessions.js';
import { RequestTrace } from './RequestTrace.js';
import type { StoreUse } from './StoreUse.js';
import { WatchedDriver } from './WatchedDriver.js';

/** Notes in a request's trace what it reads and changes in its session; what becomes of that, events tell. */
export class TracingObserver extends SessionObserver {
    /** @param total What all requests ask of the store. */
    public constructor(private readonly total: StoreUse) {
        super();
    }

    public watch(driver: SessionDriver): SessionDriver {
        return new WatchedDriver(driver, this.total);
    }

    public opened(request: Request, session: HttpSession): void {
        const trace = RequestTrace.of(request);
        if (!sessionOf(request)?.loaded) {
            trace.renewed();
        }
        trace.watch(session);
    }

    public reading(request: Request, stored: LiveRecord | undefined, read: () => Reading): Reading {
        const trace = RequestTrace.of(request);
        return trace.whileFrameworkReads(() => {
            const reading = read();
            trace.compared(reading, stored);
            return reading;
        });
    }
}
