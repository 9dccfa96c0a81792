import { StoreBench, type StoreFactory } from './StoreBench.js';
import type { StorePromise } from './StorePromise.js';

/** Why a store does not keep a promise; undefined where it does. */
export async function failureOf(promise: StorePromise, factory: StoreFactory): Promise<Error | undefined> {
    const bench = await StoreBench.open(factory);
    try {
        await promise.check(bench);
        return undefined;
    } catch (error) {
        return error instanceof Error ? error : new Error(String(error));
    } finally {
        await bench.close();
    }
}

/** Whether a store may do without: what a plain one lacks is only told. @param known What it is known to lack, by name. */
export function mayLack({ name, kind }: StorePromise, isDriver: boolean, known?: readonly string[]): boolean {
    return kind === 'ability' && (known ? known.includes(name) : !isDriver);
}

/** What a driver says of itself that it can't do, by the names of the promises. */
export function lackedBy(abilities: { readonly lists?: boolean } | undefined): string[] {
    return abilities?.lists === false ? ['lists its records', 'lists what was written before a time'] : [];
}

/** A reason in one line. */
export function firstLine({ message }: Error): string {
    return (message.split('\n')[0] ?? '').slice(0, 160);
}

/** Those that wait come last, so that they can run beside one another. */
export function waitingLast(promises: readonly StorePromise[]): StorePromise[] {
    return [...promises].sort((a, b) => Number(a.waits ?? false) - Number(b.waits ?? false));
}
