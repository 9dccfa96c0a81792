import { KeyedBatches } from '../../../Support/KeyedBatches.js';

/** How many statements of a kind are under way before what comes waits, and shares the next one. */
const MOST = 2;

/** What waits for statements of its kind is the next one together: one round trip for all. What comes alone never waits. */
export class Lanes<Kind extends string, Item, Result> {
    private readonly batches: KeyedBatches<Item, Result>;
    private next = 0;

    /** @param work Makes one statement of all items; `lostMs`: how long they have waited for one that has failed. */
    public constructor(work: (kind: Kind, items: readonly Item[], lostMs: number) => Promise<Result>) {
        this.batches = new KeyedBatches((lane, items, lostMs) => work(lane.split(' ')[0] as Kind, items, lostMs));
    }

    /** @returns What the statement gave for all of its items. */
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
