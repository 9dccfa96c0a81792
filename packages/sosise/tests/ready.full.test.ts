import { rmSync, writeFileSync } from 'node:fs';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { HttpServer, Readiness } from './helpers/inside/Http.js';
import { onRedis } from './helpers/onRedis.js';
import { type SessionAppOptions, sessionApp } from './helpers/sessionApp.js';

async function startWith(check: () => void | Promise<void>, options: SessionAppOptions = {}) {
    return sessionApp({
        session: { driver: 'memory' },
        ...options,
        boot: (app) => void app.container.make(Readiness).add('database', check),
    });
}

const ask = async (url: string, init?: RequestInit) => {
    const response = await fetch(`${url}/ready`, init);
    return { status: response.status, body: await response.json(), headers: response.headers };
};

describe('GET /ready', () => {
    test('is 200 while everything is there, before sessions, and not stored anywhere', async () => {
        const app = await startWith(() => {});
        const { status, body, headers } = await ask(app.url);
        expect(status).toBe(200);
        expect(body).toEqual({ code: 1000, message: 'ready', data: null });
        expect(headers.get('cache-control')).toBe('no-store');
        expect(headers.get('set-cookie')).toBeNull();
        expect((await fetch(`${app.url}/ready`, { method: 'HEAD' })).status).toBe(200);
        expect((await fetch(`${app.url}/ready`, { method: 'POST' })).status).toBe(404);
    });

    test.each([
        ['production', { part: 'database' }],
        ['development', { part: 'database', error: 'gone' }],
    ] as const)('names the part that failed; in %s it says %j', async (environment, data) => {
        const secure = { driver: 'memory', secret: 'Prod7kQ2vX9mZ4rT8wN3pL6sB1dF5hJ0' };
        const app = await startWith(() => Promise.reject(new Error('gone')), { environment, session: secure });
        expect(await ask(app.url)).toMatchObject({ status: 503, body: { code: 503, message: 'not ready', data } });
        await ask(app.url);
        expect(
            app.log.filter(({ message }) => message === 'Not ready: database.'),
            'said once',
        ).toHaveLength(1);
    });

    test('asks the parts once for many who ask at the same time, and bounds the wait', async () => {
        let asked = 0;
        const readiness = new Readiness(100).add('database', () => {
            asked += 1;
            return new Promise<void>(() => {});
        });
        const answers = await Promise.all(Array.from({ length: 50 }, () => readiness.look()));
        expect(new Set(answers.map((answer) => answer?.error.message))).toEqual(new Set(['No answer within 100 ms.']));
        expect(asked).toBe(1);
    });

    test('is 503 where the folder of the file driver can not be used', async () => {
        const app = await sessionApp({ session: { driver: 'file' } });
        expect((await ask(app.url)).status).toBe(200);
        rmSync(app.folder, { recursive: true });
        writeFileSync(app.folder, 'no folder');
        await vi.waitFor(async () =>
            expect(await ask(app.url)).toMatchObject({ status: 503, body: { data: { part: 'session store' } } }),
        );
    });

    test('says that the server stops, which goes on serving for stopDelayMs', async () => {
        const app = await startWith(() => {}, {
            http: { stopDelayMs: 300 },
            routes: (router) => router.get('/', (_request, response) => void response.json('served')),
        });
        const closing = app.app.container.make(HttpServer).close();
        expect(await ask(app.url)).toMatchObject({ status: 503, body: { data: { part: 'stopping' } } });
        expect(await (await fetch(app.url)).json()).toBe('served');
        expect((await fetch(`${app.url}/up`)).status).toBe(200);
        await closing;
        await expect(fetch(app.url)).rejects.toThrow();
    });
});

await onRedis('GET /ready with sessions in Redis', (server) => {
    test('is 503 while the store is away or full, and 200 when it is back; /up does not ask it', async () => {
        const app = await sessionApp({
            session: { driver: 'redis', drivers: { redis: { port: server.port, commandTimeoutMs: 200 } } },
        });
        expect((await ask(app.url)).status).toBe(200);
        const away = { status: 503, body: { data: { part: 'session store' } } };
        server.freeze();
        onTestFinished(() => server.thaw());
        await vi.waitFor(async () => expect(await ask(app.url)).toMatchObject(away));
        expect((await fetch(`${app.url}/up`)).status).toBe(200);
        server.thaw();
        await vi.waitFor(async () => expect((await ask(app.url)).status).toBe(200));
        server.cli('CONFIG', 'SET', 'maxmemory', '1');
        await vi.waitFor(async () => expect(await ask(app.url)).toMatchObject(away));
        server.cli('CONFIG', 'SET', 'maxmemory', '0');
        await vi.waitFor(async () => expect((await ask(app.url)).status).toBe(200));
    });
});
