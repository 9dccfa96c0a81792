import type { Response } from 'express';

/** How long changes are gathered before pages are told. */
const GATHERED_MS = 100;
/** How long a browser waits before it connects again: the dev server is back soon. */
const RETRY_MS = 300;
const MOST_STREAMS = 20;

/**
 * Tells pages by server-sent events that there is something new, and nothing more: they ask for it with the cookie that they
 * have by then. A page that does not read is told once, however much happens.
 */
export class EventStreams {
    private readonly open = new Set<Response>();
    private timer: NodeJS.Timeout | undefined;
    private hasEnded = false;

    /** Answers with a stream. False: there are enough, or the process stops. */
    public add(response: Response): boolean {
        if (this.hasEnded || this.open.size >= MOST_STREAMS) {
            return false;
        }
        this.open.add(response);
        response.once('close', () => this.open.delete(response));
        response.set({ 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' });
        response.write(`retry: ${RETRY_MS}\ndata: hello\n\n`);
        return true;
    }

    /** There is something new. */
    public tell(): void {
        this.timer ??= setTimeout(() => this.send(), GATHERED_MS).unref();
    }

    /** Ends them all: the process stops. */
    public end(): void {
        this.hasEnded = true;
        clearTimeout(this.timer);
        for (const response of this.open) {
            response.end();
        }
    }

    private send(): void {
        this.timer = undefined;
        for (const response of this.open) {
            if (!response.writableNeedDrain && !response.writableEnded) {
                response.write('data: new\n\n');
            }
        }
    }
}
