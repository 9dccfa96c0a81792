import type { Request, Response, Router } from 'express';
import { ExceptionHandler, login } from 'sosise';
import { describe, expect, test } from 'vitest';
import type { Browser } from './helpers/Browser.js';
import { exclusive } from './helpers/inside/Session.js';
import { memberRoutes } from './helpers/loginRoutes.js';
import { type SessionApp, type SessionAppOptions, SessionManager, sessionApp } from './helpers/sessionApp.js';
import { type Halt, haltFirst, type Interference, interferedDriver } from './helpers/wrapDriver.js';

const post = (body: unknown = {}) => ({ method: 'POST', body });
const CLEARED = expect.stringMatching(/^sosise=;.* Expires=Thu, 01 Jan 1970/);
const ISSUED = expect.stringMatching(/^sosise=s/);

interface Started extends SessionApp {
    /** Where the route of '/act' waits, if it does. */
    halt: Halt;
    /** What stands in front of the store. */
    trouble: Interference;
    /** A browser that has a session. */
    known(): Promise<Browser>;
    messages(level?: string): string[];
}

/** An application whose driver answers later, and whose route '/act' does what a test says. */
async function start(
    act: (request: Request, response: Response, started: Started) => unknown,
    { boot, ...options }: SessionAppOptions = {},
): Promise<Started> {
    const started = { halt: haltFirst(), trouble: {} as Interference } as Started;
    const app = await sessionApp({
        ...options,
        session: { driver: 'later', ...options.session },
        boot: (kernel) => {
            kernel.container.make(SessionManager).extend('later', () => interferedDriver(started.trouble));
            boot?.(kernel);
        },
        routes: (router: Router) => {
            memberRoutes(router);
            router.all('/act', async (request, response) => {
                await act(request, response, started);
            });
            options.routes?.(router);
        },
    });
    return Object.assign(started, app, {
        known: async () => {
            const browser = app.browser();
            await browser.visit('/put', post({ cart: 1 }));
            return browser;
        },
        messages: (level = 'warning') => app.log.filter((line) => line.level === level).map(({ message }) => message),
    });
}

const failReads = (trouble: Interference) => {
    trouble.read = () => {
        throw new Error('gone');
    };
};
const failWrites = (trouble: Interference) => {
    trouble.write = () => {
        throw new Error('disk on fire');
    };
};

describe.each(['memory', 'later'])(
    'what a request changes in a session that another has ended meanwhile, %s',
    (driver) => {
        test.each([
            [200, 409],
            [404, 404],
        ])('is dropped: an answer of %i becomes %i, without a cookie', async (status, answered) => {
            const app = await start(
                async (request, response, { halt }) => {
                    void request.session['cart'];
                    await halt.pass('');
                    request.session['cart'] = 2;
                    response.status(status).json('stored');
                },
                { session: { driver } },
            );
            const browser = await app.known();
            const answer = browser.copy().visit('/act');
            await app.halt.reached;
            await browser.visit('/logout', post());
            app.halt.release();
            expect((await answer).status).toBe(answered);
            expect((await answer).headers.getSetCookie()).toEqual([]);
            expect(app.messages()).toEqual([
                'A session ended while a request was using it: what the request changed is discarded.',
            ]);
        });
    },
);

test.each([
    ['nothing has come meanwhile', false],
    ['the visitor has a new session by then', true],
])('a session that a route ends takes its cookie away; it is left alone where %s: %s', async (_, hasAnother) => {
    const app = await start(async (request, response, { halt }) => {
        await request.session.destroy();
        await halt.pass('');
        response.json('ended');
    });
    const browser = await app.known();
    const answer = browser.copy().visit('/act');
    await app.halt.reached;
    if (hasAnother) {
        await browser.visit('/put', post({ cart: 2 }));
    }
    app.halt.release();
    expect((await answer).headers.getSetCookie()).toEqual(hasAnother ? [] : [CLEARED]);
});

