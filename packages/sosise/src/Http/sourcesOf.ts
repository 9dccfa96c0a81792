import { Duplex, Readable } from 'node:stream';

/** What flows into each stream that others pass through, such as `createGzip()`. */
const sources = new WeakMap<Duplex, Readable[]>();

/** The streams that were piped into another one and may still say an error. */
export function sourcesOf(stream: Readable): Readable[] {
    return (sources.get(stream as Duplex) ?? []).filter(({ closed, errored }) => !closed || errored !== null);
}

/**
 * `createReadStream(path).pipe(createGzip()).pipe(response)`: when the answer hears of the second pipe(), the first is over,
 * and Node.js does not say from where. So every pipe() takes note of it, and does what it ever did.
 */
const { pipe } = Readable.prototype;
Readable.prototype.pipe = function <Target extends NodeJS.WritableStream>(
    this: Readable,
    target: Target,
    options?: { end?: boolean },
): Target {
    if (target instanceof Duplex) {
        sources.set(target, [...sourcesOf(target), this]);
    }
    return pipe.call(this, target, options) as Target;
};
