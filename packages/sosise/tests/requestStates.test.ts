import { randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';
import { ExceptionHandler, HttpPipeline, ServiceProvider } from 'sosise';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Act, actingApp, idOf, throws } from './actingApp.js';
import { heardApp, inShort, post, quietApp } from './eventsApp.js';
import type { Browser } from './helpers/Browser.js';
import type { SessionDriver } from './helpers/inside/Session/Drivers.js';
import { SessionObserver } from './helpers/inside/Session/Object.js';
import { fingerprintOf, keyOf } from './helpers/inside/Session/Record.js';
import { SessionServices } from './helpers/inside/Session/Request.js';
import { haltFirst } from './helpers/wrapDriver.js';

const HOUR = 3_600_000;
const keyIn = (browser: Browser) => keyOf(idOf(browser));
const putsCart: Act = ({ session }) => void Object.assign(session, { cart: 2 });

afterEach(() => {
    vi.useRealTimers();
});

/** Milliseconds after the new id, by the clock of who gets the click. */
test.each<[ms: number, status: number]>([
    [29_999, 409],
    [30_000, 200],
    [-59_999, 409],
    [-60_000, 200],
])(
    'a click with the id of before begins no session for 30 s, clocks may differ by 60: %i ms, %i',
    async (ms, status) => {
        vi.useFakeTimers({ toFake: ['Date'] });
        const app = await actingApp();
        const visitor = await app.visitor();
        const late = visitor.copy();
        await visitor.visit('/migrate', post());
        vi.setSystemTime(Date.now() + ms);
        const answer = await app.run(late, putsCart);
        expect([answer.status, late.received.length]).toEqual([status, status === 200 ? 1 : 0]);
    },
);

test.each<[status: number, answered: number]>([
    [200, 409],
    [302, 409],
    [399, 409],
    [400, 400],
    [404, 404],
])('a change that comes too late is no success: %i becomes %i', async (status, answered) => {
    const app = await actingApp();
    const visitor = await app.visitor();
    const late = visitor.copy();
    await visitor.visit('/migrate', post());
    const answer = await app.run(late, (request, response) => {
        request.session['cart'] = 2;
        response.status(status).end();
    });
    expect(answer.status).toBe(answered);
});

describe('a request that only reads', () => {
    test('is written down as activity from 5 % of the idle time on', async () => {
        vi.useFakeTimers({ toFake: ['Date'] });
        const app = await actingApp({
            session: { idle: HOUR },
            routes: (router) => router.get('/plain', (_request, response) => void response.json('plain')),
        });
        const visitor = await app.visitor();
        const began = Date.now();
        for (const [after, outcome] of [
            [0.05 * HOUR - 1, []],
            [0.05 * HOUR, ['saved touched']],
        ] as const) {
            vi.setSystemTime(began + after);
            expect((await visitor.visit('/plain')).status).toBe(200);
            expect(inShort(app.told())).toEqual(['loaded live', ...outcome]);
        }
    });

    test.each([false, true])(
        'has its answer without a cookie where the session ended meanwhile (it has saved before: %s)',
        async (saves) => {
            const app = await actingApp({ session: { rolling: true } });
            const visitor = await app.visitor();
            const late = visitor.copy();
            const answer = await app.run(late, async ({ session }) => {
                Object.assign(session, saves && { cart: 2 });
                await session.save();
                await visitor.visit('/logout', post());
            });
            expect([answer.status, late.received]).toEqual([200, []]);
            expect(inShort(app.told())).not.toContain('saved touched');
        },
    );
});

describe('the cookie is sent again', () => {
    const PLAIN = ['/plain', {}] as const;
    const LOOK = ['/look', {}] as const;
    const CHANGE = ['/put', post({ cart: 2 })] as const;
    const AN_HOUR = { cookie: { maxAge: HOUR } };

    test.each<
        [rolling: boolean | undefined, session: object, at: number, visit: readonly [string, object], sent: number]
    >([
        [undefined, AN_HOUR, 0.04, CHANGE, 0],
        [undefined, AN_HOUR, 0.06, CHANGE, 1],
        [undefined, AN_HOUR, 0.06, LOOK, 1],
        [undefined, AN_HOUR, 0.06, PLAIN, 1],
        [undefined, {}, 0.5, CHANGE, 0],
        [undefined, {}, 0.5, PLAIN, 0],
        [false, AN_HOUR, 0.04, CHANGE, 1],
        [false, AN_HOUR, 0.5, LOOK, 0],
        [false, AN_HOUR, 0.5, PLAIN, 0],
        [false, {}, 0.5, CHANGE, 0],
        [true, AN_HOUR, 0, PLAIN, 1],
        [true, {}, 0, PLAIN, 1],
    ])(
        'as rolling says, %s, with %j, at %d of its life, by %j: %i times',
        async (rolling, session, at, visit, sent) => {
            vi.useFakeTimers({ toFake: ['Date'] });
            const app = await heardApp({
                session: { driver: 'memory', idle: HOUR, ...session, ...(rolling !== undefined && { rolling }) },
                routes: (router) => router.get('/plain', (_request, response) => void response.json('plain')),
            });
            const visitor = app.browser();
            await visitor.visit('/put', post({ cart: 1 }));
            vi.setSystemTime(Date.now() + at * HOUR);
            await visitor.visit(...visit);
            await visitor.visit(...LOOK);
            expect(visitor.received).toHaveLength(1 + sent + (rolling ? 1 : 0));
        },
    );
});

