import { setImmediate, setTimeout } from 'node:timers'; // the real ones, also where a test has others

/** How often it is looked whether a time is over: so many times within it. */
const LOOKS = 64;
const LIMITS = new Map<number, Deadlines>();

/** Something that has a time; for who tries again until that is over, and for who waits and is told. */
export class Deadline {
    public isOver = false;

    public constructor(
        public readonly until: number,
        public late: (() => void) | undefined,
        private readonly deadlines: Deadlines,
    ) {}

    /** Nobody waits any more. False: it was too late. */
    public end(): boolean {
        return this.deadlines.end(this);
    }
}

/**
 * Gives each piece of work the same time, and judges it by what this process could see. It was not the work that was slow
 * while the process computed or was stopped: its answer may wait in the socket, and its next step in the event loop. So
 *
 * - the time is counted in looks, 64 within it, and however late one comes, it counts for two at the most. Whatever
 *   happens, the event loop goes round 32 times before anything is late, and a process that runs sees no difference;
 * - the verdict comes after the answers that wait have been read, as `setImmediate` comes after them.
 *
 * One timer for all of the same time: they are due in the order in which they came, and nearly all are done long before.
 */
export class Deadlines {
    private readonly waiting = new Set<Deadline>();
    private readonly stepMs: number;
    private timer: NodeJS.Timeout | undefined;
    /** The time that counts, in ms, up to the last look, and when that was, by `performance.now()`. */
    private counted = 0;
    private lookedAt = 0;

    public constructor(private readonly limitMs: number) {
        this.stepMs = Math.max(1, Math.ceil(limitMs / LOOKS));
    }

    /** Those of one time share their timer wherever they wait. */
    public static of(limitMs: number): Deadlines {
        let deadlines = LIMITS.get(limitMs);
        if (!deadlines) {
            deadlines = new Deadlines(limitMs);
            LIMITS.set(limitMs, deadlines);
        }
        return deadlines;
    }

    /** Calls `late` unless it ends before the time is over. */
    public start(late?: () => void): Deadline {
        if (!this.timer) {
            this.lookedAt = performance.now();
            this.timer = setTimeout(this.look, this.stepMs);
        } else if (this.waiting.size === 0) {
            this.timer.ref();
        }
        const deadline = new Deadline(this.now() + this.limitMs, late, this);
        this.waiting.add(deadline);
        return deadline;
    }

    /**
     * False: it was too late. V8's Sets keep what was in them alive until the next full collection: without `late`, which leads to
     * the request, 34 in place of 94 MB outlive 20,000 changes of sessions in files (Node.js 24; on 26 it makes little difference).
     */
    public end(deadline: Deadline): boolean {
        const isWaitedFor = this.waiting.delete(deadline);
        deadline.late = undefined;
        if (this.waiting.size === 0) {
            this.timer?.unref(); // it does not keep a process that has nothing else to do
        }
        return isWaitedFor;
    }

    private now(): number {
        return this.counted + Math.min(performance.now() - this.lookedAt, 2 * this.stepMs);
    }

    private readonly look = () => setImmediate(this.sweep);

    private readonly sweep = () => {
        this.counted = this.now();
        this.lookedAt = performance.now();
        for (const deadline of this.waiting) {
            if (deadline.until > this.counted) {
                break;
            }
            this.waiting.delete(deadline);
            deadline.isOver = true;
            deadline.late?.();
        }
        this.timer = this.waiting.size > 0 ? setTimeout(this.look, this.stepMs) : undefined;
        if (!this.timer && LIMITS.get(this.limitMs) === this) {
            LIMITS.delete(this.limitMs);
        }
    };
}

/** Waits for work no longer than `timeoutMs`; then it fails with what `late` gives, and the work goes on behind it. */
export function inTime<T>(work: Promise<T>, timeoutMs: number, late: () => Error): Promise<T> {
    return new Promise((resolve, reject) => {
        const deadline = Deadlines.of(timeoutMs).start(() => reject(late()));
        work.finally(() => deadline.end()).then(resolve, reject);
    });
}
