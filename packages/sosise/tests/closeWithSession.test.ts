import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { Request, Router } from 'express';
import { applicationOf, HttpServer, login, logout, requireLogin, SessionRegistry, StoredSessions } from 'sosise';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { travel } from './helpers/inside/Testing.js';
import { rawSocket } from './helpers/rawSocket.js';
import { type SessionAppOptions, SessionManager, sessionApp } from './helpers/sessionApp.js';
import { type Interference, interferedDriver } from './helpers/wrapDriver.js';

const ROUND_MS = 900;
const sessionsOf = (request: Request) => applicationOf(request).container.make(StoredSessions);

/** Nothing but the test makes time pass: what happens before it does so has happened at once. */
function stopClock(): void {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    onTestFinished(() => void vi.useRealTimers());
}

const nextRound = () => vi.advanceTimersByTimeAsync(ROUND_MS);

/** An application whose routes open things by name; `closed` names those that were closed, in that order. */
async function openingApp(options: SessionAppOptions = {}) {
    const closed: string[] = [];
    const forgets = new Map<string, () => void>();
    const routes = (router: Router) => {
        router.post('/login/:user', async (request, response) => {
            await login(request, request.params.user);
            response.json('welcome');
        });
        router.post('/logout', async (request, response) => {
            await logout(request);
            response.json('bye');
        });
        router.post('/end/:how', async (request, response) => {
            await request.session[request.params.how as 'destroy' | 'regenerate' | 'migrate']();
            response.json('done');
        });
        router.post('/put', (request, response) => {
            request.session['n'] = 1;
            response.json('put');
        });
        router.get('/me', requireLogin(), (_request, response) => response.json('me'));
        router.get('/open/:name', (request, response) => {
            const { name } = request.params;
            forgets.set(
                name,
                sessionsOf(request).closeWithSession(request, () => closed.push(name)),
            );
            response.json('open');
        });
        options.routes?.(router);
    };
    const app = await sessionApp({ session: { driver: 'memory' }, ...options, routes });
    const member = async (user = 'mia') => {
        const browser = app.browser();
        await browser.visit(`/login/${user}`, { method: 'POST' });
        return browser;
    };
    /** Resolves when all that was opened before is watched. */
    const settled = async () => {
        const browser = await member('settler');
        await browser.visit('/open/settler');
        await browser.visit('/logout', { method: 'POST' });
        await expect.poll(() => closed).toContain('settler');
        closed.splice(closed.indexOf('settler'), 1);
    };
    return { ...app, closed, forgets, member, settled, registry: app.app.container.make(SessionRegistry) };
}

/** The same on a driver whose reads are counted, and may be interfered with. */
async function countedApp(read: Interference['read'] = () => {}, routes?: SessionAppOptions['routes']) {
    const reads: string[] = [];
    const driver = interferedDriver({
        read: (id) => {
            reads.push(id);
            return read(id);
        },
    });
    const app = await openingApp({
        session: { driver: 'counted' },
        ...(routes && { routes }),
        boot: ({ container }) => void container.make(SessionManager).extend('counted', () => driver),
    });
    return { ...app, reads };
}

const quiet = async () => {
    for (let turn = 0; turn < 20; turn += 1) {
        await new Promise(setImmediate);
    }
};

describe.each(['memory', 'file'])('what is open with a session, on %s', (driver) => {
    test.each(['/logout', '/end/destroy', '/end/regenerate'])(
        'is closed at once by %s, once, and nothing else',
        async (path) => {
            stopClock();
            const app = await openingApp({ session: { driver } });
            const [mia, tom] = [await app.member('mia'), await app.member('tom')];
            await mia.visit('/open/first');
            await mia.visit('/open/second');
            await tom.visit('/open/other');
            await quiet();
            await mia.visit(path, { method: 'POST' });
            await expect.poll(() => app.closed).toEqual(['first', 'second']);
            await nextRound();
            await quiet();
            expect(app.closed).toEqual(['first', 'second']);
        },
    );

    test('is closed at once by a revocation', async () => {
        stopClock();
        const app = await openingApp({ session: { driver } });
        await (await app.member()).visit('/open/first');
        await app.registry.revoke('mia');
        await expect.poll(() => app.closed).toEqual(['first']);
    });

    test('stays open when its session gets a new id, by migrate and by login, and ends with that', async () => {
        stopClock();
        const app = await openingApp({ session: { driver } });
        const browser = app.browser();
        await browser.visit('/put', { method: 'POST' });
        await browser.visit('/open/first');
        await browser.visit('/end/migrate', { method: 'POST' });
        await browser.visit('/login/mia', { method: 'POST' });
        await nextRound();
        await quiet();
        expect(app.closed).toEqual([]);
        await app.registry.revoke('mia');
        await expect.poll(() => app.closed).toEqual(['first']);
    });

    test('is closed in the next round after a timeout, which it does not put off', async () => {
        stopClock();
        const app = await openingApp({ session: { driver, idle: 3_600_000 } });
        await (await app.member()).visit('/open/first');
        await app.settled();
        travel('30 minutes');
        await nextRound();
        await quiet();
        expect(app.closed).toEqual([]);
        travel('31 minutes');
        await nextRound();
        await expect.poll(() => app.closed).toEqual(['first']);
    });
});

