import { TimeSlice } from '../../../Support/TimeSlice.js';

/** Texts by key, each until its time is over: the oldest go first where there are too many. */
export class ExpiringTexts {
    private readonly notes = new Map<string, { readonly text: string; readonly until: number }>();

    public constructor(private readonly most = Number.POSITIVE_INFINITY) {}

    public get size(): number {
        return this.notes.size;
    }

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

    /** One by one, no more than there are at first: what is set or deleted meanwhile does no harm. */
    public *entries(): Generator<[key: string, text: string]> {
        let left = this.notes.size;
        for (const [key, { text }] of this.notes) {
            if (left === 0) {
                return;
            }
            left -= 1;
            yield [key, text];
        }
    }

    /** They came in the order of their ends, but for a few: the first that lasts ends the search. */
    public async prune(): Promise<void> {
        const slice = new TimeSlice();
        for (const [key, { until }] of this.notes) {
            if (until > Date.now()) {
                return;
            }
            this.notes.delete(key);
            if (slice.isOver) {
                await slice.rest();
            }
        }
    }
}
