/**
 * Remembers what was asked for lately, in two halves: when the newer one is full, the older one is forgotten. What is
 * found in the older half moves to the newer one, so that what is in use stays.
 */
export class RecentlyUsed<Value> {
    private newer = new Map<string, Value>();
    private older = new Map<string, Value>();
    private characters = 0;

    /** Each half takes so many entries, and so many characters of keys. */
    public constructor(
        private readonly most: number,
        private readonly mostCharacters: number,
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
        if (this.newer.size >= this.most || this.characters + key.length > this.mostCharacters) {
            this.older = this.newer;
            this.newer = new Map();
            this.characters = 0;
        }
        this.characters += key.length;
        this.newer.set(key, value);
    }

    public forget(key: string): void {
        if (this.newer.delete(key)) {
            this.characters -= key.length;
        }
        this.older.delete(key);
    }
}