test('another process that ends a session is noticed in the next round', async () => {
    stopClock();
    const here = await openingApp({ session: { driver: 'file' } });
    const there = await openingApp({ session: { driver: 'file' }, root: here.root });
    await (await here.member()).visit('/open/first');
    await here.settled();
    await there.registry.revoke('mia');
    await quiet();
    expect(here.closed).toEqual([]);
    await nextRound();
    await expect.poll(() => here.closed).toEqual(['first']);
});

describe('a round', () => {
    test('reads each session once, however much is open, and none where nothing is', async () => {
        stopClock();
        const app = await countedApp();
        const [mia, tom] = [await app.member('mia'), await app.member('tom')];
        for (const name of ['a', 'b', 'c', 'd']) {
            await mia.visit(`/open/${name}`);
        }
        await tom.visit('/open/e');
        await app.settled();
        app.reads.length = 0;
        await nextRound();
        await quiet();
        expect(app.reads).toHaveLength(2);
        expect(new Set(app.reads).size).toBe(2);
        for (const forget of app.forgets.values()) {
            forget();
        }
        app.reads.length = 0;
        await nextRound();
        await nextRound();
        await quiet();
        expect(app.reads).toEqual([]);
        await app.registry.revoke('mia');
        await quiet();
        expect(app.closed).toEqual([]);
    });

    test('reads nothing for what was closed before: its client went away while the route was busy', async () => {
        stopClock();
        let opened = 0;
        let arrive = () => {};
        const arrived = new Promise<void>((done) => {
            arrive = done;
        });
        const app = await countedApp(undefined, (router) => {
            router.get('/busy', requireLogin(), async (request, response) => {
                arrive();
                await once(response, 'close');
                const socket = Object.assign(new PassThrough(), { readyState: 3, close() {}, terminate() {} });
                for (const open of [response, new PassThrough().destroy(), socket]) {
                    sessionsOf(request).closeWithSession(request, open);
                    opened += 1;
                }
            });
        });
        const headers = { cookie: `sosise=${(await app.member()).cookies.get('sosise')}` };
        const gone = new AbortController();
        const answer = fetch(`${app.url}/busy`, { headers, signal: gone.signal });
        await arrived;
        gone.abort();
        await expect(answer).rejects.toThrow();
        await expect.poll(() => opened).toBe(3);
        await app.settled();
        app.reads.length = 0;
        await nextRound();
        await quiet();
        expect(app.reads).toEqual([]);
    });

    test('closes nothing while the store is in trouble, says so once, and goes on when it is back', async () => {
        stopClock();
        let isBroken = false;
        const app = await countedApp(() => {
            if (isBroken) {
                throw new Error('the disk is gone');
            }
        });
        await (await app.member()).visit('/open/first');
        await app.settled();
        isBroken = true;
        for (let round = 0; round < 5; round += 1) {
            await nextRound();
            await quiet();
        }
        const said = () => app.log.filter(({ message }) => message.includes('stays open'));
        expect(app.closed).toEqual([]);
        expect(said()).toHaveLength(1);
        expect(said()[0]?.level).toBe('warning');
        expect(JSON.stringify(said())).not.toMatch(/sha256-/);
        isBroken = false;
        travel('1 week');
        await nextRound();
        await expect.poll(() => app.closed).toEqual(['first']);
    });

    test('closes no socket whose store gets into trouble as it opens', async () => {
        const trouble = { isThere: false };
        const driver = interferedDriver({
            read: () => {
                if (trouble.isThere) {
                    throw new Error('the disk is gone');
                }
            },
        });
        const app = await openingApp({
            session: { driver: 'troubled' },
            boot: ({ container }) => {
                container.make(SessionManager).extend('troubled', () => driver);
                container.make(HttpServer).onUpgrade('/raw', async (request, socket) => {
                    const sessions = container.make(StoredSessions);
                    trouble.isThere = (await sessions.ofRequest(request)) !== undefined;
                    sessions.closeWithSession(request, socket);
                    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n');
                });
            },
        });
        const socket = await rawSocket(app.url, (await app.member()).cookies);
        await expect.poll(() => app.log.at(-1)?.message).toContain('stays open until it can');
        await quiet();
        expect(socket.closed).toBe(false);
        trouble.isThere = false;
        const closed = once(socket, 'close');
        await app.registry.revoke('mia');
        await closed;
    });

    test('does not keep the application from stopping, and says nothing then', async () => {
        const app = await openingApp();
        await (await app.member()).visit('/open/first');
        await app.close();
        expect(app.closed).toEqual([]);
        expect(app.log.filter(({ level }) => level !== 'info')).toEqual([]);
    });
});

describe('without a session that lives', () => {
    test('a route hears what to do', async () => {
        const app = await openingApp();
        expect((await app.browser().visit('/open/first')).status).toBe(500);
        expect(app.log.map(({ context }) => String((context['error'] as Error)?.message)).join()).toContain(
            'put requireLogin() in front',
        );
        expect(app.closed).toEqual([]);
    });

    test('a connection that was taken over is closed at once', async () => {
        const app = await openingApp({
            boot: ({ container }) =>
                void container.make(HttpServer).onUpgrade('/raw', (request, socket) => {
                    container.make(StoredSessions).closeWithSession(request, socket);
                    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n');
                }),
        });
        const member = await app.member();
        const mine = await rawSocket(app.url, member.cookies);
        const nobodys = await rawSocket(app.url, new Map([['sosise', 's%3Aforged.forged']]));
        await once(nobodys, 'close');
        expect(mine.closed).toBe(false);
        const closed = once(mine, 'close');
        await app.registry.revoke('mia');
        await closed;
    });
});
