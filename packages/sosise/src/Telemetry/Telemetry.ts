import type { MaybePromise } from '../Support/MaybePromise.js';

/** Each combination of values is a time series: values come from small sets that the code knows, and never from a client. */
export type Labels = Readonly<Record<string, string | number>>;

/** Takes what a time series counts (one, unless said), or a duration in seconds. */
export type Count = (by?: number) => void;
export type Observe = (seconds: number) => void;

/** Where figures go. Names are those of OpenTelemetry, with dots. */
export interface Meter {
    counter(name: string, help: string): (labels?: Labels) => Count;
    /** Of durations. @param bounds The upper bounds of its buckets, in seconds. */
    histogram(name: string, help: string, bounds: readonly number[]): (labels: Labels) => Observe;
    /** @param read Asked when somebody looks. Gives undefined where it is not known; never rejects. */
    gauge(name: string, help: string, read: () => Promise<number | undefined>): void;
}

/** Where spans go. */
export interface Tracer {
    /** Runs work in a span below the one that is active; where none is, in no span. */
    during<T>(name: string, attributes: Labels, work: () => MaybePromise<T>): MaybePromise<T>;
    /** What the SDK itself measures of the HTTP request that is served now; it reads the route when the answer is out. */
    httpRequest(): { route?: string } | undefined;
}

/** Gives figures to all meters that the config asks for. Bound only where it asks for one. */
export class Telemetry implements Meter {
    /** @param tracer Undefined: nobody asked for traces. */
    public constructor(
        private readonly meters: readonly Meter[],
        public readonly tracer?: Tracer,
    ) {}

    public counter(name: string, help: string): (labels?: Labels) => Count {
        return toAll(this.meters.map((meter) => meter.counter(name, help)));
    }

    public histogram(name: string, help: string, bounds: readonly number[]): (labels: Labels) => Observe {
        return toAll(this.meters.map((meter) => meter.histogram(name, help, bounds)));
    }

    public gauge(name: string, help: string, read: () => Promise<number | undefined>): void {
        for (const meter of this.meters) {
            meter.gauge(name, help, read);
        }
    }
}

function toAll<L, V>(series: readonly ((labels: L) => (value: V) => void)[]): (labels: L) => (value: V) => void {
    const [only] = series;
    return series.length === 1 && only
        ? only
        : (labels) => {
              const takers = series.map((each) => each(labels));
              return (value) => {
                  for (const take of takers) {
                      take(value);
                  }
              };
          };
}
