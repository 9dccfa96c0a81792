import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import express, { type Router } from 'express';
import session, { type SessionData } from 'express-session';
import { describe, expect, test } from 'vitest';
import { HttpPipeline } from './helpers/inside/Http.js';
import { SessionManager } from './helpers/inside/Session/Opening.js';
import { keyOf } from './helpers/inside/Session/Record.js';
import { type SessionAppOptions, sessionApp } from './helpers/sessionApp.js';
import { interferedDriver } from './helpers/wrapDriver.js';

/** What express-session's documents promise, and what apps and libraries do with it. */

const MAX_AGE = 3_600_000;

function routes(router: Router): void {
    router.get('/set', (request, response) => {
        request.session['a'] = 1;
        response.json('set');
    });
    router.get('/get', (request, response) => {
        response.json(request.session?.['a'] ?? null);
    });
}

const start = (more: (router: Router) => void, options: SessionAppOptions = {}) =>
    sessionApp({
        ...options,
        session: { driver: 'memory', cookie: { maxAge: MAX_AGE }, ...options.session },
        routes: (router) => {
            routes(router);
            more(router);
        },
    });

function withRoutes(more: (router: Router) => void): Router {
    const router = express.Router();
    routes(router);
    more(router);
    return router;
}

describe('the cookie of one session', () => {
    test.each([
        ['expires', false],
        ['maxAge', false],
        ['maxAge', null],
    ])('%s = %s makes it end with the browser, and the session lives', async (name, value) => {
        const app = await start((router) => {
            router.get('/forget', (request, response) => {
                Object.assign(request.session.cookie, { [name]: value });
                response.json('until the browser closes');
            });
        });
        const browser = app.browser();
        await browser.visit('/set');
        expect((await browser.visit('/forget')).status).toBe(200);
        expect(browser.received.at(-1)).not.toContain('Expires');
        expect(await browser.json('/get')).toBe(1);
    });

    test.each([
        ['sameSite', 'bogus'],
        ['httpOnly', 1],
        ['path', 1],
        ['domain', 'foo_bar;x'],
    ])('%s = %j is refused, and what was stored stays', async (name, value) => {
        const app = await start((router) => {
            router.get('/wrong', (request, response) => {
                Object.assign(request.session.cookie, { [name]: value });
                response.json('never');
            });
        });
        const browser = app.browser();
        await browser.visit('/set');
        expect((await browser.visit('/wrong')).status).toBe(500);
        expect(await browser.json('/get')).toBe(1);
        expect((await app.browser().visit('/wrong')).status).toBe(500);
    });

    test('rolling sends it with every answer, also with resave and without maxAge', async () => {
        for (const more of [{ resave: true }, { resave: false }, { cookie: {} }]) {
            const browser = (await start(() => undefined, { session: { rolling: true, ...more } })).browser();
            await browser.visit('/set');
            await browser.visit('/get');
            await browser.visit('/set');
            expect(browser.received).toHaveLength(3);
        }
    });
});

describe('a session that is unset', () => {
    const unsetters = (router: Router) => {
        router.get('/delete', (request, response) => {
            delete (request as Partial<typeof request>).session;
            response.json(typeof request.session);
        });
        router.get('/null', (request, response) => {
            (request as { session: unknown }).session = null;
            response.json(typeof request.session);
        });
        router.get('/late', (request, response) => {
            request.session['a'] = 2;
            (request as { session: unknown }).session = null;
            response.json(typeof request.session);
        });
    };

    test.each(['/delete', '/null', '/late'])('%s is destroyed with unset: destroy', async (path) => {
        const browser = (await start(unsetters, { session: { unset: 'destroy' } })).browser();
        await browser.visit('/set');
        const old = browser.copy();
        expect(await browser.json(path)).toBe(path === '/delete' ? 'undefined' : 'object');
        expect(browser.cookies.size).toBe(0);
        expect(await old.json('/get')).toBeNull();
    });

    test('is cleared with the attributes that its cookie was set with', async () => {
        const session = { unset: 'destroy', cookie: { path: '/x', domain: 'example.com', sameSite: 'strict' } };
        const app = await start((router) => router.use('/x', withRoutes(unsetters)), { session });
        const browser = app.browser();
        await browser.visit('/x/set');
        await browser.visit('/x/delete');
        expect(browser.received.at(-1)).toBe(
            'sosise=; Domain=example.com; Path=/x; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Strict',
        );
    });

    test.each(['/delete', '/null', '/late'])('%s is kept as it was with unset: keep', async (path) => {
        const browser = (await start(unsetters)).browser();
        await browser.visit('/set');
        expect(await browser.json(path)).toBe(path === '/delete' ? 'undefined' : 'object');
        expect(await browser.json('/get')).toBe(1);
    });

    test('another object in its place is refused instead of forgotten', async () => {
        const app = await start((router) => {
            router.get('/replace', (request, response) => {
                (request as { session: unknown }).session = { userId: 7 };
                response.json('never');
            });
        });
        const response = await app.browser().visit('/replace');
        expect(response.status).toBe(500);
    });
});

