import type { Request } from 'express';
import { authenticatedUser, fingerprint, login, logout, SessionRegistry } from 'sosise';
import { describe, expect, test } from 'vitest';
import { type Act, actingApp, idOf, throws } from './actingApp.js';
import { inShort, post } from './eventsApp.js';
import type { Browser } from './helpers/Browser.js';
import { fingerprintOf, keyOf, userKeyOf } from './helpers/inside/Session/Record.js';
import { SessionServices } from './helpers/inside/Session/Request.js';

const messageOf = (error: Error) => error.message;

describe('save()', () => {
    test('of a session that was regenerated stores nothing of it in the new one', async () => {
        const app = await actingApp();
        const visitor = await app.visitor();
        await app.run(visitor, async (request) => {
            const old = request.session;
            await old.regenerate();
            old['secret'] = 1;
            await old.save();
        });
        expect(inShort(app.told())).toEqual(['loaded live', 'ended regenerated', 'created']);
        expect(await app.dataOf(visitor)).toEqual({});
        expect(app.log.filter(({ level }) => level === 'warning')).toEqual([]);
    });

    test('of a session that has got a new id before is a 409, and begins no other session', async () => {
        const app = await actingApp();
        const visitor = await app.visitor();
        const late = visitor.copy();
        await visitor.visit('/migrate', post());
        const answer = await app.run(late, ({ session }) => {
            session['cart'] = 2;
            return session.save();
        });
        expect([answer.status, late.received]).toEqual([409, []]);
        expect(await app.dataOf(visitor)).toEqual({ cart: 1 });
    });

    test('behind the headers stores what no browser gets a cookie of, and that is told', async () => {
        const app = await actingApp();
        await app.run(app.browser(), async ({ session }, response) => {
            response.write('begun');
            session['cart'] = 1;
            await session.save();
            response.end();
        });
        expect(inShort(app.told())).toEqual(['created', 'cookieNotSent headersSent']);
    });
});

test('a session that was revoked before it was stored is none: it is not told as created, and its browser gets no cookie', async () => {
    const app = await actingApp();
    const browser = app.browser();
    const answer = await app.run(browser, async ({ session }) => {
        session['cart'] = 1;
        await app.app.container.make(SessionServices).repository.revoke(keyOf(session.id));
    });
    expect([answer.status, browser.received]).toEqual([409, []]);
    expect(inShort(app.told())).toEqual(['refused ended']);
});

test('fingerprint(request) names the session that was stored, also when it has ended: no id that nothing was stored under', async () => {
    const app = await actingApp();
    const visitor = await app.visitor();
    const stored = fingerprintOf(keyOf(idOf(visitor)));
    const endsTwo: Act = async (request) => {
        await request.session.regenerate();
        const isOwn = fingerprint(request) === fingerprintOf(keyOf(request.session.id));
        await request.session.destroy();
        return [isOwn, fingerprint(request)];
    };
    expect(await app.ask(visitor, endsTwo)).toEqual([true, stored]);
    const endsNone: Act = async (request) => {
        const { id } = request.session;
        await request.session.destroy();
        return [fingerprint(request), fingerprintOf(keyOf(id))];
    };
    const [told, own] = (await app.ask(app.browser(), endsNone)) as string[];
    expect(told).toBe(own);
});

test('a session that a request begins and saves may be changed by it once more', async () => {
    const app = await actingApp();
    const browser = app.browser();
    const answer = await app.run(browser, async ({ session }) => {
        session['cart'] = 1;
        await session.save();
        session['cart'] = 2;
    });
    expect(answer.status).toBe(200);
    expect(await app.dataOf(browser)).toEqual({ cart: 2 });
});

