/** The first few of many in an order, without keeping the others. */
export class Top<T> {
    private readonly kept: T[] = [];

    /** @param order Negative where `a` comes before `b`. */
    public constructor(
        private readonly most: number,
        private readonly order: (a: T, b: T) => number,
    ) {}

    public add(item: T): void {
        const last = this.kept.at(-1);
        if (this.kept.length === this.most && last !== undefined && this.order(last, item) <= 0) {
            return;
        }
        this.kept.splice(this.placeOf(item), 0, item);
        this.kept.length = Math.min(this.kept.length, this.most);
    }

    /** In order. */
    public get items(): readonly T[] {
        return this.kept;
    }

    /** Behind all that are before it or equal. */
    private placeOf(item: T): number {
        let [low, high] = [0, this.kept.length];
        while (low < high) {
            const middle = (low + high) >>> 1;
            if (this.order(this.kept[middle] as T, item) <= 0) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }
}
