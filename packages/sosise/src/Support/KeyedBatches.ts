interface Waiting<Item, Result> {
    readonly item: Item;
    readonly resolve: (result: Result) => void;
    readonly reject: (error: unknown) => void;
}

/**
 * One batch at a time per key, within this process: what comes while a key is worked on waits, and is the next batch. However
 * many come at once, each waits for two pieces of work at the most. Keys that nobody works on cost nothing.
 */
export class KeyedBatches<Item, Result> {
    /** A key is here while it is worked on, with what waits for it. */
    public readonly waiting = new Map<string, Waiting<Item, Result>[]>();

    /**
     * @param work Deals with a batch; how it ends is what each item of it is told. `lostMs` is how long the work took that the
     * batch has waited for, if that has failed: nothing is gained by waiting as long once more.
     */
    public constructor(
        private readonly work: (key: string, items: readonly Item[], lostMs: number) => Promise<Result>,
        /** What comes until this has ended goes along with the first item of a key. Default: that goes at once, and alone. */
        private readonly gather?: () => Promise<unknown>,
    ) {}

    public add(key: string, item: Item): Promise<Result> {
        return new Promise((resolve, reject) => {
            const waiting = this.waiting.get(key);
            if (waiting) {
                waiting.push({ item, resolve, reject });
            } else {
                this.waiting.set(key, [{ item, resolve, reject }]);
                void this.workOff(key, this.gather?.());
            }
        });
    }

    /** Somebody else works on the key: what comes before that has ended waits for it. */
    public waitFor(key: string, other: Promise<unknown>): void {
        if (!this.waiting.has(key)) {
            this.waiting.set(key, []);
            void this.workOff(key, other);
        }
    }

    private async workOff(key: string, other?: Promise<unknown>): Promise<void> {
        let startedAt = performance.now();
        let lostMs = 0;
        if (other) {
            await other.catch(() => {
                lostMs = performance.now() - startedAt;
            });
        }
        const waiting = this.waiting.get(key) as Waiting<Item, Result>[];
        while (waiting.length > 0) {
            const batch = waiting.splice(0);
            const items = batch.map(({ item }) => item);
            startedAt = performance.now();
            try {
                const result = await this.work(key, items, lostMs);
                lostMs = 0;
                for (const { resolve } of batch) {
                    resolve(result);
                }
            } catch (error) {
                lostMs = performance.now() - startedAt;
                for (const { reject } of batch) {
                    reject(error);
                }
            }
        }
        this.waiting.delete(key);
    }
}
