import { toError } from '../Exceptions/thrown.js';
import { inTime } from '../Support/Deadlines.js';

/** Throws, or rejects, where this part of the application can't serve requests now. */
export type ReadinessCheck = () => void | Promise<void>;

/** What is missing to serve requests. */
export interface Unready {
    /** The name of the part that failed, such as `session store`, or `stopping`. */
    readonly part: string;
    readonly error: Error;
}

/** Everybody may ask: the parts are asked once for all who ask within this time. */
const ANSWER_KEPT_MS = 500;
/** Load balancers give up after some seconds. */
const CHECK_TIMEOUT_MS = 2_000;

/**
 * Whether the application can serve requests now. Providers add what they need for it, in `boot()`:
 *
 *     app.container.make(Readiness).add('database', () => pool.query('SELECT 1').then(() => undefined));
 */
export class Readiness {
    private readonly checks = new Map<string, ReadinessCheck>();
    private answer: Promise<Unready | undefined> | undefined;
    private stopping = false;

    /** @param timeoutMs How long all checks together may take. */
    public constructor(private readonly timeoutMs = CHECK_TIMEOUT_MS) {}

    /** Adds a part; one of the same name is replaced. */
    public add(part: string, check: ReadinessCheck): this {
        this.checks.set(part, check);
        return this;
    }

    /** From now on it is not ready: the server stops. */
    public stop(): void {
        this.stopping = true;
    }

    /** The first part that failed; undefined: ready. Answers within the time for checks. */
    public look(): Promise<Unready | undefined> {
        if (this.stopping) {
            return Promise.resolve({ part: 'stopping', error: new Error('The application is stopping.') });
        }
        if (!this.answer) {
            const answer = this.ask();
            this.answer = answer;
            void answer.then(() => {
                setTimeout(() => {
                    this.answer = undefined;
                }, ANSWER_KEPT_MS).unref();
            });
        }
        return this.answer;
    }

    private async ask(): Promise<Unready | undefined> {
        const results = await Promise.all([...this.checks].map(([part, check]) => this.failureOf(part, check)));
        return results.find((failure) => failure !== undefined);
    }

    private async failureOf(part: string, check: ReadinessCheck): Promise<Unready | undefined> {
        const late = () => new Error(`No answer within ${this.timeoutMs} ms.`);
        try {
            await inTime(Promise.resolve().then(check), this.timeoutMs, late);
            return undefined;
        } catch (error) {
            return { part, error: toError(error) };
        }
    }
}