describe('a session that its route has saved by hand before it answers', () => {
    const saveAndWait = async (request: Request, response: Response, { halt }: Started) => {
        request.session.cookie.maxAge = 90_000;
        await request.session.save();
        await halt.pass('');
        if ('ended' in request.query) {
            await new Promise((resolve) => request.sessionStore.destroy(request.sessionID, resolve));
        }
        response.json('saved');
    };

    test.each<[string, string, (trouble: Interference) => unknown, unknown[]]>([
        ['is sent its cookie', '/act', () => undefined, [ISSUED]],
        ['is not sent it where it has ended by then', '/act?ended', () => undefined, []],
        ['is sent it where the store can not be read then: no cookie would find it', '/act', failReads, [ISSUED]],
    ])('%s', async (_, path, meanwhile, cookies) => {
        const app = await start(saveAndWait);
        const answer = app.browser().visit(path);
        await app.halt.reached;
        meanwhile(app.trouble);
        app.halt.release();
        expect((await answer).status).toBe(200);
        expect((await answer).headers.getSetCookie()).toEqual(cookies);
    });

    test('is not sent again to a browser that has the id, where the store can not be read then', async () => {
        const app = await start(saveAndWait);
        const browser = await app.known();
        const answer = browser.visit('/act');
        await app.halt.reached;
        failReads(app.trouble);
        app.halt.release();
        expect((await answer).status).toBe(200);
        expect((await answer).headers.getSetCookie()).toEqual([]);
    });

    test('and taken away then, is not sent', async () => {
        const app = await start(async (request, response) => {
            request.session['a'] = 1;
            await request.session.save();
            request.session = null as never;
            response.json('unset');
        });
        expect((await app.browser().visit('/act')).headers.getSetCookie()).toEqual([]);
    });
});

describe('behind the headers of a stream', () => {
    const stream = (more: (request: Request, response: Response) => unknown) =>
        start(
            async (request, response) => {
                await more(request, response);
                response.end(' done');
            },
            { session: { driver: 'memory' } },
        );

    test('a change is stored for a browser that gets the cookie with these headers', async () => {
        const app = await stream((request, response) => {
            request.session['a'] = 1;
            response.write('begun');
            request.session['a'] = 2;
        });
        const browser = app.browser();
        expect(await (await browser.visit('/act')).text()).toBe('begun done');
        expect(await browser.json('/me')).toMatchObject({ data: { a: 2 } });
        expect(app.messages()).toEqual([]);
    });

    test('a change of a session that was only stored behind them is dropped, with a warning', async () => {
        const app = await stream(async (request, response) => {
            response.write('begun');
            request.session['a'] = 1;
            await request.session.save();
            request.session['a'] = 2;
        });
        expect(await (await app.browser().visit('/act')).text()).toBe('begun done');
        expect(app.messages()).toEqual([expect.stringContaining('without that session: the change is dropped.')]);
    });

    test('nothing is written where nothing has changed', async () => {
        let writes = 0;
        const app = await start((request, response) => {
            response.write(String(request.session['cart']));
            setImmediate(() => response.end(' done'));
        });
        const browser = await app.known();
        app.trouble.write = () => {
            writes += 1;
        };
        expect(await (await browser.visit('/act')).text()).toBe('1 done');
        expect(writes).toBe(0);
    });

    test('an error page of a browser that still has the id from before its login ends whole', async () => {
        const app = await stream((request, response) => {
            response.status(404).write('not found');
            request.session['a'] = 1;
        });
        const browser = await app.known();
        const late = browser.copy();
        await browser.visit('/login', post({ user: 'ann' }));
        expect(await (await late.visit('/act')).text()).toBe('not found done');
        expect(app.messages('error')).toEqual([]);
        expect(app.messages()).toEqual([expect.stringContaining('what the request changed is discarded.')]);
    });

    test('what was changed in a session that the route itself ends then is no failure', async () => {
        const app = await stream(async (request, response) => {
            response.write('begun');
            request.session['a'] = 1;
            await request.session.destroy();
            request.session = null as never;
        });
        expect(await (await (await app.known()).visit('/act')).text()).toBe('begun done');
    });

    test('a change that can not be stored closes the connection, and the log says so once', async () => {
        const app = await start((request, response) => {
            response.write('begun');
            request.session['a'] = 1;
            setImmediate(() => response.end('done'));
        });
        const browser = await app.known();
        failWrites(app.trouble);
        await expect(browser.visit('/act').then((answer) => answer.text())).rejects.toThrow();
        expect(app.log.filter(({ level }) => level === 'error')).toMatchObject([
            {
                message: 'A session could not be stored at the end of a stream; its connection is closed.',
                context: { path: '/act', error: { cause: { message: 'disk on fire' } } },
            },
        ]);
    });
});

