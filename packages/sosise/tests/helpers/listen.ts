import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
import { onTestFinished } from 'vitest';
import { Browser } from './Browser.js';

/** Serves a plain Express application until the test ends. Gives a browser that visits it. */
export async function listen(app: Express): Promise<Browser> {
    const server = app.listen(0, '127.0.0.1');
    onTestFinished(() => {
        server.closeAllConnections();
        server.close();
    });
    await once(server, 'listening');
    return new Browser(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}
