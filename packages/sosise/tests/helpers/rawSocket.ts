import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A connection that was upgraded at `/raw`, with cookies; it ends with the test. */
export async function rawSocket(url: string, cookies: ReadonlyMap<string, string>): Promise<Socket> {
    const socket = createConnection({ port: Number(new URL(url).port), host: '127.0.0.1' });
    onTestFinished(() => void socket.destroy());
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    socket.write(
        `GET /raw HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: raw\r\nCookie: ${cookie}\r\n\r\n`,
    );
    await once(socket, 'data');
    return socket;
}
