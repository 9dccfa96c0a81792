import type { MaybePromise } from './MaybePromise.js';

/** Goes on with a result, at once where it is there. */
export function andThen<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
    return value instanceof Promise ? value.then(next) : next(value);
}
