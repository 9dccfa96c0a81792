import { headersHaveLeft } from '../../Http/ResponseGate.js';
import type { SessionEvents } from '../../Session/Events/SessionEvents.js';
import { RequestTrace } from './RequestTrace.js';

/** Notes in a request's trace what became of its session. */
export function traceEvents(events: SessionEvents): void {
    events.watch('loaded', ({ outcome, fingerprint }, request) => {
        RequestTrace.of(request).from = outcome === 'live' ? fingerprint : undefined;
    });
    events.watch('created', (_event, request) => RequestTrace.of(request).note('created'));
    events.watch('saved', ({ outcome }, request) => {
        const trace = RequestTrace.of(request);
        trace.note(outcome);
        trace.wasSavedLate = request.res !== undefined && headersHaveLeft(request.res);
    });
    events.watch('migrated', (_event, request) => RequestTrace.of(request).note('saved'));
    events.watch('refused', ({ reason }, request) => {
        if (reason === 'ended') {
            RequestTrace.of(request).note('discarded');
        }
    });
}