describe('reload()', () => {
    test('of a session that is stored nowhere fails, and it may be stored all the same', async () => {
        const app = await actingApp();
        const browser = app.browser();
        const answer = await app.run(browser, async ({ session }) => {
            await expect(session.reload()).rejects.toThrow('failed to load session');
            session['cart'] = 1;
        });
        expect(answer.status).toBe(200);
        expect(await app.dataOf(browser)).toEqual({ cart: 1 });
    });

    test.each<[what: string, changes: boolean, status: number]>([
        ['a change is a 409', true, 409],
        ['who only reads has an answer', false, 200],
    ])('of a session that ended meanwhile fails, and %s', async (_what, changes, status) => {
        const app = await actingApp();
        const visitor = await app.visitor();
        const late = visitor.copy();
        const answer = await app.run(late, async ({ session }) => {
            await visitor.visit('/logout', post());
            await expect(session.reload()).rejects.toThrow('failed to load session');
            Object.assign(session, changes && { cart: 2 });
        });
        expect([answer.status, late.received]).toEqual([status, []]);
    });

    test('takes what others have stored as its own: the next save merges nothing', async () => {
        const app = await actingApp();
        const visitor = await app.visitor();
        await app.run(visitor, async (request) => {
            void request.session['cart'];
            await visitor.copy().visit('/put', post({ cart: 2 }));
            await request.session.reload();
            request.session['seen'] = request.session['cart'];
        });
        expect(await app.dataOf(visitor)).toEqual({ cart: 2, seen: 2 });
        expect(app.told().filter(({ name }) => name === 'merged')).toEqual([]);
    });
});

test.each(['destroy', 'regenerate', 'migrate'] as const)(
    '%s() that failed may be tried again: then its answer is a success',
    async (method) => {
        const app = await actingApp();
        const visitor = await app.visitor();
        const answer = await app.run(visitor, async ({ session }) => {
            app.trouble.write = throws;
            await expect(session[method]()).rejects.toMatchObject({ status: 503 });
            delete app.trouble.write;
            await session[method]();
        });
        expect(answer.status).toBe(200);
    },
);

test('destroy() and regenerate() of a session that was never stored ask the store for nothing', async () => {
    const app = await actingApp();
    const calls: string[] = [];
    app.trouble.read = () => void calls.push('read');
    app.trouble.write = () => void calls.push('write');
    await app.run(app.browser(), ({ session }) => session.destroy());
    expect(calls).toEqual([]);
    await app.run(app.browser(), ({ session }) => session.regenerate());
    expect(calls, 'of the new one').toEqual(['write']);
});

test('migrate() of a session that has got a new id before begins no other session', async () => {
    const app = await actingApp();
    const visitor = await app.visitor();
    const late = visitor.copy();
    await visitor.visit('/migrate', post());
    expect((await app.run(late, ({ session }) => session.migrate())).status).toBe(200);
    expect(late.received).toEqual([]);
});

test('a call that nobody awaits is done before the answer leaves, also behind one that is done', async () => {
    const app = await actingApp();
    const visitor = await app.visitor();
    await app.run(visitor, async ({ session }) => {
        const saved = session.save();
        void session.migrate();
        await saved;
    });
    expect(visitor.received).toHaveLength(2);
    expect(await app.dataOf(visitor)).toEqual({ cart: 1 });
});

test('what a callback of the session throws is the error of its route', async () => {
    const app = await actingApp();
    const error = new Error('of a callback');
    const answer = await app.run(app.browser(), ({ session }) => {
        session.save(() => {
            throw error;
        });
        return new Promise(() => undefined);
    });
    expect(answer.status).toBe(500);
    expect(app.log.find(({ level }) => level === 'error')?.context['error']).toBe(error);
});

describe('behind the headers', () => {
    test.each<[string, (request: Request) => unknown]>([
        ['login()', (request) => login(request, 'ann')],
        ['request.session.migrate()', ({ session }) => session.migrate()],
    ])('%s comes too late, and says why', async (what, act) => {
        const app = await actingApp();
        const answer = await app.run(app.browser(), async (request, response) => {
            response.write('');
            response.end(await Promise.resolve(act(request)).catch(messageOf));
        });
        expect(await answer.text()).toBe(
            `${what} came too late: the answer has begun, so that the browser can not be given the new id.`,
        );
    });

    test('regenerate() ends the session, and the log says what its browser keeps', async () => {
        const app = await actingApp();
        const visitor = await app.visitor();
        await app.run(visitor, async ({ session }, response) => {
            response.write('begun');
            await session.regenerate();
            response.end();
        });
        expect(app.log.some(({ message }) => message.includes('the browser keeps an id that has ended'))).toBe(true);
        expect(await app.dataOf(visitor)).toEqual({});
    });
});

