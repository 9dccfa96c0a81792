/** A driver that answers at once need not make a promise of it. */
export type MaybePromise<T> = T | Promise<T>;
