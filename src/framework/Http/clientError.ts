import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

const ANSWERS: Readonly<Record<string, readonly [status: number, message: string]>> = {
    HPE_HEADER_OVERFLOW: [431, 'The headers of the request are too large.'],
    HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The chunk extensions of the request are too large.'],
    ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not arrive in time.'],
};

/** Answers what is no HTTP, or came too slowly, and closes the connection. `begun`: an answer is on its way already. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Duplex, begun: boolean): void {
    if (!socket.writable || begun || error.code === 'ECONNRESET') {
        socket.destroy(); // bytes put into the middle of an answer would corrupt it
        return;
    }
    const [status, message] = ANSWERS[error.code ?? ''] ?? [400, 'The request is malformed.'];
    const body = JSON.stringify({ code: status, message, data: null });
    const head = [
        `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
        'Content-Type: application/json; charset=utf-8',
        `Content-Length: ${Buffer.byteLength(body)}`,
        'Connection: close',
    ];
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
