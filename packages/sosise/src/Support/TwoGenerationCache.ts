/**
 * Remembers what was asked for lately, in two halves: when the newer one is full, the older one is forgotten. What is
 * found in the older half moves to the newer one, so that what is in use stays. Nothing is ever deleted from a half: V8's
 * Maps, where entries come and go, keep what was in them alive until the next full collection.
 */
export class TwoGenerationCache<Value> {
    private newer = new Map<string, Value>();
    private older = new Map<string, Value>();

    /**
     * @param most How many entries each half takes.
     * @param longest The length of the longest keys that are remembered.
     */
    public constructor(
        private readonly most: number,
        private readonly longest = Number.POSITIVE_INFINITY,
    ) {}

    public find(key: string): Value | undefined {
        const value = this.newer.get(key);
        if (value !== undefined) {
            return value;
        }
        const before = this.older.get(key);
        if (before !== undefined) {
            this.remember(key, before);
        }
        return before;
    }

    public remember(key: string, value: Value): void {
        if (key.length > this.longest) {
            return;
        }
        if (this.newer.size >= this.most && !this.newer.has(key)) {
            this.older = this.newer;
            this.newer = new Map();
        }
        this.newer.set(key, value);
    }
}