describe('what a request stores is told', () => {
    test('where it is merged with what another has stored, with its user', async () => {
        const app = await heardApp({ session: { driver: 'memory' } });
        const visitor = app.browser();
        await visitor.visit('/login', post());
        app.told();
        expect(await app.overtaken(visitor, () => visitor.copy().visit('/put', post({ cart: 2 })))).toBe(200);
        const events = app.told();
        expect(inShort(events)).toEqual(['loaded live', 'loaded live', 'saved saved', 'merged', 'saved saved']);
        expect(new Set(events.map(({ user }) => user))).toEqual(new Set(['ann']));
    });

    test.each(['/logout', '/migrate'])('only where it is stored: not behind %s', async (path) => {
        const app = await heardApp({ session: { driver: 'memory' } });
        const visitor = app.browser();
        await visitor.visit('/put', post({ cart: 1 }));
        app.told();
        expect(await app.overtaken(visitor.copy(), () => visitor.visit(path, post()))).toBe(409);
        const meanwhile = path === '/logout' ? 'ended logout' : 'migrated';
        expect(inShort(app.told())).toEqual(['loaded live', 'loaded live', meanwhile, 'refused ended']);
    });

    test('with the names of before and after where it gets a new id', async () => {
        const app = await heardApp({ session: { driver: 'memory' } });
        const visitor = app.browser();
        await visitor.visit('/login', post());
        const before = idOf(visitor);
        app.told();
        await visitor.visit('/migrate', post());
        const [fingerprint, to] = [before, idOf(visitor)].map((id) => fingerprintOf(keyOf(id)));
        expect(app.told()[1]).toMatchObject({ name: 'migrated', user: 'ann', fingerprint, to });
    });

    test('to nobody where nobody listens, and all goes on', async () => {
        vi.useFakeTimers({ toFake: ['Date'] });
        const app = await quietApp({ session: { driver: 'memory', idle: HOUR } });
        const visitor = app.browser();
        const statuses = [(await visitor.visit('/put', post({ cart: 1 }))).status];
        vi.setSystemTime(Date.now() + HOUR / 2);
        statuses.push((await visitor.visit('/look')).status, (await visitor.visit('/migrate', post())).status);
        statuses.push(await app.overtaken(visitor, () => visitor.copy().visit('/put', post({ cart: 2 }))));
        expect(app.log.filter(({ level }) => level === 'warning')).toEqual([]);
        statuses.push(await app.overtaken(visitor.copy(), () => visitor.visit('/login', post())));
        expect(statuses).toEqual([200, 200, 200, 200, 409]);
    });
});

/** The memory driver answers without waiting, and throws at once. */
describe('a store that throws at once', () => {
    async function broken(method: 'read' | 'write', session = {}) {
        const app = await heardApp({
            session: { driver: 'memory', idle: HOUR, ...session },
            routes: (router) => {
                router.get('/plain', (_request, response) => void response.json('plain'));
                router.post('/twice', async ({ session }, response) => {
                    await Promise.resolve(session.destroy()).catch(mend);
                    await session.destroy();
                    response.json({});
                });
            },
        });
        const visitor = app.browser();
        await visitor.visit('/put', post({ cart: 1 }));
        const { driver } = app.app.container.make(SessionServices);
        driver[method] = throws;
        const mend = () => Reflect.deleteProperty(driver, method);
        return { app, visitor, mend };
    }

    test.each([{}, { rolling: true }, { resave: true }])(
        'fails who looks at the session, and nobody else: %j',
        async (session) => {
            const { visitor, mend } = await broken('read', session);
            expect((await visitor.visit('/plain')).status).toBe(200);
            expect((await visitor.visit('/look')).status).toBe(503);
            mend();
            expect(await visitor.json('/look')).toEqual({ cart: 1 });
        },
    );

    test('fails no read where activity can not be written down, which the log says', async () => {
        const { app, visitor } = await broken('write');
        vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + HOUR / 2 });
        expect(await visitor.json('/look')).toEqual({ cart: 1 });
        expect(app.log.filter(({ level }) => level === 'warning')).toMatchObject([
            { message: 'A session could not be marked as active.', context: { path: '/look' } },
        ]);
    });

    test('fails destroy(), which may be tried again', async () => {
        const { visitor } = await broken('write');
        const copy = visitor.copy();
        expect((await visitor.visit('/twice', post())).status).toBe(200);
        expect(await copy.json('/look')).toEqual({ cart: null });
    });
});

