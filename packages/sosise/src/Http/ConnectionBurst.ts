import { AsyncResource } from 'node:async_hooks';
import type { ServerResponse } from 'node:http';

/** So many connections are let in before the requests that wait are handled: 10 ms for both of a core's. */
const MOST = 256;
/** Of a burst, so many requests are handled at once: where few come, none waits. */
const AT_ONCE = 16;

/**
 * Lets a burst of connections in. Node.js accepts one connection in a turn of the event loop (libuv since 1.45), and handles all
 * requests that came on the open ones in the same turn: with 200 of those that ask again at once, the last of 200 new visitors
 * waits until 60,000 others were answered, and so about 600 (Node.js 24 and 26). So requests wait while connections come in,
 * which takes 50 µs for each then.
 */
export class ConnectionBurst {
    private readonly waiting: (() => void)[] = [];
    private isOn = false;
    private accepted = 0;
    private acceptedBefore = 0;
    private handled = 0;
    private readonly onTurn = () => this.turn();

    /** A connection was accepted: there may be more behind it. */
    public add(): void {
        this.accepted += 1;
        if (!this.isOn) {
            this.isOn = true;
            setImmediate(this.onTurn);
        }
    }

    /** Whether a request that comes now has to wait. */
    public get holds(): boolean {
        return this.isOn && ++this.handled > AT_ONCE;
    }

    /** Handles a request when the burst is in, unless its connection has closed by then. */
    public hold(response: ServerResponse, handle: () => void): void {
        this.waiting.push(AsyncResource.bind(() => void (response.destroyed || handle())));
    }

    private turn(): void {
        if (this.accepted > this.acceptedBefore && this.accepted < MOST) {
            this.acceptedBefore = this.accepted;
            setImmediate(this.onTurn);
            return;
        }
        this.isOn = false;
        this.accepted = 0;
        this.acceptedBefore = 0;
        this.handled = 0;
        for (const handle of this.waiting.splice(0)) {
            handle();
        }
    }
}