describe('an answer that fails', () => {
    test.each<[string, (request: Request, response: Response, app: Started) => unknown, number]>([
        [
            'as the route has saved what can not be stored',
            async (request, response) => {
                request.session['a'] = 1n;
                await request.session.save().catch(() => undefined);
                response.status(400).json('not stored');
            },
            400,
        ],
        [
            'as the store fails then',
            (request, response, { trouble }) => {
                failWrites(trouble);
                request.session['a'] = 1;
                response.json('stored');
            },
            503,
        ],
        ['as Node.js refuses its body', (_request, response) => response.end(1 as never), 500],
    ])('behind a login gives the browser the new id all the same: %s', async (_, fail, status) => {
        const app = await start(async (request, response, started) => {
            await login(request, 'ann');
            await fail(request, response, started);
        });
        const browser = await app.known();
        const answer = await browser.visit('/act');
        delete app.trouble.write;
        expect([answer.status, answer.headers.getSetCookie()]).toEqual([status, [ISSUED]]);
        expect(await browser.json('/me')).toMatchObject({ user: 'ann', data: { cart: 1 } });
    });

    test('gives it no id that is not stored', async () => {
        const app = await start(async (request, response) => {
            request.session['a'] = 1;
            await request.session.save();
            await request.session.regenerate();
            request.session['a'] = 1n;
            response.json('stored');
        });
        const answer = await app.browser().visit('/act');
        expect([answer.status, answer.headers.getSetCookie()]).toEqual([500, []]);
    });

    test.each<[string, (response: Response) => unknown, number, unknown]>([
        [
            'a success is not heard, and becomes a 503',
            (response) => response.json('fine'),
            503,
            expect.stringContaining('"code":503'),
        ],
        [
            'a stream arrives whole',
            (response) => {
                response.status(502).write('sorry');
                setImmediate(() => response.end(' indeed'));
            },
            502,
            'sorry indeed',
        ],
    ])('is answered by the application’s own handler: %s', async (_, render, status, text) => {
        class Own extends ExceptionHandler {
            public override render(_error: Error, _request: Request, response: Response): void {
                render(response);
            }
        }
        const app = await start(
            (request, response) => {
                request.session['a'] = 1;
                response.json('stored');
            },
            { boot: (kernel) => void kernel.container.singleton(ExceptionHandler, () => new Own(kernel)) },
        );
        failWrites(app.trouble);
        const answer = await app.browser().visit('/act');
        expect([answer.status, await answer.text()]).toEqual([status, text]);
    });
});

test('a lock is free as soon as the route answers, where its client has gone before', async () => {
    let gone = () => {};
    const isGone = new Promise<void>((resolve) => {
        gone = resolve;
    });
    const app = await start((_request, response) => response.json('in turn'), {
        session: { lockTimeoutMs: 600_000 },
        routes: (router) => {
            router.get('/first', exclusive(), async (_request, response) => {
                response.once('close', gone);
                await app.halt.pass('');
                response.json('too late');
            });
            router.get('/second', exclusive(), (_request, response) => response.json('in turn'));
        },
    });
    const browser = await app.known();
    const leaving = new AbortController();
    const cookie = `sosise=${browser.cookies.get('sosise')}`;
    const first = fetch(`${app.url}/first`, { headers: { cookie }, signal: leaving.signal });
    await app.halt.reached;
    leaving.abort();
    await expect(first).rejects.toThrow();
    await isGone;
    const second = browser.json('/second');
    app.halt.release();
    expect(await second).toBe('in turn');
});

test('what is changed long after the answer is told once a minute, and not of a session that had got a new id', async () => {
    const told: Promise<void>[] = [];
    const app = await start(
        (request, response) => {
            void request.session;
            const late = new Promise<void>((resolve) => {
                response.once('finish', () => {
                    request.session['late'] = Math.random();
                    setImmediate(() => setImmediate(resolve));
                });
            });
            told.push(late);
            response.json('answered');
        },
        { session: { driver: 'memory' } },
    );
    const browser = await app.known();
    const late = browser.copy();
    await browser.visit('/login', post({ user: 'ann' }));
    await late.visit('/act');
    await Promise.all(told);
    expect(app.messages()).toEqual([]);
    await browser.visit('/act');
    await browser.visit('/act');
    await Promise.all(told);
    expect(app.messages()).toEqual([
        'A session was changed after its answer had been sent: the change is not stored. Change the session before you ' +
            'answer; where that is not possible, call await request.session.save() after the change.',
    ]);
});

test('a shared answer that used the session is told once a minute', async () => {
    const app = await start((request, response) => {
        void request.session['cart'];
        response.set('Cache-Control', 'public').json('for all');
    });
    const browser = await app.known();
    await browser.visit('/act');
    await browser.visit('/act');
    expect(app.messages()).toEqual([expect.stringContaining('says Cache-Control: public')]);
});

test('only the answer of a login asks to bind the device, and only that of a logout takes its cookie', async () => {
    const app = await start((_request, response) => response.json('touched'), {
        session: { deviceBound: true, rolling: true },
    });
    const browser = app.browser();
    const told = async (path: string, body: object) => {
        const { headers } = await browser.visit(path, post(body));
        const names = headers.getSetCookie().map((line) => line.split(';', 1)[0]);
        return [headers.has('Secure-Session-Registration'), names.filter((name) => name?.includes('-device'))];
    };
    expect(await told('/login', { user: 'ann' })).toEqual([true, []]);
    browser.cookies.set('sosise-device', 'x');
    expect(await told('/act', {})).toEqual([false, []]);
    expect(await told('/logout', {})).toEqual([false, ['sosise-device=']]);
});
