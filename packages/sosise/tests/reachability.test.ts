import type { Request, Response, Router } from 'express';
import { HttpPipeline, login, SessionEvents, ValidationException } from 'sosise';
import { describe, expect, test } from 'vitest';
import type { Browser, Visit } from './helpers/Browser.js';
import { memberRoutes } from './helpers/loginRoutes.js';
import { type SessionApp, type SessionAppOptions, SessionManager, sessionApp } from './helpers/sessionApp.js';
import { interferedDriver } from './helpers/wrapDriver.js';

const post = (body: unknown = {}, headers: Record<string, string> = {}): Visit => ({ method: 'POST', body, headers });
const OVER_HTTPS = { 'x-forwarded-proto': 'https' };
const ELSEWHERE = { 'sec-fetch-site': 'cross-site' };
const UNTRUSTED =
    'the proxy that says this request came over https is not trusted: no session was stored. Set TRUST_PROXY';
const SECURE = { session: { cookie: { secure: true } } };

interface Started extends SessionApp {
    /** Why browsers were not given a cookie, with whose session it would have been. */
    readonly missed: unknown[];
    messages(): string[];
}

/** An application whose route '/act' does what a test says. */
async function start(
    act: (request: Request, response: Response) => unknown,
    { boot, session, ...options }: SessionAppOptions = {},
): Promise<Started> {
    const missed: unknown[] = [];
    const app = await sessionApp({
        ...options,
        session: { driver: 'memory', ...session },
        boot: (kernel) => {
            kernel.container.make(SessionEvents).on('cookieNotSent', ({ reason, user, fingerprint }) => {
                missed.push([reason, user, typeof fingerprint]);
            });
            boot?.(kernel);
        },
        routes: (router: Router) => {
            memberRoutes(router);
            router.all('/act', async (request, response) => {
                await act(request, response);
            });
        },
    });
    app.log.length = 0; // what start-up says of the driver
    return { ...app, missed, messages: () => app.log.map(({ message }) => message) };
}

/** The status of an answer, with the names of its cookies. */
async function outcome(browser: Browser, path: string, visit?: Visit): Promise<[number, ...string[]]> {
    const { status, headers } = await browser.visit(path, visit);
    return [status, ...headers.getSetCookie().map((line) => line.split('=', 1)[0] ?? '')];
}

const saying = (proto: string | undefined): Visit =>
    proto === undefined ? {} : { headers: { 'x-forwarded-proto': proto } };

const put = (request: Request, response: Response) => {
    request.session['a'] = 1;
    response.status(Number(request.query['status'] ?? 200)).json('put');
};

describe('a session that its browser would not come back with, as its cookie is secure and the request is not', () => {
    test.each([
        [200, 503],
        [399, 503],
        [400, 400],
        [404, 404],
    ])('is not stored: an answer of %i becomes %i', async (status, answered) => {
        const app = await start(put, SECURE);
        expect(await outcome(app.browser(), `/act?status=${status}`)).toEqual([answered]);
        expect(app.missed).toEqual([['insecure', undefined, 'string']]);
    });

    test.each<[string | undefined, string, string]>([
        [
            undefined,
            'insecure',
            'trustProxy in src/config/http.ts). For a trial on plain http set SESSION_SECURE=false',
        ],
        ['http', 'insecure', UNTRUSTED],
        ['http, https', 'insecure', UNTRUSTED],
        ['HTTPS, http', 'untrustedProxy', UNTRUSTED],
    ])('is told with the fix, once a minute: X-Forwarded-Proto: %s', async (proto, reason, fix) => {
        const app = await start(put, SECURE);
        const visit = saying(proto);
        await app.browser().visit('/act', visit);
        await app.browser().visit('/act', visit);
        expect(app.missed).toEqual([0, 1].map(() => [reason, undefined, 'string']));
        expect(app.messages().filter((message) => message.startsWith('The session cookie is secure'))).toEqual([
            expect.stringContaining(fix),
        ]);
    });

    test.each<[string | undefined, string]>([
        ['https', 'believed that a request came over https: no session was stored. Leave proxy out'],
        [undefined, 'and this request came over plain http'],
    ])('is told with the fix where the config believes no proxy: X-Forwarded-Proto: %s', async (proto, fix) => {
        const app = await start(put, { session: { proxy: false, cookie: { secure: true } }, http: { trustProxy: 1 } });
        await app.browser().visit('/act', saying(proto));
        expect(app.messages()).toContainEqual(expect.stringContaining(fix));
    });

    test('is told once for a request that tries it again', async () => {
        const app = await start(async (request, response) => {
            request.session['a'] = 1;
            await request.session.save().catch(() => undefined);
            await request.session.save().catch(() => undefined);
            response.status(400).json('not saved');
        }, SECURE);
        expect(await outcome(app.browser(), '/act')).toEqual([400]);
        expect(app.missed).toHaveLength(1);
    });

    test('is told with the user of a login', async () => {
        const app = await start(put, SECURE);
        expect(await outcome(app.browser(), '/login', post({ user: 'ann' }))).toEqual([503]);
        expect(app.missed).toEqual([['insecure', 'ann', 'string']]);
    });

    test('is told with the user of the session, where that is stored', async () => {
        const app = await start(
            (request, response) => {
                request.session.cookie.secure = true;
                response.json('changed');
            },
            { session: { cookie: { secure: false } } },
        );
        const [browser, visitor] = [app.browser(), app.browser()];
        await browser.visit('/login', post({ user: 'ann' }));
        await visitor.visit('/count', post());
        expect(await outcome(browser, '/act')).toEqual([200]);
        expect(await outcome(visitor, '/act')).toEqual([200]);
        expect(app.missed).toEqual(['ann', undefined].map((user) => ['insecure', user, 'string']));
    });

    test.each<[string, (request: Request) => unknown, number]>([
        ['stays empty, and is only stored for saveUninitialized: 200', () => undefined, 200],
        ['stays empty, but was asked for: 503', (request) => request.session.regenerate(), 503],
    ])('%s', async (_, act, status) => {
        const app = await start(
            async (request, response) => {
                await act(request);
                response.json('empty');
            },
            { session: { saveUninitialized: true, cookie: { secure: true } } },
        );
        expect(await outcome(app.browser(), '/act')).toEqual([status]);
    });
});