describe('request.sessionStore', () => {
    const generators = (router: Router) => {
        const generate = (request: express.Request) =>
            (request.sessionStore as unknown as { generate(request: express.Request): void }).generate(request);
        router.get('/generate', (request, response) => {
            generate(request);
            request.session['a'] = 2;
            response.json(request.sessionID);
        });
        router.get('/again', (request, response) => {
            request.session.destroy(() => {
                generate(request);
                request.session['a'] = 3;
                response.json('made');
            });
        });
        router.get('/regenerate', (request, response) => {
            request.session.destroy(() => {
                request.sessionStore.regenerate(request, () => {
                    request.session['a'] = 4;
                    response.json('made');
                });
            });
        });
        router.get('/all', (request, response, next) => {
            request.sessionStore.all?.((error, all) => {
                request.sessionStore.length?.((_error, length) => (error ? next(error) : response.json([all, length])));
            });
        });
        router.get('/clear', (request, response) => {
            request.sessionStore.clear?.(() => response.json('cleared'));
        });
        router.get('/load', (request, response) => {
            request.sessionStore.load(request.sessionID, (_error, found?: SessionData) => {
                response.json([found?.['a'], found instanceof session.Session]);
            });
        });
    };

    test('generate and regenerate make a session that is stored, also after destroy', async () => {
        const browser = (await start(generators)).browser();
        await browser.visit('/set');
        for (const [path, stored] of [
            ['/generate', 2],
            ['/again', 3],
            ['/regenerate', 4],
        ] as const) {
            expect((await browser.visit(path)).status).toBe(200);
            expect(await browser.json('/get')).toBe(stored);
        }
    });

    test('all, length, load and clear work on what is alive', async () => {
        const app = await start(generators);
        const [browser, other] = [app.browser(), app.browser()];
        await Promise.all([browser.visit('/set'), other.visit('/set')]);
        const [all, length] = await browser.json<[Record<string, { a: number }>, number]>('/all');
        expect([Object.values(all).map(({ a }) => a), length]).toEqual([[1, 1], 2]);
        expect(await browser.json('/load')).toEqual([1, true]);
        await browser.visit('/clear');
        expect(await other.json('/get')).toBeNull();
    });
});

describe('request.sessionStore, for a session of another request', () => {
    /** `/store/set?id=…`: the method with the id, or the key, of somebody else's session. */
    const storeRoutes = (router: Router) => {
        router.get('/id', (request, response) => {
            response.json(request.sessionID);
        });
        router.get('/store/:method', (request, response, next) => {
            const { sessionStore: store } = request;
            const id = String(request.query['id']);
            const data = { cookie: { originalMaxAge: MAX_AGE, path: '/' }, b: 2 } as never;
            const done = (error?: unknown, found?: unknown) => (error ? next(error) : response.json(found ?? null));
            const methods: Record<string, () => void> = {
                get: () => store.get(id, done),
                set: () => store.set(id, data, done),
                touch: () => store.touch?.(id, data, done),
                destroy: () => store.destroy(id, done),
            };
            methods[request.params['method'] as string]?.();
        });
        router.get('/all-of-it', (request, response) => {
            const { cookie, ...data } = request.session;
            response.json(data);
        });
    };

    test.each([
        ['its id', (id: string) => id],
        ['its key', keyOf],
    ])('is read, written and ended by %s', async (_by, nameOf) => {
        const app = await start(storeRoutes);
        const [visitor, admin] = [app.browser(), app.browser()];
        await visitor.visit('/set');
        const name = nameOf(await visitor.json<string>('/id'));
        const call = (method: string) => admin.json(`/store/${method}?id=${name}`);
        expect(await call('get')).toMatchObject({ a: 1, cookie: { originalMaxAge: MAX_AGE } });
        await call('touch');
        expect(await visitor.json('/all-of-it')).toEqual({ a: 1 });
        await call('set');
        expect(await visitor.json('/all-of-it'), 'all that there is now').toEqual({ b: 2 });
        await call('destroy');
        expect(await call('get')).toBeNull();
        await call('set');
        await call('touch');
        expect(await call('get'), 'what has ended does not come back').toBeNull();
        expect(await visitor.copy().json('/all-of-it')).toEqual({});
    });

    test('one that is not there is made by set, and by nothing else', async () => {
        const app = await start(storeRoutes);
        const admin = app.browser();
        const call = (method: string) => admin.json(`/store/${method}?id=made-elsewhere`);
        await call('touch');
        await call('destroy');
        expect(await call('get')).toBeNull();
        await call('set');
        expect(await call('get')).toMatchObject({ b: 2 });
    });
});

