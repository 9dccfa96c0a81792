import {
    context,
    createContextKey,
    createNoopMeter,
    metrics,
    ProxyTracer,
    type Span,
    SpanStatusCode,
    trace,
} from '@opentelemetry/api';
import type { MaybePromise } from '../Support/MaybePromise.js';
import { VERSION } from '../Support/version.js';
import type { Labels, Meter, Tracer } from './Telemetry.js';

const SCOPE = ['sosise', VERSION] as const;
/** By which @opentelemetry/core hands the route from instrumentations of frameworks to that of node:http. */
const RPC_METADATA = createContextKey('OpenTelemetry SDK Context Key RPC_METADATA');

/** The meter and the tracer of the application's OpenTelemetry. Its SDK has to be started before. */
export function openTelemetry(): Meter & Tracer & { hasSdk: boolean } {
    const meter = metrics.getMeter(...SCOPE);
    const tracer = trace.getTracer(...SCOPE);
    return {
        hasSdk: meter !== createNoopMeter() || !(tracer instanceof ProxyTracer),

        counter(name, description) {
            const counter = meter.createCounter(name, { description });
            return (labels = {}) =>
                (by = 1) =>
                    counter.add(by, labels);
        },

        histogram(name, description, bounds) {
            const advice = { explicitBucketBoundaries: [...bounds] };
            const histogram = meter.createHistogram(name, { description, unit: 's', advice });
            return (labels) => (seconds) => histogram.record(seconds, labels);
        },

        gauge(name, description, read) {
            meter.createObservableGauge(name, { description }).addCallback(async (result) => {
                const value = await read();
                if (value !== undefined) {
                    result.observe(value);
                }
            });
        },

        during<T>(name: string, attributes: Labels, work: () => MaybePromise<T>): MaybePromise<T> {
            return trace.getActiveSpan()
                ? tracer.startActiveSpan(name, { attributes }, (span) => inSpan(span, work))
                : work();
        },

        httpRequest() {
            return context.active().getValue(RPC_METADATA) as { route?: string } | undefined;
        },
    };
}

function inSpan<T>(span: Span, work: () => MaybePromise<T>): MaybePromise<T> {
    let result: MaybePromise<T>;
    try {
        result = work();
    } catch (error) {
        fail(span, error);
        throw error;
    }
    if (!(result instanceof Promise)) {
        span.end();
        return result;
    }
    return result.then(
        (value) => {
            span.end();
            return value;
        },
        (error) => {
            fail(span, error);
            throw error;
        },
    );
}

/** What went wrong by its kind alone: messages of stores may name keys. */
function fail(span: Span, error: unknown): void {
    const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
    span.setAttribute('error.type', typeof code === 'string' ? code : typeof name === 'string' ? name : '_OTHER');
    span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
}
