/** So many work at once, the others wait in the order of arrival. */
export class Semaphore {
    private taken = 0;
    private waiting: (() => void)[] = [];
    private served = 0;

    public constructor(private readonly most: number) {}

    /** Whoever got a slot has to call `leave`. Undefined: there is no need to wait. */
    public enter(): Promise<void> | undefined {
        if (this.taken < this.most) {
            this.taken += 1;
            return undefined;
        }
        return new Promise((resolve) => {
            this.waiting.push(resolve);
        });
    }

    /** Hands the slot to the next. */
    public leave(): void {
        const next = this.waiting[this.served];
        if (!next) {
            this.taken -= 1;
            return;
        }
        this.served += 1;
        if (this.served === this.waiting.length) {
            this.waiting = [];
            this.served = 0;
        }
        next();
    }

    /** Lends the own slot to others while something is waited for. */
    public async outside<T>(wait: () => Promise<T>): Promise<T> {
        this.leave();
        try {
            return await wait();
        } finally {
            await this.enter();
        }
    }
}
