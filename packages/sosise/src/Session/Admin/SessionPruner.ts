import type { SessionServices } from '../Request/SessionServices.js';

/** Soon after the start: a process that restarts often would never prune otherwise. */
const FIRST_WALK_MS = 60_000;

/** One process prunes in so much of an interval: a little less than all of it, so that the same one may be first again. */
const SHARE_OF_INTERVAL = 0.9;

/** Removes dead records now and then, one walk at a time, while the application runs. */
export class SessionPruner {
    private timer: NodeJS.Timeout | undefined;
    private walk: Promise<void> | undefined;
    private readonly stopping = new AbortController();

    public constructor(private readonly services: SessionServices) {}

    public start(): void {
        const { pruneIntervalMs } = this.services.settings;
        if (pruneIntervalMs > 0) {
            this.schedule(Math.min(pruneIntervalMs, FIRST_WALK_MS), pruneIntervalMs);
        }
    }

    public async stop(): Promise<void> {
        clearTimeout(this.timer);
        this.stopping.abort();
        await this.walk;
    }

    private schedule(delayMs: number, intervalMs: number): void {
        this.timer = setTimeout(() => {
            this.walk = this.prune().then(() => {
                if (!this.stopping.signal.aborted) {
                    this.schedule(intervalMs, intervalMs);
                }
            });
        }, delayMs).unref();
    }

    private async prune(): Promise<void> {
        try {
            const { driver, repository, settings } = this.services;
            if ((await driver.mayWalk?.(settings.pruneIntervalMs * SHARE_OF_INTERVAL)) ?? true) {
                await repository.prune(this.stopping.signal);
            }
        } catch (error) {
            this.services.log.warning('Expired sessions could not be removed now; it is tried again later.', { error });
        }
    }
}
