import type { Lease } from '../../Support/Lease.js';
import type { MaybePromise } from '../../Support/MaybePromise.js';

/**
 * A request's turn with its session, and the fence around it: once it is given back, or its lease was lost, nothing more of
 * the request is stored, because the next turn has read the session by then.
 */
export class HeldLock {
    private isOver = false;
    /** What is being stored under it. */
    private storing: Promise<unknown> = Promise.resolve();

    public constructor(private readonly lease: Lease) {}

    /** @param isDoubted Somebody else wrote meanwhile: what this process believes by itself does not do. */
    public isHeld(isDoubted: boolean): MaybePromise<boolean> {
        return !this.isOver && (this.lease.isHeld?.(isDoubted) ?? true);
    }

    /** The next turn begins only when this is stored, or has failed. */
    public storesUntil(stored: Promise<unknown>): void {
        this.storing = Promise.allSettled([this.storing, stored]);
    }

    /** Gives the turn back; a second call does nothing. */
    public async release(): Promise<void> {
        if (!this.isOver) {
            this.isOver = true;
            await this.storing;
            await this.lease.release();
        }
    }
}
