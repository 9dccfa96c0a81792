import { KeyedBatches } from './KeyedBatches.js';

/** How many batches of a kind are under way before what comes waits, and shares the next one. */
const MOST = 2;

/**
 * What waits for others of its kind is the next batch with them: one statement, say, and one round trip for all. What comes
 * alone never waits.
 */
export class Lanes<Kind extends string, Item, Result> {
    private readonly batches: KeyedBatches<Item, Result>;
    private next = 0;

    /** @param work Does all items at once; `lostMs`: how long they have waited for one that has failed. */
    public constructor(work: (kind: Kind, items: readonly Item[], lostMs: number) => Promise<Result>) {
        this.batches = new KeyedBatches((lane, items, lostMs) => work(lane.split(' ')[0] as Kind, items, lostMs));
    }

    /** @returns What was given for the whole batch. */
    public add(kind: Kind, item: Item): Promise<Result> {
        for (let tried = 0; tried < MOST; tried += 1) {
            if (!this.batches.waiting.has(`${kind} ${tried}`)) {
                return this.batches.add(`${kind} ${tried}`, item);
            }
        }
        this.next = (this.next + 1) % MOST;
        return this.batches.add(`${kind} ${this.next}`, item);
    }
}
