import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** The port of a server that accepts connections and never says a word; gone with the test. */
export async function silentServer(): Promise<number> {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const sockets: Socket[] = [];
    silent.on('connection', (socket) => sockets.push(socket));
    onTestFinished(() => {
        for (const socket of sockets) {
            socket.destroy();
        }
        silent.close();
    });
    return (silent.address() as AddressInfo).port;
}
