/** What is to be done with one file or folder of the clone, and how the plan shows it. */
export interface Step {
    readonly verb: 'Makes' | 'Changes' | 'Replaces' | 'Removes' | 'Keeps';
    /** From the application's folder, with slashes. */
    readonly file: string;
    readonly note: string;
    /** Does it; what is kept needs nothing. */
    act?(signal: AbortSignal): void | Promise<void>;
}
