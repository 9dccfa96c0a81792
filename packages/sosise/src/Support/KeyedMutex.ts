import { Deadlines } from './Deadlines.js';
import type { Lease } from './Lease.js';

type Waiter = (isEntered: boolean) => void;

/** One at a time per key, in the order of arrival, within this process. Keys that nobody holds cost nothing. */
export class KeyedMutex {
    /** A key is here while it is held, with those that wait for it. */
    private readonly waiters = new Map<string, Waiter[]>();

    /** Takes the key if nobody holds it. Whoever gets true has to call `leave`. */
    public tryEnter(key: string): boolean {
        if (this.waiters.has(key)) {
            return false;
        }
        this.waiters.set(key, []);
        return true;
    }

    /** Waits for the key at most `waitMs`. False: gave up, and left the queue. Whoever gets true has to call `leave`. */
    public enter(key: string, waitMs: number): Promise<boolean> {
        if (this.tryEnter(key)) {
            return Promise.resolve(true);
        }
        return new Promise((resolve) => {
            const queue = this.waiters.get(key) as Waiter[];
            const deadline = Deadlines.of(waitMs).start(() => {
                queue.splice(queue.indexOf(waiter), 1);
                resolve(false);
            });
            const waiter: Waiter = (isEntered) => {
                deadline.end();
                resolve(isEntered);
            };
            queue.push(waiter);
        });
    }

    /** Hands the key to the next in the queue. */
    public leave(key: string): void {
        const next = this.waiters.get(key)?.shift();
        if (next) {
            next(true);
        } else {
            this.waiters.delete(key);
        }
    }

    /** The same as a lease: undefined when `waitMs` was not enough. */
    public async lease(key: string, waitMs: number): Promise<Lease | undefined> {
        if (!(await this.enter(key, waitMs))) {
            return undefined;
        }
        let isHeld = true;
        return {
            release: () => {
                if (isHeld) {
                    isHeld = false;
                    this.leave(key);
                }
            },
        };
    }
}