describe('names that are ours', () => {
    test('are left out of a record of the stock package, whose other keys are kept', async () => {
        const app = await start(() => undefined, { session: { driver: 'file' } });
        const browser = app.browser();
        await browser.visit('/set');
        const [name = ''] = readdirSync(app.folder).filter((file) => file.endsWith('.json'));
        const cookie = { originalMaxAge: false, expires: false, httpOnly: true, path: '/' };
        const stock = { cookie, a: 7, migrate: true, save: 'x', id: 5, __lastAccess: Date.now() };
        writeFileSync(join(app.folder, name), JSON.stringify(stock));
        expect(await browser.json('/get')).toBe(7);
        expect(await browser.json('/get')).toBe(7);
    });

    test('are refused also where they are defined past the setters', async () => {
        const app = await start((router) => {
            router.get('/define', (request, response) => {
                const property = { value: { admin: true }, enumerable: true, configurable: true, writable: true };
                Object.defineProperty(request.session, request.query.key as string, property);
                response.json('never');
            });
        });
        const browser = app.browser();
        await browser.visit('/set');
        for (const key of ['__proto__', '__lastAccess', '__sosise', 'id', 'save']) {
            expect((await browser.visit(`/define?key=${key}`)).status).toBe(500);
        }
        expect(await browser.json('/get')).toBe(1);
    });
});

describe('logging out in unusual ways', () => {
    test('regenerate and then destroy clears the cookie', async () => {
        const app = await start((router) => {
            router.get('/logout', async (request, response) => {
                await request.session.regenerate();
                await request.session.destroy();
                response.json('gone');
            });
        });
        const browser = app.browser();
        await browser.visit('/set');
        await browser.visit('/logout');
        expect(browser.cookies.size).toBe(0);
    });

    test('migrate after the headers were sent is refused, and moves nothing', async () => {
        const app = await start((router) => {
            router.get('/late', async (request, response) => {
                request.session['b'] = 1;
                response.write('begun ');
                const error = await request.session.migrate().catch((reason: Error) => reason.message);
                response.end(error as string);
            });
        });
        const browser = app.browser();
        await browser.visit('/set');
        expect(await (await browser.visit('/late')).text()).toContain('migrate() came too late');
        expect(await browser.json('/get')).toBe(1);
    });
});

describe('a session that can not be loaded', () => {
    test('is undefined to a logger that asks when the answer is out, and nobody is harmed', async () => {
        let fails = false;
        const seen: unknown[] = [];
        const app = await start(
            (router) => {
                router.get('/nothing', (_request, response) => {
                    response.json('fine');
                });
            },
            {
                session: { driver: 'failing' },
                boot: (kernel) => {
                    const driver = interferedDriver({
                        read: () => {
                            if (fails) {
                                throw new Error('gone');
                            }
                        },
                    });
                    kernel.container.make(SessionManager).extend('failing', () => driver);
                    kernel.container.make(HttpPipeline).before('routes', (request, response, next) => {
                        response.on('finish', () => seen.push(request.session));
                        next();
                    });
                },
            },
        );
        const browser = app.browser();
        await browser.visit('/set');
        fails = true;
        expect((await browser.visit('/nothing')).status).toBe(200);
        expect((await browser.visit('/get')).status).toBe(503);
        await expect.poll(() => seen.length).toBe(3);
        expect(seen.slice(1)).toEqual([undefined, undefined]);
    });
});