describe('a session that another site would begin', () => {
    test.each([
        [200, 403],
        [404, 404],
    ])("would replace the visitor's: it is not stored, and an answer of %i becomes %i", async (status, answered) => {
        const app = await start(put);
        expect(await outcome(app.browser(), `/act?status=${status}`, post({}, ELSEWHERE))).toEqual([answered]);
        expect(app.missed).toEqual([['otherSite', undefined, 'string']]);
    });

    test('is not stored either where only saveUninitialized would', async () => {
        const app = await start((_request, response) => response.json('read'), {
            session: { saveUninitialized: true },
        });
        expect(await outcome(app.browser(), '/act', post({}, ELSEWHERE))).toEqual([200]);
        expect(await outcome(app.browser(), '/act', post())).toEqual([200, 'sosise']);
    });

    test('is stored where csrf is false: nothing is checked then, logins neither', async () => {
        const app = await start(put, { http: { csrf: false } });
        expect(await outcome(app.browser(), '/act', post({}, ELSEWHERE))).toEqual([200, 'sosise']);
        expect(await outcome(app.browser(), '/login', post({ user: 'ann' }, ELSEWHERE))).toEqual([200, 'sosise']);
    });
});

describe('a form that is refused goes back to its page with what was entered where the session carries it', () => {
    const refuse = () => {
        throw new ValidationException({ name: ['Missing.'] }, { back: '/form' });
    };
    const form = (headers: Record<string, string> = {}): Visit => ({
        ...post(new URLSearchParams({ name: '' }), { 'sec-fetch-mode': 'navigate', accept: 'text/html', ...headers }),
    });

    test.each<[string, SessionAppOptions, (request: Request) => unknown, Visit, number]>([
        ['of a visitor without a session', {}, () => undefined, form(), 303],
        ['over http, with a cookie for https', SECURE, () => undefined, form(), 422],
        ['where its route has taken the session away', {}, unset, form(), 422],
        ['where its route has ended the session', {}, (request) => request.session.destroy(), form(), 422],
    ])('%s', async (_, options, act, visit, status) => {
        const app = await start(async (request) => {
            await act(request);
            refuse();
        }, options);
        expect((await app.browser().visit('/act', visit)).status).toBe(status);
    });

    test('of one that has a session already, whichever way this request came', async () => {
        const app = await start(refuse, { ...SECURE, http: { trustProxy: 1 } });
        const browser = app.browser();
        expect(await outcome(browser, '/count', post({}, OVER_HTTPS))).toEqual([200, 'sosise']);
        expect((await browser.visit('/act', form())).status).toBe(303);
    });

    test('but not for the id of before a login, which carries nothing any more', async () => {
        const app = await start(refuse);
        const browser = app.browser();
        await browser.visit('/count', post());
        const late = browser.copy();
        await browser.visit('/login', post({ user: 'ann' }));
        expect((await late.visit('/act', form())).status).toBe(422);
        expect((await browser.visit('/act', form())).status).toBe(303);
    });

    test.each(['as nobody has looked', 'again'])('but not while the store can not be read: %s', async (when) => {
        let fails = false;
        const read = () => {
            if (fails) {
                throw new Error('gone');
            }
        };
        const app = await start(
            (request) => {
                try {
                    void (when === 'again' && request.session);
                } finally {
                    // biome-ignore lint/correctness/noUnsafeFinally: the form counts, not the store
                    throw new ValidationException({ name: ['Missing.'] }, { back: '/form' });
                }
            },
            {
                session: { driver: 'failing' },
                boot: ({ container }) =>
                    void container.make(SessionManager).extend('failing', () => interferedDriver({ read })),
            },
        );
        const browser = app.browser();
        await browser.visit('/count', post());
        fails = true;
        expect((await browser.visit('/act', form())).status).toBe(422);
    });
});

