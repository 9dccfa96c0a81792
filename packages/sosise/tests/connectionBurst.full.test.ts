import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { HttpServer } from 'sosise';
import { expect, onTestFinished, test } from 'vitest';
import { sessionApp } from './helpers/sessionApp.js';

const CLIENTS = 200;

/** As a route that renders. */
function work(): void {
    for (const until = performance.now() + 0.2; performance.now() < until; ) {
        // busy
    }
}

test('new visitors of a busy server are not overtaken again and again by those whose connections are open', async () => {
    const current = new AsyncLocalStorage<unknown>();
    let strangers = 0;
    const { url } = await sessionApp({
        routes: (router) => {
            router.get('/work', (request, response) => {
                work();
                strangers += Number(current.getStore() !== request);
                response.json('done');
            });
        },
        boot: ({ container }) =>
            void container.make(HttpServer).attach((server) => {
                const emit = server.emit.bind(server);
                // What traces requests begins their context here.
                server.emit = (name: string, ...args: unknown[]) =>
                    name === 'request' ? current.run(args[0], () => emit(name, ...args)) : emit(name, ...args);
            }),
    });
    const worker = new Worker(new URL('workers/burstOfConnections.js', import.meta.url), {
        workerData: { port: Number(new URL(url).port), clients: CLIENTS },
    });
    onTestFinished(() => void worker.terminate());
    const [overtaken] = (await once(worker, 'message')) as [number];
    expect(overtaken).toBeLessThan(CLIENTS * 10);
    expect(strangers, 'requests in the context of another').toBe(0);
});