describe('a store that says it is disconnected', () => {
    test('does not make requests run on without their session', async () => {
        const store = new session.MemoryStore();
        const app = await start(() => undefined, {
            session: { driver: 'plain' },
            boot: (kernel) => kernel.container.make(SessionManager).extend('plain', () => store),
        });
        const browser = app.browser();
        await browser.visit('/set');
        store.emit('disconnect');
        expect(await browser.json('/get')).toBe(1);
    });
});

describe('an Express app that a router mounts', () => {
    test('has the session, and leaves it to what comes after', async () => {
        const app = await start((router) => {
            const admin = express();
            admin.get('/get', (request, response) => {
                response.json([request.session['a'], request.sessionID === request.session.id]);
            });
            router.use('/admin', admin);
            router.get('/admin/after', (request, response) => {
                response.json(request.session['a']);
            });
        });
        const browser = app.browser();
        await browser.visit('/set');
        expect(await browser.json('/admin/get')).toEqual([1, true]);
        expect(await browser.json('/admin/after')).toBe(1);
    });
});

describe('migrate', () => {
    test('keeps what another request stored between an explicit save and itself', async () => {
        const others: (() => Promise<unknown>)[] = [];
        const app = await start((router) => {
            router.get('/other', (request, response) => {
                request.session['b'] = 1;
                response.json('stored');
            });
            router.get('/move', async (request, response) => {
                request.session['c'] = 1;
                await others[0]?.();
                await request.session.save();
                request.session['d'] = 1;
                await request.session.migrate();
                response.json('moved');
            });
            router.get('/keys', (request, response) => {
                response.json(Object.keys(request.session).sort());
            });
        });
        const browser = app.browser();
        await browser.visit('/set');
        others.push(() => browser.copy().visit('/other'));
        await browser.visit('/move');
        expect(await browser.json('/keys')).toEqual(['a', 'b', 'c', 'cookie', 'd']);
    });
});

describe('an answer that Node refuses while its session is stored', () => {
    const slow: SessionAppOptions = {
        session: { driver: 'slow' },
        boot: (app) =>
            app.container.make(SessionManager).extend('slow', () =>
                interferedDriver({
                    write: () => new Promise((resolve) => setTimeout(resolve, 5)),
                }),
            ),
    };

    test.each<[string, (response: express.Response) => void]>([
        ['a body that is a number', (response) => response.end(12_345 as never)],
        ['a status that there is not', (response) => response.writeHead(99).end()],
        [
            'two heads',
            (response) => {
                response.writeHead(200);
                response.writeHead(404);
                response.end('x');
            },
        ],
    ])('%s is a 500, and no request that hangs', async (_name, answer) => {
        const app = await start((router) => {
            router.get('/wrong', (request, response) => {
                request.session['a'] = Math.random();
                answer(response);
            });
        }, slow);
        const response = await app
            .browser()
            .visit('/wrong')
            .catch((error: Error) => error);
        expect(response instanceof Error || response.status === 500).toBe(true);
    });

    test('a status that is set after the answer changes nothing of it', async () => {
        const app = await start((router) => {
            router.get('/late', (request, response) => {
                request.session['a'] = 1;
                response.json('fine');
                response.status(500);
            });
        }, slow);
        expect((await app.browser().visit('/late')).status).toBe(200);
    });

    test('a session that can not be stored at the end of a piped stream ends its connection, and nothing else', async () => {
        const { Readable } = await import('node:stream');
        const app = await start((router) => {
            router.get('/stream', (request, response) => {
                const parts = async function* () {
                    yield 'begun';
                    await new Promise(setImmediate);
                    request.session['a'] = 1n;
                    yield 'done';
                };
                Readable.from(parts()).pipe(response);
            });
        }, slow);
        const browser = app.browser();
        await browser.visit('/set');
        await expect(browser.visit('/stream').then((response) => response.text())).rejects.toThrow();
        expect(await browser.json('/get')).toBe(1);
    });
});