describe.each(['late', 'in flight'])('a login that comes %s', (when) => {
    type Meanwhile = (visitor: Browser, app: Awaited<ReturnType<typeof actingApp>>) => Promise<unknown>;
    const loginOf = (user: string) => (request: Request) => login(request, user);

    /** Its request has the session's id of before `meanwhile`. */
    async function loggedIn(meanwhile: Meanwhile, session = {}) {
        const app = await actingApp({ session });
        const visitor = await app.visitor();
        const late = visitor.copy();
        if (when === 'late') {
            await meanwhile(visitor, app);
        }
        const answer = await app.run(late, async (request) => {
            void request.session['cart'];
            if (when === 'in flight') {
                await meanwhile(visitor, app);
            }
            app.told();
            await login(request, 'ann');
        });
        return { app, visitor, late, answer };
    }

    test('joins the session that its user has now', async () => {
        const { app, visitor, late, answer } = await loggedIn((visitor, { run }) => run(visitor, loginOf('ann')));
        expect([answer.status, late.cookies]).toEqual([200, visitor.cookies]);
        expect(await app.dataOf(late)).toEqual({ cart: 1 });
    });

    test.each<[whose: string, Meanwhile]>([
        [
            'of its user, who has a new id by migrate() since',
            async (visitor, { run }) => {
                await run(visitor, loginOf('ann'));
                await run(visitor, ({ session }) => session.migrate());
            },
        ],
        [
            'of a visitor who has begun another',
            (visitor, { run }) => run(visitor, ({ session }) => session.regenerate()),
        ],
    ])('begins another beside one %s', async (_whose, meanwhile) => {
        const { app, visitor, late, answer } = await loggedIn(meanwhile);
        const before = await app.ask(visitor, authenticatedUser);
        expect([answer.status, await app.ask(late, authenticatedUser)]).toEqual([200, 'ann']);
        expect(idOf(late)).not.toBe(idOf(visitor));
        expect(await app.dataOf(late)).toEqual({});
        expect(await app.ask(visitor, authenticatedUser), 'the other is as it was').toBe(before);
    });

    test('ends the one that another user has now, and takes nothing of it', async () => {
        const { app, visitor, late, answer } = await loggedIn((visitor, { run }) => run(visitor, loginOf('bob')));
        const [ended] = app.told();
        const requestId = answer.headers.get('x-request-id');
        expect(ended).toMatchObject({ name: 'ended', reason: 'regenerated', user: 'bob', requestId });
        expect([answer.status, await app.ask(late, authenticatedUser)]).toEqual([200, 'ann']);
        expect(await app.dataOf(late)).toEqual({});
        expect(await app.ask(visitor, authenticatedUser)).toBeNull();
    });

    test('ends nothing of another user where registry.max refuses it', async () => {
        const { app, visitor, answer } = await loggedIn(
            async (visitor, { run, browser }) => {
                await run(visitor, loginOf('bob'));
                await run(browser(), loginOf('ann'));
            },
            { registry: { max: 1, whenFull: 'refuse' } },
        );
        expect(answer.status).toBe(409);
        expect(await app.ask(visitor, authenticatedUser)).toBe('bob');
    });

    test('is a 409 where the session got a new id and no user: a new one would be without its cart', async () => {
        const { app, visitor, late, answer } = await loggedIn((visitor, { run }) =>
            run(visitor, ({ session }) => session.migrate()),
        );
        expect([answer.status, late.received]).toEqual([409, []]);
        expect(await app.dataOf(visitor)).toEqual({ cart: 1 });
    });

    test('begins a new one where its user has logged in and out since', async () => {
        const { app, late, answer } = await loggedIn(async (visitor, { run }) => {
            await run(visitor, loginOf('ann'));
            await run(visitor, logout);
        });
        expect([answer.status, await app.ask(late, authenticatedUser)]).toEqual([200, 'ann']);
    });
});

test('a login with the id of before is a 401 where the store has lost what became of the session', async () => {
    const app = await actingApp();
    const visitor = await app.visitor();
    const late = visitor.copy();
    const old = keyOf(idOf(late));
    await visitor.visit('/migrate', post());
    const answer = await app.run(late, async (request) => {
        void request.session['cart'];
        const { version } = (await app.driver.read(old)) ?? {};
        await app.driver.remove(old, version);
        await login(request, 'ann');
    });
    expect(answer.status).toBe(401);
});