test('an id that can not be made is the error of the request, also where no route looks at the session', async () => {
    let genid: () => string = randomUUID;
    const app = await heardApp({
        session: { driver: 'memory', saveUninitialized: true, genid: () => genid() },
        routes: (router) => router.get('/plain', (_request, response) => void response.json('plain')),
    });
    genid = throws;
    expect((await app.browser().visit('/plain')).status).toBe(500);
    expect(app.log.some(({ context }) => (context['error'] as Error | undefined)?.message === 'disk full')).toBe(true);
});

test('a session whose data is damaged is as good as none', async () => {
    const app = await actingApp();
    const visitor = await app.visitor();
    const { record = '', version } = (await app.driver.read(keyIn(visitor))) ?? {};
    const damaged = record.replace(/}$/, ',"cart":1,"cart":}');
    await app.driver.write(keyIn(visitor), damaged, version, Date.now() + HOUR);
    expect(await app.dataOf(visitor)).toEqual({});
    await visitor.visit('/put', post({ seen: 1 }));
    expect(await app.dataOf(visitor)).toEqual({ seen: 1 });
});

test('an error page may look at the session that can not be read: it has none, and the answer stays a 503', async () => {
    const seen: unknown[] = [];
    class Handler extends ExceptionHandler {
        public override render(error: Error, request: Request, response: Response): void {
            seen.push(request.session);
            super.render(error, request, response);
        }
    }
    const app = await actingApp({
        boot: (kernel) => kernel.container.singleton(ExceptionHandler, () => new Handler(kernel)),
    });
    const visitor = await app.visitor();
    app.trouble.read = throws;
    expect((await visitor.visit('/look')).status).toBe(503);
    expect(seen).toEqual([undefined]);
});

test('who looks at the session before the store has answered is told so', async () => {
    const reading = haltFirst();
    const seen: Request[] = [];
    const app = await actingApp({
        boot: ({ container }) =>
            container.make(HttpPipeline).before('session', (request, _response, next) => {
                seen.push(request);
                next();
            }),
    });
    const visitor = await app.visitor();
    app.trouble.read = reading.pass;
    const answer = visitor.visit('/look');
    await reading.reached;
    expect(() => seen.at(-1)?.session).toThrow(
        expect.objectContaining({
            status: 503,
            message: 'The session could not be loaded: please try again in a moment.',
            cause: new Error('The session store has not answered yet.'),
        }),
    );
    reading.release();
    expect(await (await answer).json()).toEqual({ cart: 1 });
});

test('resave does not make answers of routes private that look at no session', async () => {
    const app = await heardApp({
        session: { driver: 'memory', resave: true },
        routes: (router) =>
            router.get('/plain', (_request, response) => void response.set('Cache-Control', 'public').json('plain')),
    });
    const visitor = app.browser();
    await visitor.visit('/put', post({ cart: 1 }));
    expect((await visitor.visit('/plain')).headers.get('cache-control')).toBe('public');
    expect(inShort(app.told())).toEqual(['created', 'loaded live', 'saved saved']);
});

test('an object in the place of the session is refused, with what to do instead', async () => {
    const app = await actingApp();
    const answer = await app.run(await app.visitor(), (request) => void Object.assign(request, { session: {} }));
    expect(answer.status).toBe(500);
    expect(app.log.find(({ level }) => level === 'error')?.context['error']).toMatchObject({
        message: 'request.session was replaced by another object: set its keys instead, or set it to null to unset it.',
    });
});

test('an observer is shown what is compared, and changes nothing of it', async () => {
    const seen: unknown[] = [];
    class Observer extends SessionObserver {
        public override watch(driver: SessionDriver): SessionDriver {
            return driver;
        }
        public override opened(...[, session]: Parameters<SessionObserver['opened']>): void {
            seen.push(session['cart']);
        }
        public override reading(...[, stored, read]: Parameters<SessionObserver['reading']>) {
            const { change } = read();
            seen.push([stored?.data, change && Object.fromEntries(change.set)]);
            return read();
        }
    }
    class ObserverProvider extends ServiceProvider {
        public override register(): void {
            this.app.container.instance(SessionObserver, new Observer());
        }
    }
    const app = await actingApp({ providers: [ObserverProvider] });
    const visitor = await app.visitor();
    await visitor.visit('/put', post({ cart: 2 }));
    expect(seen).toEqual([undefined, [undefined, { cart: '1' }], 1, [{ cart: 1 }, { cart: '2' }]]);
    expect(await app.dataOf(visitor)).toEqual({ cart: 2 });
});

test('the log names no session of who has none', async () => {
    const app = await actingApp();
    await app.run(app.browser(), (request, response) => {
        void request.sessionEnded;
        response.set('Cache-Control', 'public');
    });
    const [said] = app.log.filter(({ level }) => level === 'warning');
    expect(said?.context).toEqual({ method: 'POST', path: '/act' });
});
