import express from 'express';
import session from 'express-session';
import { expect, test } from 'vitest';
import { SessionManager, sessionApp } from './helpers/sessionApp.js';

test.each(['file', 'memory'])(
    'response.finished says whether the route has ended its answer, also while it is held: %s',
    async (driver) => {
        const seen: boolean[] = [];
        const app = await sessionApp({
            session: { driver },
            routes: (router) =>
                router.get('/', (request, response) => {
                    request.session['key'] = 1;
                    response.write('begun');
                    seen.push(response.finished);
                    response.end();
                    seen.push(response.finished);
                    response.on('finish', () => seen.push(response.finished));
                }),
        });
        expect(await (await fetch(app.url)).text()).toBe('begun');
        expect(seen).toEqual([false, true, true]);
    },
);

test.each<[string, (secret: Buffer) => unknown]>([
    ['one', (secret) => secret],
    ['bytes of another kind', (secret) => new Uint8Array(secret)],
    ['an older one', (secret) => ['Another5kQ2vX9mZ4rT8wN3pL6sB1dF5', secret]],
])('a Buffer as secret verifies what express-session signed with it: %s', async (_which, secretOf) => {
    const secret = Buffer.from(Array.from({ length: 32 }, (_, index) => (index * 37 + 200) % 256));
    const store = new session.MemoryStore();
    const hand = express();
    hand.use(session({ secret: secret as never, name: 'sosise', resave: false, saveUninitialized: true, store }));
    hand.get('/', (request, response) => {
        request.session['key'] = 'value';
        response.end();
    });
    const server = hand.listen(0);
    const { port } = server.address() as { port: number };
    const [cookie = ''] = (await fetch(`http://127.0.0.1:${port}/`)).headers.getSetCookie();
    server.close();
    const app = await sessionApp({
        session: { driver: 'plain', secret: secretOf(secret) },
        boot: (kernel) => kernel.container.make(SessionManager).extend('plain', () => store),
        routes: (router) => router.get('/', (request, response) => response.json(request.session['key'] ?? null)),
    });
    const answer = await fetch(app.url, { headers: { cookie: cookie.split(';')[0] as string } });
    expect(await answer.json()).toBe('value');
});
