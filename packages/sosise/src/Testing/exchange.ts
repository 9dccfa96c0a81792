import { http } from '../Support/http.js';

export interface Sent {
    readonly method: string;
    /** From the slash on, with its query. */
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string | Buffer | undefined;
}

export interface Received {
    readonly status: number;
    readonly headers: Headers;
    readonly body: Buffer;
}

/** One request and its answer. Not by fetch(): that sets Sec-Fetch-Mode and Host by itself. */
export function exchange(port: number, { method, path, headers, body }: Sent): Promise<Received> {
    return new Promise((resolve, reject) => {
        const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
        const sent = http.request({ host: '127.0.0.1', port, method, path, headers: { ...length, ...headers } });
        sent.once('error', reject);
        sent.once('response', (answer) => {
            const chunks: Buffer[] = [];
            answer.on('data', (chunk: Buffer) => chunks.push(chunk));
            answer.once('error', reject);
            answer.once('end', () => {
                resolve({
                    status: answer.statusCode ?? 0,
                    headers: new Headers(Object.entries(answer.headers).flatMap(eachValue)),
                    body: Buffer.concat(chunks),
                });
            });
        });
        sent.end(body);
    });
}

function eachValue([name, value = '']: [string, (string | string[])?]): [string, string][] {
    return [value].flat().map((text) => [name, text]);
}
