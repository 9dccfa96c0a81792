import type { Request } from 'express';
import { headersHaveLeft } from '../../Http/ResponseGate.js';
import type { SessionEvents } from '../../Session/Events/SessionEvents.js';
import type { SessionEvent, SessionEventName } from '../../Session/Events/sessionEvent.js';
import { RequestTrace } from './RequestTrace.js';

/** Notes in a request's trace what became of its session. */
export function traceEvents(events: SessionEvents): void {
    function watch<Name extends SessionEventName>(
        name: Name,
        note: (trace: RequestTrace, event: SessionEvent<Name>, request: Request) => void,
    ): void {
        events.watch(name, (event, request) => request && note(RequestTrace.of(request), event, request));
    }
    watch('loaded', (trace, { outcome, fingerprint }) => {
        trace.from = outcome === 'live' ? fingerprint : undefined;
    });
    watch('created', (trace) => trace.note('created'));
    watch('saved', (trace, { outcome }, { res }) => {
        trace.note(outcome);
        trace.wasSavedLate = res !== undefined && headersHaveLeft(res);
    });
    watch('migrated', (trace) => trace.note('saved'));
    watch('refused', (trace, { reason }) => {
        if (reason === 'ended') {
            trace.note('discarded');
        }
    });
}
