import { once } from 'node:events';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import compression from 'compression';
import type { Request, Response, Router } from 'express';
import { describe, expect, test } from 'vitest';
import { HttpPipeline } from './helpers/inside/Http.js';
import { SessionManager } from './helpers/inside/Session/Opening.js';
import { type LogLine, type SessionApp, sessionApp } from './helpers/sessionApp.js';
import { type Interference, interferedDriver } from './helpers/wrapDriver.js';

/** Every way to answer that Express has. */
const answers: Record<string, (response: Response, request: Request) => unknown> = {
    json: (response) => response.json({ ok: true }),
    send: (response) => response.send('text'),
    'a large send': (response) => response.send('x'.repeat(200_000)),
    redirect: (response) => response.redirect('/elsewhere'),
    sendFile: (response) => response.sendFile(new URL('../../../package.json', import.meta.url).pathname),
    'end without a body': (response) => response.status(204).end(),
    'writeHead and end': (response) => response.writeHead(201, { 'x-mine': 'yes', 'set-cookie': 'own=1' }).end('made'),
    'write, write, end': (response) => {
        response.write('a');
        response.write('b');
        response.end('c');
    },
    'a piped stream': (response) => Readable.from(['one', 'two', 'three']).pipe(response),
    flushHeaders: (response) => {
        response.flushHeaders();
        response.end('late body');
    },
};

function routes(router: Router): void {
    for (const [name, answer] of Object.entries(answers)) {
        router.get(`/${encodeURIComponent(name)}`, (request, response) => {
            request.session['visits'] = Number(request.session['visits'] ?? 0) + 1;
            response.set('x-route', 'set by the route');
            answer(response, request);
        });
    }
    router.get('/visits', (request, response) => {
        response.json(request.session['visits'] ?? 0);
    });
}

function start(
    interference: Interference,
    more: (router: Router) => void = () => undefined,
    session: object = {},
): Promise<SessionApp> {
    return sessionApp({
        session: { driver: 'interfered', cookie: { maxAge: 60_000 }, ...session },
        boot: (app) => app.container.make(SessionManager).extend('interfered', () => interferedDriver(interference)),
        routes: (router) => {
            routes(router);
            more(router);
        },
    });
}

