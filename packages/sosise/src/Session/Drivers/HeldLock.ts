import type { Lease } from '../../Support/Lease.js';
import type { MaybePromise } from '../../Support/MaybePromise.js';

/**
 * The lock that a request holds on its session, and the fence behind it: once the lock is released, or its lease is lost,
 * the request stores nothing more, because the next holder has read the session by then.
 */
export class HeldLock {
    private isOver = false;
    /** What is being stored under it. */
    private storing: Promise<unknown> = Promise.resolve();

    public constructor(private readonly lease: Lease) {}

    /** @param isDoubted Somebody else wrote meanwhile: the lock is asked for at its source, not in this process's memory. */
    public isHeld(isDoubted: boolean): MaybePromise<boolean> {
        return !this.isOver && (this.lease.isHeld?.(isDoubted) ?? true);
    }

    /** The lock is released only when this is stored, or has failed. */
    public storesUntil(stored: Promise<unknown>): void {
        this.storing = Promise.allSettled([this.storing, stored]);
    }

    /** A second call does nothing. */
    public async release(): Promise<void> {
        if (!this.isOver) {
            this.isOver = true;
            await this.storing;
            await this.lease.release();
        }
    }
}