function unset(request: Request): void {
    request.session = null as never;
}

test.each([
    [{ secure: 'auto', sameSite: 'auto' }, OVER_HTTPS, '; HttpOnly; Secure; SameSite=None'],
    [{ secure: 'auto', sameSite: 'auto' }, {}, '; HttpOnly; SameSite=Lax'],
    [{ secure: false, sameSite: 'strict' }, OVER_HTTPS, '; HttpOnly; SameSite=Strict'],
])('a cookie with %j is what the request is: %j gives "%s"', async (cookie, headers, attributes) => {
    const app = await start(put, { session: { cookie }, http: { trustProxy: 1 } });
    const [line] = (await app.browser().visit('/act', { headers })).headers.getSetCookie();
    expect(line?.endsWith(`; Path=/${attributes}`), line).toBe(true);
});

describe('which session a request has, if any', () => {
    const name = (request: Request, response: Response) => response.json((request.session as { of?: string }).of);
    const givenBefore =
        (stage: 'session', given: unknown) => (kernel: Parameters<NonNullable<SessionAppOptions['boot']>>[0]) =>
            void kernel.container.make(HttpPipeline).before(stage, (request, _response, next) => {
                request.session = given as never;
                next();
            });

    test.each([true, false])('that of an application around it is left alone, enabled: %s', async (enabled) => {
        const app = await start(name, { session: { enabled }, boot: givenBefore('session', { of: 'another' }) });
        expect(await app.browser().json('/act')).toBe('another');
        expect(app.messages()).toEqual([]);
    });

    test('that of an application around it has no login here', async () => {
        const app = await start(name, { boot: givenBefore('session', { of: 'another' }) });
        await app.browser().visit('/login', post({ user: 'ann' }));
        expect(app.log.map(({ context }) => String(context.error))).toEqual([
            expect.stringContaining(
                'login() needs a session: request.session is that of an application around this one',
            ),
        ]);
    });

    test('none is there before the session stage, and login() says so', async () => {
        const app = await start(name, {
            boot: ({ container }) =>
                void container.make(HttpPipeline).before('session', async (request, _response, next) => {
                    await login(request, 'ann');
                    next();
                }),
        });
        expect((await app.browser().visit('/act')).status).toBe(500);
        expect(app.log.map(({ context }) => String(context.error))).toEqual([
            expect.stringContaining('login() needs a session: this request has not passed the session stage'),
        ]);
    });

    test('one within an application whose cookie.path it is not below', async () => {
        const inner = await start(put);
        const outer = await sessionApp({
            session: { cookie: { path: '/shop' } },
            routes: (router) => void router.use(inner.handler),
        });
        const browser = outer.browser();
        expect(await outcome(browser, '/count', post())).toEqual([200, 'sosise']);
        expect(await browser.json('/me')).toMatchObject({ data: { count: 1 } });
    });

    test('of two cookies, the one that is alive', async () => {
        const app = await start(put);
        const [browser, other] = [app.browser(), app.browser()];
        await browser.visit('/login', post({ user: 'ann' }));
        await other.visit('/login', post({ user: 'ben' }));
        const cookies = [other, browser].map((one) => `sosise=${one.cookies.get('sosise')}`).join('; ');
        await other.visit('/logout', post());
        expect(await app.browser().json('/me', { headers: { cookie: cookies } })).toMatchObject({ user: 'ann' });
    });

    test('a new one where nobody here has signed the cookie', async () => {
        const app = await start(put);
        const headers = { cookie: 'sosise=s%3Aforged.by-nobody', 'sec-fetch-site': 'same-origin' };
        expect(await outcome(app.browser(), '/act', post({}, headers))).toEqual([200, 'sosise']);
    });

    test('none where another site has caused the request, which is told once', async () => {
        const app = await start(put);
        const browser = app.browser();
        await browser.visit('/count', post());
        expect(await outcome(browser, '/act', post({}, ELSEWHERE))).toEqual([403]);
        expect(app.messages().filter((message) => message.startsWith('Blocked by CSRF protection'))).toHaveLength(1);
    });
});
