import { AsyncLocalStorage } from 'node:async_hooks';

/** What is asked of the store. A wait is that of `exclusive()` for its turn. */
export type StoreCall = 'reads' | 'writes' | 'removals' | 'waits';

const current = new AsyncLocalStorage<StoreUse>();

/** What one request, or all of them, asked of the store, and how long that took. */
export class StoreUse {
    public readonly calls: Record<StoreCall, number> = { reads: 0, writes: 0, removals: 0, waits: 0 };
    /** Writes and removals that another one had overtaken. */
    public conflicts = 0;
    public ms = 0;
    public waitedMs = 0;

    /** Whose work it is that runs now. */
    public static current(): StoreUse | undefined {
        return current.getStore();
    }

    /** Runs work, whose calls of the store are then counted here too. */
    public run<T>(work: () => T): T {
        return current.run(this, work);
    }

    public count(call: StoreCall, ms: number): void {
        this.calls[call] += 1;
        if (call === 'waits') {
            this.waitedMs += ms;
        } else {
            this.ms += ms;
        }
    }
}

/** The inspector's own, which counts nowhere: what it shows is what happens without it. */
export const INSPECTOR_USE = new StoreUse();
