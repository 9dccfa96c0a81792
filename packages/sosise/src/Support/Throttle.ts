/** Keeps a message that every request could cause from flooding the log. */
export class Throttle {
    private last = Number.NEGATIVE_INFINITY;

    public isDue(): boolean {
        const now = performance.now();
        if (now - this.last < 60_000) {
            return false;
        }
        this.last = now;
        return true;
    }
}
