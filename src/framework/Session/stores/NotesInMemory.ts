/** Texts by key, each until its time is over: the oldest go first where there are too many. */
export class NotesInMemory {
    private readonly notes = new Map<string, { readonly text: string; readonly until: number }>();

    public constructor(private readonly most = Number.POSITIVE_INFINITY) {}

    public get(key: string): string | undefined {
        const note = this.notes.get(key);
        return note && note.until > Date.now() ? note.text : undefined;
    }

    /** @param until In ms since the epoch. */
    public set(key: string, text: string, until: number): void {
        this.notes.delete(key);
        if (this.notes.size >= this.most) {
            this.notes.delete(this.notes.keys().next().value as string);
        }
        this.notes.set(key, { text, until });
    }

    public delete(key: string): boolean {
        return this.notes.delete(key);
    }

    /** All at once: they are few. */
    public entries(): [key: string, text: string][] {
        return [...this.notes].map(([key, { text }]) => [key, text]);
    }

    /** They came in the order of their ends, but for a few: the first that lasts ends the search. */
    public prune(): void {
        const now = Date.now();
        for (const [key, { until }] of this.notes) {
            if (until > now) {
                return;
            }
            this.notes.delete(key);
        }
    }
}