describe('an answer means that the session is stored', () => {
    test.each(Object.keys(answers))('with %s', async (name) => {
        let stored = 0;
        const app = await start({
            write: () =>
                new Promise((resolve) => {
                    setTimeout(() => {
                        stored += 1;
                        resolve();
                    }, 20);
                }),
        });
        const browser = app.browser();
        for (const visits of [1, 2]) {
            const response = await browser.visit(`/${encodeURIComponent(name)}`);
            expect(stored).toBe(visits); // fetch resolves with the headers, before any body
            expect(response.status).toBeLessThan(400);
            expect(response.headers.get('x-route')).toBe('set by the route');
            expect(response.headers.getSetCookie().join().includes('sosise=')).toBe(visits === 1); // then the browser has it
            await response.arrayBuffer();
            expect(await browser.json('/visits')).toBe(visits);
        }
    });

    test('bodies arrive whole and in order', async () => {
        const app = await start({ write: () => new Promise((resolve) => setTimeout(resolve, 5)) });
        const browser = app.browser();
        const bodies = await Promise.all(
            ['write, write, end', 'a piped stream', 'flushHeaders', 'writeHead and end'].map(async (name) =>
                (await browser.visit(`/${encodeURIComponent(name)}`)).text(),
            ),
        );
        expect(bodies).toEqual(['abc', 'onetwothree', 'late body', 'made']);
    });

    test('cookies given to writeHead go out beside the session cookie', async () => {
        const response = await (await start({})).browser().visit('/writeHead%20and%20end');
        expect(response.headers.getSetCookie().map((line) => line.split('=')[0])).toEqual(['own', 'sosise']);
        expect(response.headers.get('x-mine')).toBe('yes');
    });

    test('a small answer is one TCP write', async () => {
        const app = await start({});
        const { port } = new URL(app.url);
        const chunks = await new Promise<string[]>((resolve, reject) => {
            const received: string[] = [];
            const socket = connect(Number(port), '127.0.0.1')
                .on('data', (chunk) => received.push(String(chunk)))
                .on('end', () => resolve(received))
                .on('error', reject);
            socket.write('GET /json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
        });
        expect(chunks).toHaveLength(1);
        expect(chunks[0]).toContain('sosise=');
        expect(chunks[0]?.endsWith('{"ok":true}')).toBe(true);
    });
});

describe('a save that fails', () => {
    test.each(Object.keys(answers))('is a 503 in place of %s, with the headers as before the route', async (name) => {
        const app = await start({
            write: () => {
                throw new Error('disk on fire');
            },
        });
        const browser = app.browser();
        const response = await browser.visit(`/${encodeURIComponent(name)}`);
        expect(response.status).toBe(503);
        expect(await response.json()).toMatchObject({
            message: 'The session could not be saved: please try again in a moment.',
        });
        expect(response.headers.get('x-route')).toBeNull();
        expect(response.headers.get('location')).toBeNull();
        expect(response.headers.get('x-request-id')).not.toBeNull();
        expect(browser.received).toEqual([]);
        const [logged] = app.log.filter(({ level }) => level === 'error');
        expect(logged?.context.error).toMatchObject({ cause: { message: 'disk on fire' } });
    });

    test('is a 503 even where the callback of regenerate ignores the error', async () => {
        let fails = false;
        const app = await start(
            {
                write: () => {
                    if (fails) {
                        throw new Error('disk on fire');
                    }
                },
            },
            (router) => {
                router.get('/regenerate', (request, response) => {
                    request.session.regenerate(() => response.send('Session was regenerated'));
                });
                router.get('/unawaited', (request, response) => {
                    void request.session.save();
                    response.send('saved?');
                });
                router.get('/handled', (request, response) => {
                    request.session['x'] = 1;
                    request.session.save((error) => response.status(error ? 418 : 200).send('handled'));
                });
                router.get('/streamed', async (request, response) => {
                    request.session['x'] = 1;
                    await request.session.save().catch(() => undefined);
                    response.writeHead(507).write('not stored');
                    response.end('!');
                });
            },
        );
        const browser = app.browser();
        await browser.visit('/json');
        fails = true;
        expect((await browser.visit('/regenerate')).status).toBe(503);
        expect((await browser.visit('/unawaited')).status).toBe(503);
        expect((await browser.visit('/handled')).status).toBe(418);
        const streamed = await browser.visit('/streamed');
        expect([streamed.status, await streamed.text()]).toEqual([507, 'not stored!']);
        fails = false;
        expect(await browser.json('/visits')).toBe(1);
        expect((await browser.visit('/regenerate')).status).toBe(200);
    });

    test('a store that does not answer is a 503 within storeTimeoutMs', async () => {
        const never = { write: () => new Promise<void>(() => undefined) };
        const app = await start(never, undefined, { storeTimeoutMs: 100 });
        const answer = await app.browser().visit('/json');
        expect(answer.status).toBe(503);
        expect(await answer.text(), 'not by the limit of the route').toContain('could not be saved');
    });

    test('is logged without the id that the store names in its error', async () => {
        let fails = false;
        const ids: string[] = [];
        const app = await start({
            read: (id) => {
                ids.push(id);
                if (fails) {
                    throw Object.assign(new Error(`EACCES: open '/sessions/${id}.json'`), { path: id, code: 'EACCES' });
                }
            },
        });
        const browser = app.browser();
        await browser.visit('/json');
        fails = true;
        await browser.visit('/json');
        const [logged] = app.log.filter(({ level }) => level === 'error');
        const { cause } = (logged as LogLine).context.error as { cause: Error };
        expect(cause.message).toBe("EACCES: open '/sessions/<id>.json'");
        expect(`${cause.stack}${JSON.stringify(cause)}`).not.toContain(ids[0]);
    });

    test('a store that can not be read fails only requests that ask for their session', async () => {
        let fails = false;
        const app = await start(
            {
                read: () => {
                    if (fails) {
                        throw new Error('gone');
                    }
                },
            },
            (router) => {
                router.get('/nothing', (_request, response) => {
                    response.send('fine');
                });
            },
        );
        const browser = app.browser();
        await browser.visit('/json');
        fails = true;
        expect((await browser.visit('/json')).status).toBe(503);
        expect((await browser.visit('/nothing')).status).toBe(200);
        expect((await browser.visit('/up')).status).toBe(200);
        fails = false;
        expect(await browser.json('/visits')).toBe(1);
    });
});

describe('changes after the headers were sent', () => {
    const late = (router: Router) => {
        router.get('/late', (request, response) => {
            response.write('begun');
            request.session['visits'] = 100;
            setImmediate(() => response.end('done'));
        });
    };

    test('are stored at the end for a browser that has the cookie', async () => {
        const browser = (await start({}, late)).browser();
        await browser.visit('/json');
        expect(await (await browser.visit('/late')).text()).toBe('begundone');
        expect(await browser.json('/visits')).toBe(100);
    });

    test('are dropped with a warning for a browser without it', async () => {
        const app = await start({}, late);
        const browser = app.browser();
        expect(await (await browser.visit('/late')).text()).toBe('begundone');
        expect(await browser.json('/visits')).toBe(0);
        expect(app.log.map(({ message }) => message)).toContain(
            'A session was changed after the headers were sent to a browser without that session: the change is dropped.',
        );
    });

    test('that can not be stored close the connection instead of calling it a success', async () => {
        let fails = false;
        const app = await start(
            {
                write: () => {
                    if (fails) {
                        throw new Error('disk on fire');
                    }
                },
            },
            late,
        );
        const browser = app.browser();
        await browser.visit('/json');
        fails = true;
        const response = await browser.visit('/late');
        await expect(response.text()).rejects.toThrow();
    });
});

describe('a stream whose route saves by hand', () => {
    const streams = (router: Router) => {
        router.get('/waits', async (request, response) => {
            response.status(Number(request.query['status'])).write('begun ');
            request.session['visits'] = 100;
            await request.session.save().catch(() => undefined);
            response.end('done');
        });
        router.get('/waits-not', (request, response) => {
            response.status(Number(request.query['status'])).write('begun ');
            request.session['visits'] = 100;
            request.session.save().catch(() => undefined);
            response.end('done');
        });
    };

    test.each([
        ['/waits', 200, false],
        ['/waits', 400, true],
        ['/waits-not', 200, false],
        ['/waits-not', 400, true],
    ])('%s: with a status of %i it ends whole though that failed: %s', async (path, status, isWhole) => {
        let fails = false;
        const write = () => {
            if (fails) {
                throw new Error('disk on fire');
            }
        };
        const app = await start({ write }, streams);
        const browser = app.browser();
        await browser.visit('/json');
        expect(await (await browser.visit(`${path}?status=${status}`)).text()).toBe('begun done');
        expect(await browser.json('/visits')).toBe(100);
        fails = true;
        const text = browser.visit(`${path}?status=${status}`).then((answer) => answer.text());
        await (isWhole ? expect(text).resolves.toBe('begun done') : expect(text).rejects.toThrow());
    });
});

test.each([3, 400_000])(
    'a stream of %i bytes arrives whole through compression, which has its own drain',
    async (size) => {
        const app = await sessionApp({
            boot: (kernel) => {
                kernel.container.make(HttpPipeline).before('session', compression());
            },
            routes: (router) => {
                router.get('/stream', (request, response) => {
                    request.session['visits'] = Math.random();
                    response.type('text');
                    Readable.from(['x'.repeat(size), 'y'.repeat(size), 'z'.repeat(size)]).pipe(response);
                });
            },
        });
        const browser = app.browser();
        for (const _ of [1, 2]) {
            expect((await (await browser.visit('/stream')).text()).length).toBe(3 * size);
        }
    },
);

describe.each(['file', 'memory'])('a session on %s that is used after its answer has been sent', (driver) => {
    const startAfter = async (
        afterwards: (request: Request) => unknown,
        environment: 'development' | 'production' = 'production',
    ): Promise<LogLine[]> => {
        let ready = () => {};
        const done = new Promise<void>((resolve) => {
            ready = resolve;
        });
        const app = await sessionApp({
            environment,
            session: { driver, cookie: { secure: false } },
            routes: (router) => {
                routes(router);
                router.get('/after', async (request, response) => {
                    response.json(request.session['visits']);
                    await afterwards(request);
                    setImmediate(ready);
                });
            },
        });
        const browser = app.browser();
        await browser.visit('/json');
        expect(await browser.json('/after')).toBe(1);
        await done;
        return app.log.filter(({ level }) => level === 'warning');
    };
    const change = (request: Request) => {
        request.session['visits'] = 'secret';
    };

    test.each(['development', 'production'] as const)('and changed: %s tells once, without contents', async (name) => {
        const log = await startAfter(async (request) => {
            change(request);
            await once(request.res as Response, 'finish');
            request.session['more'] = 'secret';
        }, name);
        expect(log.map(({ message }) => message)).toEqual([
            expect.stringContaining('changed after its answer had been sent: the change is not stored.'),
        ]);
        expect(log[0]?.context).toEqual({
            method: 'GET',
            path: '/after',
            fingerprint: expect.stringMatching(/^[\w-]{10}$/),
        });
        expect(JSON.stringify(log)).not.toContain('secret');
    });

    test('for the first time, long after the answer: it tells as well', async () => {
        const log = await startAfter(async (request) => {
            await once(request.res as Response, 'finish');
            change(request);
        });
        expect(log).toHaveLength(1);
    });

    test('and read: nothing is told', async () => {
        expect(await startAfter((request) => request.session['visits'])).toEqual([]);
    });

    test('and saved: nothing is lost, and nothing told', async () => {
        const log = await startAfter((request) => {
            change(request);
            return request.session.save();
        });
        expect(log).toEqual([]);
    });
});

test('a route that throws after it has answered does not cut the answer that is held', async () => {
    const app = await start({ write: () => new Promise((resolve) => setTimeout(resolve, 5)) }, (router) => {
        router.get('/throws', (request, response) => {
            request.session['visits'] = 1;
            response.json('answered');
            throw new Error('too late');
        });
    });
    expect(await app.browser().json('/throws')).toBe('answered');
});

describe('answering twice', () => {
    test('fails as Node says while the first answer is held, and the first answer stands', async () => {
        const codes: unknown[] = [];
        const app = await start({ write: () => new Promise((resolve) => setTimeout(resolve, 5)) }, (router) => {
            router.get('/twice', (request, response) => {
                request.session['visits'] = 1;
                response.json('first');
                try {
                    response.json('second, and longer');
                } catch (error) {
                    codes.push((error as NodeJS.ErrnoException).code);
                }
            });
        });
        expect(await app.browser().json('/twice')).toBe('first');
        expect(codes).toEqual(['ERR_HTTP_HEADERS_SENT']);
    });
});

test('a held answer seems sent, and is itself again behind that: a function of somebody else sees the cookie leave', async () => {
    const seen: unknown[] = [];
    const app = await start({ write: () => new Promise((resolve) => setImmediate(resolve)) }, (router) => {
        router.get('/held', (request, response) => {
            const { setHeader } = response;
            response.setHeader = function noting(name, value) {
                seen.push(name);
                return setHeader.call(this, name, value);
            };
            request.session['a'] = 1;
            response.once('close', () => seen.push(response.headersSent, response.writableEnded));
            response.status(201).write('one ');
            seen.length = 0;
            seen.push(response.headersSent, response.writableEnded);
            for (const change of [
                () => response.setHeader('X-Late', '1'),
                () => response.removeHeader('X-Request-Id'),
            ]) {
                expect(change).toThrow('headers after they are sent to the client');
            }
            response.end('two');
            seen.push(response.writableEnded, response.finished);
        });
    });
    const response = await app.browser().visit('/held');
    expect([response.status, await response.text()]).toEqual([201, 'one two']);
    expect(response.headers.get('X-Late')).toBeNull();
    expect(response.headers.get('X-Request-Id')).not.toBeNull();
    await expect.poll(() => seen.length).toBe(9);
    expect(seen).toEqual([true, false, true, true, 'Set-Cookie', 'Vary', 'Cache-Control', true, true]);
});
