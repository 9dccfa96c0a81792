/** What a driver can promise, for the line at start-up that says what it cannot. */
export interface DriverAbilities {
    /** What it can't promise, as a sentence; none where it keeps all promises. */
    readonly limits?: string;
    /** Compare-and-swap and locks hold between processes that share the storage, not only within one. */
    readonly atomicBetweenProcesses: boolean;
    /** `records` lists what is stored; where it can't, pruning is the store's own business. */
    readonly lists: boolean;
    /** `setAside` keeps a damaged record for a person to look at; otherwise it removes it. */
    readonly quarantines: boolean;
    /** Sessions outlive a restart of the process. Undefined: not known. */
    readonly survivesRestart: boolean | undefined;
    /** A read that takes longer, in ms, fails by itself. Undefined: it may take for ever. */
    readonly answersWithinMs?: number | undefined;
}
