import { once } from 'node:events';
import { connect } from 'node:net';
import {
    exclusive,
    fingerprint,
    HttpServer,
    logout,
    type SessionEvent,
    StoredSessions,
    UnauthorizedException,
} from 'sosise';
import { describe, expect, test } from 'vitest';
import { type HeardApp, heardApp, inShort, post } from './eventsApp.js';
import { MemoryStore } from './helpers/inside/Session/Stores/Memory.js';
import { travel } from './helpers/inside/Testing.js';
import { SessionManager } from './helpers/sessionApp.js';

const FORGED = 'sosise=s%3Aguessed.signature';

/** Asks for an upgrade, and waits until the connection is closed. */
async function upgrade({ url }: HeardApp, path: string): Promise<void> {
    const { port } = new URL(url);
    const socket = connect(Number(port), '127.0.0.1').resume();
    const lines = ['Host: localhost', 'Connection: Upgrade', 'Upgrade: websocket', `Cookie: ${FORGED}`];
    socket.write([`GET ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n'));
    await once(socket, 'close');
}

describe.each(['memory', 'file', 'plain'])('a session that has expired, on %s', (driver) => {
    test.each(['/put', '/login'])(
        'ends once, also where its visitor begins another before it is pruned: %s',
        async (path) => {
            const app = await heardApp({ session: { driver, idle: 60_000 } });
            const visitor = app.browser();
            await visitor.visit('/login', post());
            const { at, fingerprint } = app.told().at(-1) as SessionEvent;
            travel('10 minutes');
            await visitor.visit(path, post({ cart: 1 }));
            await app.app.container.make(StoredSessions).prune(undefined, { whole: true });
            const ended = app.told().filter(({ name }) => name === 'ended');
            expect(ended).toMatchObject([{ reason: 'idle', fingerprint, user: 'ann' }]);
            expect(Math.abs((ended[0]?.at ?? 0) - at - 60_000)).toBeLessThan(1_000);
        },
    );
});

test('a session that has expired in the driver of before ends, and its tombstone says so for a day', async () => {
    const old = new MemoryStore();
    const on = (driver: string, fallback: string[]) =>
        heardApp({
            session: { driver, fallback, idle: 60_000 },
            boot: ({ container }) => void container.make(SessionManager).extend('old', () => old),
            routes: (router) => router.get('/ended', (request, response) => void response.json(request.sessionEnded)),
        });
    const before = await on('old', []);
    const visitor = before.browser();
    await visitor.visit('/login', post());
    const { fingerprint } = before.told().at(-1) as SessionEvent;
    travel('10 minutes');
    const app = await on('file', ['old']);
    const [here, late] = [app.browser(), app.browser()];
    for (const browser of [here, late]) {
        browser.cookies.set('sosise', visitor.cookies.get('sosise') as string);
    }
    await here.visit('/put', post({ cart: 1 }));
    expect(app.told().at(-1)).toMatchObject({ name: 'ended', reason: 'idle', fingerprint, user: 'ann' });
    expect(await late.json('/ended')).toBe('idle');
});

describe('a change that came too late is told of the session that has ended', () => {
    test('where a click has the id from before the login', async () => {
        const names: unknown[] = [];
        const app = await heardApp({
            session: { driver: 'memory' },
            routes: (router) =>
                router.post('/named', (request, response) => {
                    names.push(fingerprint(request));
                    request.session['cart'] = 2;
                    names.push(fingerprint(request));
                    response.json({});
                }),
        });
        const visitor = app.browser();
        await visitor.visit('/put', post({ cart: 1 }));
        const click = visitor.copy();
        await visitor.visit('/login', post());
        const [created] = app.told();
        expect((await click.visit('/named', post())).status).toBe(409);
        expect(app.told().at(-1)).toMatchObject({
            name: 'refused',
            reason: 'ended',
            fingerprint: created?.fingerprint,
        });
        expect(names).toEqual([created?.fingerprint, created?.fingerprint]);
        const said = app.log.find(({ message }) => message.includes('is discarded'));
        expect(said?.context['fingerprint']).toBe(created?.fingerprint);
    });

    test('where a request has waited for the lock of one that logged out', async () => {
        let [leave, arrive] = [() => {}, () => {}];
        const [left, arrived] = [
            new Promise<void>((done) => (leave = done)),
            new Promise<void>((done) => (arrive = done)),
        ];
        const app = await heardApp({
            session: { driver: 'memory' },
            routes: (router) => {
                router.post('/first', exclusive(), async (request, response) => {
                    arrive();
                    await left;
                    await logout(request);
                    response.json({});
                });
                router.post(
                    '/second',
                    (request, _response, next) => {
                        request.session['cart'] = 1;
                        setImmediate(leave);
                        next();
                    },
                    exclusive(),
                    (_request, response) => void response.json({}),
                );
            },
        });
        const visitor = app.browser();
        await visitor.visit('/login', post());
        const { fingerprint } = app.told().at(-1) as SessionEvent;
        const first = visitor.copy().visit('/first', post());
        await arrived;
        expect((await visitor.copy().visit('/second', post())).status).toBe(409);
        expect((await first).status).toBe(200);
        expect(app.told().at(-1)).toMatchObject({ name: 'refused', reason: 'ended', fingerprint, user: 'ann' });
    });
});

test('a forged cookie of a WebSocket is told once, whether it is refused or closed', async () => {
    const app = await heardApp({
        session: { driver: 'memory' },
        boot: ({ container }) => {
            const server = container.make(HttpServer);
            const stored = () => container.make(StoredSessions);
            server.onUpgrade('/refuses', async (request) => {
                if (!(await stored().ofRequest(request))) {
                    throw new UnauthorizedException('Please log in.');
                }
            });
            server.onUpgrade('/closes', async (request, socket) => {
                await stored().ofRequest(request);
                stored().closeWithSession(request, socket);
            });
        },
    });
    for (const path of ['/refuses', '/closes']) {
        await upgrade(app, path);
        expect([path, ...inShort(app.told())]).toEqual([path, 'refused signature']);
    }
});
