import type { SessionDriver } from '../Drivers/SessionDriver.js';
import { isUserKey, type RecordKey } from '../Record/storageKeys.js';
import { withoutId } from './StoreCalls.js';

type Warn = (message: string, context: Record<string, unknown>) => void;

/** Takes damaged records out of the way, where a person can look at them. */
export class Quarantine {
    /** What is on its way there. */
    private readonly moving = new Map<RecordKey, Promise<void>>();

    public constructor(
        private readonly driver: SessionDriver,
        private readonly warn: Warn,
    ) {}

    public isTaking(key: RecordKey): boolean {
        return this.moving.has(key);
    }

    /** Resolves when nothing damaged stands under a key any more. */
    public async settled(key: RecordKey): Promise<void> {
        await this.moving.get(key);
    }

    /** Begins to take a record away; requests do not wait for it. A user's list is rebuilt instead, by who needs it. */
    public take(key: RecordKey, reason: unknown): void {
        if (!this.moving.has(key) && !isUserKey(key)) {
            this.moving.set(
                key,
                this.move(key, reason).finally(() => this.moving.delete(key)),
            );
        }
    }

    private async move(key: RecordKey, reason: unknown): Promise<void> {
        const context: Record<string, unknown> = { reason: (reason as Error).message };
        try {
            if (await this.driver.setAside(key)) {
                this.warn('A stored session is damaged and was quarantined; its visitor gets a new session.', context);
            } // else another request, or another process, has met it first, and said so
        } catch (error) {
            this.warn('A stored session is damaged and could not be quarantined; its visitor gets a new session.', {
                ...context,
                error: withoutId(key, error),
            });
        }
    }
}
