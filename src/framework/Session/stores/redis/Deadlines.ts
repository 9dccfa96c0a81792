/** Work that is waited for. */
export interface Waiting {
    readonly until: number;
    readonly late: () => void;
}

/**
 * Gives each piece of work the same time. One timer for all of them: they are due in the order in which they came, and
 * nearly all are done long before.
 */
export class Deadlines {
    private readonly waiting = new Set<Waiting>();
    private timer: NodeJS.Timeout | undefined;

    public constructor(private readonly limitMs: number) {}

    /** Calls `late` unless `end` is called before the time is over. */
    public start(late: () => void): Waiting {
        const entry: Waiting = { until: performance.now() + this.limitMs, late };
        this.waiting.add(entry);
        this.timer ??= setTimeout(this.look, this.limitMs);
        return entry;
    }

    /** False: it was too late. */
    public end(entry: Waiting): boolean {
        return this.waiting.delete(entry);
    }

    /** Answers that wait in the socket while this process was busy are read first: the server was not slow. */
    private readonly look = () => setImmediate(this.sweep);

    private readonly sweep = () => {
        const now = performance.now();
        for (const entry of this.waiting) {
            if (entry.until > now) {
                this.timer = setTimeout(this.look, Math.ceil(entry.until - now));
                return;
            }
            this.waiting.delete(entry);
            entry.late();
        }
        this.timer = undefined;
    };
}