test('a login fails in a session that was ended for good meanwhile, and says what to do', async () => {
    const app = await actingApp();
    const visitor = await app.visitor();
    const answer = await app.run(visitor.copy(), async (request) => {
        void request.session['cart'];
        await visitor.visit('/logout', post());
        await login(request, 'ann');
    });
    expect([answer.status, await answer.json()]).toMatchObject([
        401,
        { message: 'Your session has ended meanwhile: please log in again.' },
    ]);
});

test.each([false, true])(
    'a visitor whose session has ended logs in, and has one session (its tombstone can not be written: %s)',
    async (fails) => {
        const app = await actingApp();
        const visitor = await app.visitor();
        const late = visitor.copy();
        await visitor.visit('/logout', post());
        const old = keyOf(idOf(late));
        app.trouble.write = (key) => (fails && key === old ? throws() : undefined);
        expect((await app.run(late, (request) => login(request, 'ann'))).status).toBe(200);
        expect(inShort(app.told())).toEqual([
            'loaded live',
            'ended logout',
            'loaded ended destroyed',
            'created',
            'loggedIn',
        ]);
        expect(await app.ask(late, authenticatedUser)).toBe('ann');
    },
);

describe('a login remembers', () => {
    test.each<[what: string, agent: string | undefined, kept: string | undefined]>([
        ['the beginning of a long name of its browser', 'x'.repeat(300), 'x'.repeat(200)],
        ['no browser where that names none', undefined, undefined],
    ])('%s', async (_what, agent, kept) => {
        const app = await actingApp({ session: { registry: { browser: true } } });
        const answer = await app.run(app.browser(), (request) => {
            request.headers['user-agent'] = agent;
            return login(request, 'ann');
        });
        expect(answer.status).toBe(200);
        expect((await app.app.container.make(SessionRegistry).list('ann'))[0]?.browser).toBe(kept);
    });

    test('what its device is bound by, and asks its browser for that, once', async () => {
        const app = await actingApp({ session: { deviceBound: true, rolling: true } });
        const browser = app.browser();
        const asked = (answer: Response) => answer.headers.get('secure-session-registration');
        expect(asked(await app.run(browser, (request) => login(request, 'ann')))).toContain('challenge=');
        expect(asked(await browser.visit('/look'))).toBeNull();
        expect(browser.received).toHaveLength(2);
    });
});

describe('logout()', () => {
    const listOf = async (app: Awaited<ReturnType<typeof actingApp>>) =>
        (await app.driver.read(userKeyOf('ann')))?.record ?? '';

    test('takes the session from the list of its user', async () => {
        const app = await actingApp();
        const visitor = await app.visitor();
        await visitor.visit('/login', post());
        expect(await listOf(app)).toContain(keyOf(idOf(visitor)));
        await visitor.visit('/logout', post());
        expect(await listOf(app)).not.toContain('sha256-');
    });

    test('has ended the session also where that list can not be written, which the log says', async () => {
        const app = await actingApp();
        const visitor = await app.visitor();
        await visitor.visit('/login', post());
        app.trouble.remove = throws; // of its last entry, the list itself goes
        expect((await visitor.visit('/logout', post())).status).toBe(200);
        expect(visitor.cookies.size).toBe(0);
        expect(app.log.filter(({ level }) => level === 'warning')).toMatchObject([
            { message: "A session that ended is still in its user's list.", context: { path: '/logout' } },
        ]);
    });

    test('with the id of before ends the session under its new one', async () => {
        const app = await actingApp();
        const visitor = await app.visitor();
        const late = visitor.copy();
        await visitor.visit('/migrate', post());
        await late.visit('/logout', post());
        expect(await app.dataOf(visitor)).toEqual({});
    });

    test('leaves nobody logged in for the rest of its request', async () => {
        const app = await actingApp();
        const visitor = await app.visitor();
        await visitor.visit('/login', post());
        const user = await app.ask(visitor, async (request) => {
            await logout(request);
            return authenticatedUser(request);
        });
        expect(user).toBeNull();
    });
});
