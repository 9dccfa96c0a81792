import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** A WebSocket of the package ws. */
export interface ClosableWebSocket {
    readonly readyState?: number;
    close(code: number, reason: string): void;
    terminate(): void;
    once(event: 'close', listener: () => void): unknown;
}

/** What can be open for longer than a request: a WebSocket, an answer that streams, a connection, or what a function closes. */
export type Closable = ClosableWebSocket | ServerResponse | Duplex | (() => unknown);

/** Of the codes that applications may choose, as 401 is of HTTP's. */
const SESSION_ENDED = 4401;
/** For so long a page may take to say that it has heard: what it sends until then still arrives. */
const LAST_WORD_MS = 1_000;

/** `readyState` of a WebSocket that is closed. */
const CLOSED = 3;

/** Closes it as its kind is closed. */
export async function closeOpen(open: Closable): Promise<void> {
    if (typeof open === 'function') {
        await open();
    } else if ('terminate' in open) {
        open.close(SESSION_ENDED, 'The session has ended');
        const timer = setTimeout(() => open.terminate(), LAST_WORD_MS).unref();
        open.once('close', () => clearTimeout(timer));
    } else if ('setHeader' in open) {
        open.end();
    } else {
        open.destroy();
    }
}

/** Also where it is closed by now. A function does not tell when what it closes is closed otherwise. */
export function onceClosed(open: Closable, listener: () => void): void {
    if (typeof open === 'function') {
        return;
    }
    const isClosed = 'terminate' in open ? open.readyState === CLOSED : open.closed || open.destroyed;
    if (isClosed) {
        listener();
    } else {
        (open as ClosableWebSocket).once('close', listener);
    }
}
