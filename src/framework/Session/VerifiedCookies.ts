/**
 * Remembers cookies whose signature was right, so that a visitor's next request need not compute it again: a hash less
 * of two (express-session computes its own). Holds the last few hundred, and nothing that did not verify.
 */
export class VerifiedCookies {
    private recent = new Map<string, string>();
    private older = new Map<string, string>();

    public constructor(private readonly size = 500) {}

    /** The id in a signed value that has verified before. */
    public idOf(value: string): string | undefined {
        const id = this.recent.get(value);
        if (id !== undefined) {
            return id;
        }
        const before = this.older.get(value);
        if (before !== undefined) {
            this.remember(value, before);
        }
        return before;
    }

    public remember(value: string, id: string): void {
        if (this.recent.size >= this.size) {
            this.older = this.recent;
            this.recent = new Map();
        }
        this.recent.set(value, id);
    }
}
