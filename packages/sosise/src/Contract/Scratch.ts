import type { SessionManager } from '../Session/Opening/SessionManager.js';
import type { StoreFactory } from './StoreBench.js';

/** A place of its own in a driver's storage, in which live sessions are not touched. */
export interface Scratch {
    /** Where it is, for a person: `in a folder of its own inside storage/sessions`. */
    readonly where: string;
    /** Gives a store, empty as far as it can see, for one promise. */
    readonly open: StoreFactory;
    /** Ends what is open, and removes all that is left. */
    close(): Promise<void>;
}

export interface ScratchOptions {
    readonly manager: SessionManager;
    /** The driver's name, and its options as they are configured. */
    readonly name: string;
    readonly options: Readonly<Record<string, unknown>>;
}
