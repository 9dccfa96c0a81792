/** What is to happen before the next request: once, in its order, and done before any request goes on. */
export class Preparation {
    private steps: (() => Promise<void>)[] = [];
    private under: Promise<unknown> = Promise.resolve();

    public add(step: () => Promise<void>): void {
        this.steps.push(step);
    }

    /** A step that fails fails the request that asked for it; what came after it is left out. */
    public done(): Promise<unknown> {
        const steps = this.steps.splice(0);
        if (steps.length === 0) {
            return this.under;
        }
        const taken = this.under.then(async () => {
            for (const step of steps) {
                await step();
            }
        });
        this.under = taken.catch(() => undefined);
        return taken;
    }
}
