import { TimeSlice } from '../../../Support/TimeSlice.js';

/** A cache of texts, each with its time to live. Where there are too many, the oldest is dropped. */
export class ExpiringTexts {
    private readonly texts = new Map<string, { readonly text: string; readonly until: number }>();

    public constructor(private readonly most = Number.POSITIVE_INFINITY) {}

    public get size(): number {
        return this.texts.size;
    }

    public get(key: string): string | undefined {
        const found = this.texts.get(key);
        return found && found.until > Date.now() ? found.text : undefined;
    }

    /** @param until In ms since the epoch. */
    public set(key: string, text: string, until: number): void {
        this.texts.delete(key);
        if (this.texts.size >= this.most) {
            this.texts.delete(this.texts.keys().next().value as string);
        }
        this.texts.set(key, { text, until });
    }

    public delete(key: string): boolean {
        return this.texts.delete(key);
    }

    /** One by one, no more than there are at first. Entries may be set and deleted meanwhile. */
    public *entries(): Generator<[key: string, text: string]> {
        let left = this.texts.size;
        for (const [key, { text }] of this.texts) {
            if (left === 0) {
                return;
            }
            left -= 1;
            yield [key, text];
        }
    }

    /** Removes what has expired. Texts are nearly in the order of their ends: the first that has not expired ends the search. */
    public async prune(): Promise<void> {
        const slice = new TimeSlice();
        for (const [key, { until }] of this.texts) {
            if (until > Date.now()) {
                return;
            }
            this.texts.delete(key);
            if (slice.isOver) {
                await slice.rest();
            }
        }
    }
}
