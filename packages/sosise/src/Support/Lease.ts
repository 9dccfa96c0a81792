import type { MaybePromise } from './MaybePromise.js';

/** A hold on one session's lock. */
export interface Lease {
    /** Gives the lock back; a second call does nothing. */
    release(): MaybePromise<void>;
    /**
     * Whether nobody else can have had the lock since, asked before what was done under it is stored. Left out: no
     * process that lives loses it.
     * @param isDoubted Somebody else wrote meanwhile: what this process believes by itself does not do.
     */
    isHeld?(isDoubted: boolean): MaybePromise<boolean>;
}
