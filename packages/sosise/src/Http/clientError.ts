import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { http } from '../Support/http.js';
import type { Connections } from './Connections.js';

const ANSWERS: Readonly<Record<string, readonly [status: number, message: string]>> = {
    HPE_HEADER_OVERFLOW: [431, 'The headers of the request are too large.'],
    HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The chunk extensions of the request are too large.'],
    ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not arrive in time.'],
};

/** Whether Node.js names so what a client, or the network, has done. */
export function isOfClient({ code = '' }: NodeJS.ErrnoException): boolean {
    return /^(?:HPE_|ERR_|E[A-Z0-9]+$)/.test(code);
}

/** The answer whose route has destroyed it, or its connection, with this error. Undefined: it is the client's doing. */
export function destroyedBy(
    error: NodeJS.ErrnoException,
    socket: Socket,
    connections: Connections,
): ServerResponse | undefined {
    const answers = connections.answersOn(socket);
    return answers.find(({ errored }) => errored === error) ?? (isOfClient(error) ? undefined : answers[0]);
}

const refused = new WeakSet<Socket>();

/**
 * Answers what is no HTTP, or came too slowly, and closes the connection. Requests that came whole before it are answered
 * first: their client would take this answer for theirs.
 */
export async function answerClientError(
    error: NodeJS.ErrnoException,
    socket: Socket,
    connections: Connections,
): Promise<void> {
    if (refused.has(socket)) {
        return; // more of the same, while the answers before it are waited for
    }
    refused.add(socket);
    // Bytes put into the middle of an answer would corrupt it.
    const possible = () => socket.writable && error.code !== 'ECONNRESET' && !connections.isAnswering(socket);
    if (possible()) {
        await connections.answered(socket);
    }
    if (!possible()) {
        socket.destroy();
        return;
    }
    const [status, message] = ANSWERS[error.code ?? ''] ?? [400, 'The request is malformed.'];
    const body = JSON.stringify({ code: status, message, data: null });
    const head = [
        `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}`,
        'Content-Type: application/json; charset=utf-8',
        `Content-Length: ${Buffer.byteLength(body)}`,
        'Connection: close',
    ];
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
