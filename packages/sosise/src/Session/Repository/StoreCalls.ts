import { inTime } from '../../Support/Deadlines.js';
import type { MaybePromise } from '../../Support/MaybePromise.js';
import type { SessionEventChannels } from '../Events/channels.js';
import type { RecordKey } from '../Record/storageKeys.js';
import { SessionUnavailableException } from './SessionErrors.js';

export type Action = 'loaded' | 'saved' | 'ended';

export interface CallOptions {
    /** How long it was waited in vain before, in ms: the store has so much less time, but still a moment. */
    readonly lostMs?: number;
    /** Called once nobody waits any more for the work, which goes on. */
    readonly late?: () => void;
}

/** What the store has to answer at least, in ms. All times are so many of it, as each one has its timer. */
const STEP_MS = 500;

/** Gives every call to the store its time, and whatever goes wrong there one name. */
export class StoreCalls {
    /** @param timeoutMs How long the store may take to answer. */
    public constructor(
        private readonly timeoutMs: number,
        private readonly events: SessionEventChannels,
    ) {}

    /** Storage trouble is one error, whatever the store calls it. Where the store answers at once, so does this. */
    public attempt<T>(
        action: Action,
        key: RecordKey,
        work: () => MaybePromise<T>,
        options?: CallOptions,
    ): MaybePromise<T> {
        let result: MaybePromise<T>;
        try {
            result = work();
        } catch (error) {
            throw this.unavailable(action, key, error);
        }
        return result instanceof Promise
            ? this.inTime(action, result, options).catch((error) => {
                  throw this.unavailable(action, key, error);
              })
            : result;
    }

    /** Waits for the store no longer than it may take. */
    public inTime<T>(action: Action, work: Promise<T>, options?: CallOptions): Promise<T> {
        const left = Math.max(1, Math.ceil((this.timeoutMs - (options?.lostMs ?? 0)) / STEP_MS)) * STEP_MS;
        const timeoutMs = Math.min(this.timeoutMs, left);
        return inTime(work, timeoutMs, () => {
            options?.late?.();
            return new Error(`The session could not be ${action} within ${timeoutMs} ms: the store did not answer.`);
        });
    }

    /** The error for whatever the store has thrown. */
    public unavailable(action: Action, key: RecordKey, error: unknown): SessionUnavailableException {
        if (error instanceof SessionUnavailableException) {
            return error;
        }
        this.events.unavailable?.emit({ key, action });
        return new SessionUnavailableException(action, withoutId(key, error));
    }
}

const STORAGE_NAME = /\b(?:sha256|user)-[\w-]{43}/g;

/** What drivers throw may name a file or a key after the id, which has no business in a log. */
export function withoutId(id: string, error: unknown): unknown {
    const without = (text: string) => (id === '' ? text : text.replaceAll(id, '<id>')).replace(STORAGE_NAME, '<id>');
    if (!(error instanceof Error) || without(`${error.message}${error.stack}`) === `${error.message}${error.stack}`) {
        return error;
    }
    const clean = new Error(without(error.message), { cause: withoutId(id, error.cause) });
    clean.name = error.name;
    clean.stack = without(error.stack ?? '');
    return Object.assign(clean, { code: (error as NodeJS.ErrnoException).code });
}
