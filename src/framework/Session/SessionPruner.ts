import type { SessionLayer } from './SessionLayer.js';

/** Removes dead records now and then, one walk at a time, while the application runs. */
export class SessionPruner {
    private timer: NodeJS.Timeout | undefined;
    private walk: Promise<void> | undefined;
    private readonly stopping = new AbortController();

    public constructor(private readonly layer: SessionLayer) {}

    public start(): void {
        const { pruneIntervalMs } = this.layer.settings;
        if (pruneIntervalMs > 0) {
            this.timer = setInterval(() => {
                this.walk ??= this.prune();
            }, pruneIntervalMs).unref();
        }
    }

    public async stop(): Promise<void> {
        clearInterval(this.timer);
        this.stopping.abort();
        await this.walk;
    }

    private async prune(): Promise<void> {
        try {
            await this.layer.repository.prune(this.stopping.signal);
        } catch (error) {
            this.layer.log.warning('Expired sessions could not be removed now; it is tried again later.', { error });
        } finally {
            this.walk = undefined;
        }
    }
}
