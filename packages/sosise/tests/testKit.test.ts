import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Router } from 'express';
import {
    authenticatedUser,
    type ConfigOverrides,
    csrfToken,
    fingerprint,
    flash,
    login,
    oldInput,
    requireLogin,
    SessionRegistry,
    ValidationException,
    validationErrors,
} from 'sosise';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { TestApp, TestAppOptions, TestClient } from './helpers/inside/Testing.js';
import { CookieJar } from './helpers/inside/Testing.js';
import { memberRoutes } from './helpers/loginRoutes.js';
import { onRedis } from './helpers/onRedis.js';
import { createTestApp } from './stockTestApp.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOTHING = { user: null, data: {}, ended: null };

function routes(router: Router): void {
    memberRoutes(router);
    router.get('/members', requireLogin(), (request, response) => {
        response.json(`welcome ${authenticatedUser(request)}`);
    });
    router.get('/headers', (request, response) => {
        response.json(request.headers);
    });
    router.all('/echo', (request, response) => {
        response.json({ method: request.method, body: request.body });
    });
    router.all('/go/:status', (request, response) => {
        response.redirect(Number(request.params.status), String(request.query['to']));
    });
    router.post('/notice', (request, response) => {
        flash(request, 'notice', request.body.text);
        response.redirect(303, '/echo');
    });
    router.get('/circle', (_request, response) => {
        response.redirect('/circle');
    });
    router.get('/remember', (request, response) => {
        request.session.cookie.maxAge = 30 * DAY;
        response.json('remembered');
    });
}

/** Whatever the application's own settings are, it has these here. */
const OURS = { enabled: true, driver: 'file', idle: 2 * HOUR, absolute: 30 * DAY, encrypt: false };
const COOKIE = { maxAge: 2 * HOUR, secure: false, sameSite: 'lax' as const };

const withSessions = (
    { cookie = {}, ...session }: ConfigOverrides['session'] = {},
    http: ConfigOverrides['http'] = {},
) => createTestApp({ http, session: { ...OURS, ...session, cookie: { ...COOKIE, ...cookie } } }, { routes });
const withoutSessions = (options?: TestAppOptions) => createTestApp({ session: { enabled: false } }, options);
const headersOf = async (client: TestClient) => (await client.get('/headers')).json<Record<string, string>>();

describe('a test application', () => {
    let earlier: TestApp | undefined;

    test('has storage of its own, takes routes, and counts on nothing of .env', async () => {
        const app = await withSessions();
        await app
            .client()
            .withSession({ basket: [1] })
            .get('/me');
        expect(readdirSync(join(app.storage, 'sessions')).some((name) => name.endsWith('.json'))).toBe(true);
        expect(existsSync(join(app.storage, 'logs'))).toBe(false);
        earlier = app;
    });

    test('closes itself when its test is over', async () => {
        expect(earlier?.app.state).toBe('terminated');
        expect(existsSync(earlier?.storage as string)).toBe(false);
        await expect(earlier?.client().get('/')).rejects.toThrow('ECONNREFUSED');
    });

    test('writes its log into the same folder where a test asks for one', async () => {
        const app = await createTestApp({
            logging: { level: 'info', console: false, files: { enabled: true } },
            session: { enabled: false },
        });
        await app.client().get('/');
        await vi.waitFor(() => expect(readdirSync(join(app.storage, 'logs'))).toContain('app.log'));
        await app.close();
        await app.close();
        expect(existsSync(app.storage)).toBe(false);
    });

    test('is changed after it booted and before its first request', async () => {
        class Greeter {
            public greet = () => 'hello';
        }
        const app = await withoutSessions({
            booted: ({ container }) => container.instance(Greeter, { greet: () => 'fake' }),
            routes: (router) =>
                router.get('/', (_request, response) => {
                    response.json('ahead of the route of the application');
                }),
        });
        expect(app.app.container.make(Greeter).greet()).toBe('fake');
        expect((await app.client().get('/')).json()).toBe('ahead of the route of the application');
    });

    test('whose configuration is wrong says so and leaves nothing behind', async () => {
        await expect(createTestApp({ session: { enabled: true, driver: 'mongo' } })).rejects.toThrow(
            'Session driver [mongo] is not supported',
        );
    });

    describe('of several tests', () => {
        let shared: TestApp;
        let each: TestApp | undefined;
        beforeAll(async () => {
            shared = await withSessions();
            return () => shared.close();
        });
        beforeEach(async () => {
            expect(each?.app.state ?? 'terminated').toBe('terminated');
            each = await withSessions();
        });
        afterAll(() => {
            expect(each?.app.state).toBe('terminated');
        });

        test.each([1, 2])('stays open where beforeAll made it, and travels back after each, %d', async () => {
            expect(Math.abs(Date.now() - performance.timeOrigin - performance.now())).toBeLessThan(HOUR);
            shared.travel('2 days');
            expect((await shared.client().get('/me')).json()).toEqual(NOTHING);
        });
    });
});

describe.each(['file', 'memory'])('the session of a client, %s driver', (driver) => {
    sessionPromises({ driver });
});

await onRedis('the session of a client, redis driver', ({ options }) => {
    sessionPromises({ driver: 'redis', drivers: { redis: options } });
});

function sessionPromises(config: object): void {
    const start = (session = {}) => withSessions({ ...config, ...session });

    test('is what the test put there, and is kept with what the application adds', async () => {
        const app = await start();
        const client = app.client().withSession({ basket: [1], name: 'Ann' });
        expect((await client.get('/me')).json()).toEqual({ ...NOTHING, data: { basket: [1], name: 'Ann' } });

        await client.post('/put', { json: { visits: 1 } });
        await client.withSession({ basket: [1, 2], name: undefined }).get('/me');
        expect(await client.session()).toEqual({ basket: [1, 2], visits: 1 });
        expect(await app.client().session()).toBeUndefined();
    });

    test('is that of a user, as after a login', async () => {
        const app = await start();
        const client = app
            .client()
            .withSession({ basket: [1] })
            .actingAs(7);
        expect((await client.get('/members')).json()).toBe('welcome 7');
        expect(await client.user()).toBe('7');
        expect(await client.session()).toEqual({ basket: [1] });
        const [listed] = await app.app.container.make(SessionRegistry).list('7');
        expect(listed?.fingerprint).toBe(await client.inRequest((request) => fingerprint(request)));

        await client.post('/logout');
        expect(await client.session()).toBeUndefined();
        expect(await client.user()).toBeUndefined();
        (await client.get('/members')).assertStatus(401);
    });

    test('tells what is flashed for the next page, and leaves it there until that was shown', async () => {
        const app = await start();
        const client = app.client().withSession({ basket: [1] });
        await client.post('/notice', { json: { text: 'Saved' } });
        expect(await client.flashed()).toEqual({ notice: 'Saved' });
        expect(await client.session()).toEqual({ basket: [1] });
        await client.inRequest((request) => flash(request, 'notice', 'Saved again'));
        await client.get('/me');
        expect(await client.flashed()).toEqual({ notice: 'Saved again' });
        await client.visit('/members');
        expect(await client.flashed()).toEqual({});
        expect(await app.client().flashed()).toEqual({});
    });

    test('expires by its idle time without waiting, and not before', async () => {
        const app = await start({ idle: 2 * HOUR, cookie: { maxAge: null } });
        const client = app.client().withSession({ basket: [1] });
        await client.get('/me');
        app.travel('119 minutes');
        expect(await client.session()).toEqual({ basket: [1] });
        app.travel('1 minute');
        expect(await client.session()).toBeUndefined();
        expect((await client.get('/me')).json()).toEqual({ ...NOTHING, ended: 'idle' });
    });

    test('lives on by use, and ends by its absolute time', async () => {
        const app = await start({ idle: 2 * HOUR, absolute: 4 * HOUR });
        const client = app.client().withSession({ basket: [1] });
        for (let hour = 0; hour < 4; hour += 1) {
            await client.get('/me');
            expect(await client.session()).toEqual({ basket: [1] });
            app.travel('1 hour');
        }
        expect((await client.get('/me')).json()).toEqual(NOTHING);
        expect(client.cookies.all).toEqual([]);
    });

    test('is encrypted where the application says so, and read all the same', async () => {
        const app = await start({ encrypt: true });
        const client = app.client().withSession({ secret: 'tea' });
        expect(await client.session()).toEqual({ secret: 'tea' });
    });
}

describe('a client', () => {
    test('is a visitor of its own, and a copy has the same cookies', async () => {
        const app = await withSessions();
        const ann = app.client().actingAs('ann');
        const bob = app.client().actingAs('bob');
        expect((await ann.get('/members')).json()).toBe('welcome ann');
        expect((await bob.get('/members')).json()).toBe('welcome bob');
        const thief = await ann.copy();
        expect(await thief.user()).toBe('ann');
        await ann.post('/logout');
        (await thief.get('/members')).assertStatus(401);
    });

    test('prepares its session once, before requests that leave together', async () => {
        const app = await withSessions();
        const client = app.client().withSession({ count: 10 });
        await Promise.all(Array.from({ length: 20 }, () => client.post('/count')));
        expect(await client.session()).toEqual({ count: 30 });
    });

    test('does not lengthen its session by looking at it', async () => {
        const app = await withSessions({ idle: HOUR, cookie: { maxAge: null } });
        const client = app.client().actingAs(7);
        expect(await client.user()).toBe('7');
        app.travel('40 minutes');
        expect(await client.user()).toBe('7');
        app.travel('40 minutes');
        expect(await client.user()).toBeUndefined();
    });

    test('whose cookie was tampered with has no session', async () => {
        const app = await withSessions();
        const client = app.client().withSession({ basket: [1] });
        await client.get('/me');
        const [cookie] = client.cookies.all;
        client.cookies.tamper(cookie?.name as string, `${cookie?.value}x`);
        expect(await client.session()).toBeUndefined();
        expect(() => client.cookies.tamper('nome', '')).toThrow(
            `There is no cookie [nome] to change. Kept: ${cookie?.name}.`,
        );
    });

    test('follows redirects as a browser does', async () => {
        const { url, client } = await withSessions();
        const visitor = client();
        const afterRedirect = (status: number, method: 'post' | 'put' = 'post') =>
            visitor[method](`/go/${status}?to=/echo`, { json: { a: 1 } }).then((answer) => answer.json());
        for (const status of [301, 302, 303]) {
            expect(await afterRedirect(status)).toEqual({ method: 'GET', body: {} });
        }
        expect(await afterRedirect(303, 'put')).toEqual({ method: 'GET', body: {} });
        for (const status of [307, 308]) {
            expect(await afterRedirect(status)).toEqual({ method: 'POST', body: { a: 1 } });
        }
        expect(await afterRedirect(302, 'put')).toEqual({ method: 'PUT', body: { a: 1 } });

        const answer = await visitor.submit(`/go/303?to=${encodeURIComponent(`${url}/go/302?to=/echo`)}`);
        answer.assertOk().assertRedirect('/echo').assertJson({ method: 'GET' });
        expect(answer.redirects).toEqual(['/go/302?to=/echo', '/echo']);
        const away = await visitor.get('/go/302?to=https://elsewhere.example/');
        away.assertStatus(302).assertRedirect('https://elsewhere.example/');
        (await visitor.get('/go/302?to=/echo', { follow: false })).assertStatus(302).assertRedirect('/echo');
        await expect(visitor.get('/circle')).rejects.toThrow('redirects without an end');
    });

    test('sends json, forms and whatever else', async () => {
        const client = (await withSessions()).client();
        expect((await client.patch('/echo', { json: [1] })).json()).toEqual({ method: 'PATCH', body: [1] });
        expect((await client.submit('/echo', { a: 1, b: true })).json()).toEqual({
            method: 'POST',
            body: { a: '1', b: 'true' },
        });
        const raw = { body: '{"b":2}', headers: { 'Content-Type': 'application/json' } };
        expect((await client.delete('/echo', raw)).json()).toEqual({ method: 'DELETE', body: { b: 2 } });
    });

    test('says where its requests come from as browsers do', async () => {
        const { client, url } = await withSessions();
        const visitor = client({ headers: { 'X-Shop': '1' } });
        const page = (await visitor.visit('/headers')).json<Record<string, string>>();
        expect(page).toMatchObject({ 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'none', 'x-shop': '1' });
        expect(page['accept']).toMatch(/^text\/html/);
        expect(await headersOf(visitor)).toMatchObject({ 'sec-fetch-mode': 'cors', 'sec-fetch-site': 'same-origin' });
        expect(await headersOf(visitor.crossSite())).toMatchObject({
            origin: 'https://other-site.example',
            'sec-fetch-site': 'cross-site',
        });
        const posted = (await visitor.post('/go/307?to=/echo', { follow: false })).assertStatus(307);
        expect(posted.url.origin).toBe(url);
    });

    test('names the page that it shows, as a browser does', async () => {
        const app = await withSessions();
        const visitor = app.client();
        expect(await headersOf(visitor)).not.toHaveProperty('referer');
        const typed = (await visitor.visit('/headers?a=1#top')).json<object>();
        expect(typed).not.toHaveProperty('referer');
        expect(await headersOf(visitor)).toMatchObject({ referer: `${app.url}/headers?a=1` });
        await visitor.submit('/go/303?to=/echo');
        expect(await headersOf(visitor)).toMatchObject({ referer: `${app.url}/echo` });
        expect(await headersOf(visitor.crossSite())).toMatchObject({ referer: 'https://other-site.example/' });
        await visitor.reopen();
        expect(await headersOf(visitor)).not.toHaveProperty('referer');
    });

    test('gets a refused form back, with what was wrong and what was typed', async () => {
        const refuse = (router: Router) => {
            router.post('/todos', () => {
                throw new ValidationException({ title: ['It needs a title.'] });
            });
            router.get('/todos', (request, response) => {
                response.json({ errors: validationErrors(request), old: oldInput(request, 'day') });
            });
        };
        const app = await createTestApp({ session: { ...OURS, cookie: COOKIE } }, { routes: refuse });
        const visitor = app.client();
        await visitor.visit('/todos');
        const page = await visitor.submit('/todos', { title: '', day: 'Monday' });
        page.assertOk().assertRedirect('/todos').assertInvalid('title', 'It needs a title.');
        page.assertJson({ errors: { title: ['It needs a title.'] }, old: 'Monday' });
        expect(() => page.assertInvalid('day')).toThrow('/todos answered 200');
        expect(() => page.assertInvalid('title', 'Something else')).toThrow('/todos answered 200');
        const shown = await visitor.submit('/todos', {}, { follow: false });
        shown.assertStatus(303).assertInvalid('title');
        (await visitor.post('/todos', { json: {} })).assertStatus(422).assertInvalid('title', 'It needs a title.');
        const valid = await visitor.visit('/todos');
        expect(() => valid.assertInvalid('title')).toThrow();
    });

    test("can be another site's page, which gets no further than in a browser", async () => {
        const lax = (await withSessions()).client().actingAs(7);
        (await lax.crossSite().visit('/members')).assertOk(); // a link
        (await lax.crossSite().get('/members')).assertStatus(401); // a script
        (await lax.crossSite().submit('/put', { name: 'Eve' })).assertStatus(403); // without the cookie, so that it would begin a session
        expect(await lax.session()).toEqual({});

        const app = await withSessions({ cookie: { sameSite: 'none', secure: true } }, { trustProxy: 1 });
        const none = app.client({ url: 'https://shop.example' }).actingAs(7);
        (await none.crossSite().get('/members')).assertOk();
        (await none.crossSite().submit('/put', { name: 'Eve' })).assertStatus(403);
        (await none.submit('/put', { name: 'Ann' })).assertOk();
        expect(await none.session()).toEqual({ name: 'Ann' });
    });

    test('keeps cookies of a domain, a path and https where the application has these', async () => {
        const cookie = { domain: 'example.com', path: '/put', secure: true };
        const app = await withSessions({ cookie }, { trustProxy: 1 });
        const client = app.client({ url: 'https://shop.example.com' }).withSession({ basket: [1] });
        await client.post('/put', { json: { more: true } });
        expect(await client.session()).toEqual({ basket: [1], more: true });
        expect(client.cookies.all).toMatchObject([{ domain: 'example.com', path: '/put', secure: true }]);
        const elsewhere = app.client({ url: 'https://shop.example' }).withSession({ basket: [1] });
        await expect(elsewhere.get('/')).rejects.toThrow('The client refused the session cookie, as a browser would');
    });

    test.each(['withSession', 'actingAs'] as const)(
        'over http, where sessions need https, says so: %s',
        async (call) => {
            const app = await withSessions({ cookie: { secure: true } }, { trustProxy: 1 });
            const prepared = (url?: string) => {
                const client = app.client(url ? { url } : {});
                return call === 'actingAs' ? client.actingAs(7) : client.withSession({ basket: [1] });
            };
            await expect(prepared().get('/me')).rejects.toThrow('Session cookies are for https only here');
            expect(await prepared('https://localhost').session()).toBeDefined();
        },
    );

    test('forgets what lasts until the browser closes', async () => {
        const app = await withSessions({ cookie: { maxAge: null } });
        const forgetful = app.client().withSession({ basket: [1] });
        await forgetful.reopen();
        expect(await forgetful.session()).toBeUndefined();

        const remembered = app.client().withSession({ basket: [1] });
        await remembered.get('/remember');
        app.travel('29 days');
        await remembered.reopen();
        expect(await remembered.session()).toEqual({ basket: [1] });
    });

    test('lends its request to the test, and gives back what comes of it', async () => {
        const app = await withSessions({}, { csrf: { tokens: true } });
        const client = app.client();
        const token = await client.inRequest((request) => csrfToken(request));
        expect(token).toMatch(/^\S{20,}$/);
        await client.inRequest(async (request) => {
            request.session['basket'] = [1];
            await login(request, 7);
        });
        expect(await client.session()).toEqual({ basket: [1] });
        await expect(client.inRequest((request) => login(request, ''))).rejects.toThrow('an empty text');
        await expect(client.withSession({ id: 1 }).get('/me')).rejects.toThrow('id');
        (await client.get('/members')).assertOk(); // what failed is not tried again
    });

    test('fails where its session could not be stored', async () => {
        const app = await createTestApp({ logging: { console: false }, session: { ...OURS, maxBytes: 1_000 } });
        const client = app.client().withSession({ basket: 'x'.repeat(2_000) });
        await expect(client.get('/up')).rejects.toThrow('could not store the session: 500');
        expect(await client.session()).toBeUndefined();
    });

    test('says that sessions are off', async () => {
        const client = (await withoutSessions()).client();
        (await client.get('/up')).assertOk();
        await expect(client.session()).rejects.toThrow('createTestApp({ session: { enabled: true } })');
        await expect(client.actingAs(1).get('/')).rejects.toThrow('Sessions are off');
    });

    test('shows what failed of an answer', async () => {
        const client = (await withSessions()).client();
        const lost = await client.get('/nowhere');
        expect(() => lost.assertOk()).toThrow(
            /^\/nowhere answered 404: {"code":404.*: expected was a status from 200 to 299$/,
        );
        expect(() => lost.assertJson({ code: 1 })).toThrow('/nowhere answered 404');
        expect(() => lost.assertRedirect('/')).toThrow('/nowhere answered 404');
    });
});

describe('the cookie jar', () => {
    const HERE = 'http://127.0.0.1:8080/shop/cart?a=1';
    const SHOP = 'https://shop.example.com/';

    test.each([
        ['a=1', HERE, 'http://127.0.0.1:8080/shop/checkout', 'a=1'],
        ['a=1', HERE, 'http://127.0.0.1:8080/', undefined],
        ['a=1; Path=/', HERE, 'http://127.0.0.1:9090/', 'a=1'],
        ['a=1; Path=/shop', HERE, 'http://127.0.0.1:8080/shopping', undefined],
        ['a=b=c; path=/', HERE, HERE, 'a=b=c'],
        ['a=1; Path=/; Domain=127.0.0.1', HERE, HERE, 'a=1'],
        ['a=1; Path=/; Domain=0.0.1', HERE, HERE, undefined],
        ['a=1; Path=/; Secure', HERE, HERE, 'a=1'],
        ['a=1; Secure', 'http://shop.example.com/', SHOP, undefined],
        ['a=1; Secure', SHOP, 'http://shop.example.com/', undefined],
        ['a=1', SHOP, 'https://example.com/', undefined],
        ['a=1', SHOP, 'https://mail.shop.example.com/', undefined],
        ['a=1; Domain=.example.com', SHOP, 'https://mail.example.com/', 'a=1'],
        ['a=1; Domain=example.com', SHOP, 'https://badexample.com/', undefined],
        ['a=1; Domain=mail.example.com', SHOP, 'https://mail.example.com/', undefined],
        ['__Host-a=1; Path=/; Secure', SHOP, SHOP, '__Host-a=1'],
        ['__Host-a=1; Path=/; Secure; Domain=shop.example.com', SHOP, SHOP, undefined],
        ['__Host-a=1; Secure', SHOP, SHOP, undefined],
        ['__Host-a=1; Path=/', SHOP, SHOP, undefined],
        ['__Secure-a=1', SHOP, SHOP, undefined],
        ['a=1; SameSite=None', SHOP, SHOP, undefined],
        ['a=1; SameSite=None; Secure', SHOP, SHOP, 'a=1'],
        ['a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT', SHOP, SHOP, 'a=1'],
        ['a=1; Max-Age=0', SHOP, SHOP, undefined],
        ['a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT', SHOP, SHOP, undefined],
        ['=1', SHOP, SHOP, undefined],
        [`a=${'1'.repeat(4096)}`, SHOP, SHOP, undefined],
    ])('%s of %s sends %s: %s', (line, from, to, sent) => {
        const jar = new CookieJar();
        jar.keep(line, new URL(from));
        expect(jar.header(new URL(to))).toBe(sent);
    });

    test.each([
        ['Strict', { link: false, form: false, script: false }],
        ['Lax', { link: true, form: false, script: false }],
        ['None', { link: true, form: true, script: true }],
    ])('a cookie that is SameSite=%s goes with what another site sends: %j', (sameSite, sent) => {
        const jar = new CookieJar();
        const url = new URL(SHOP);
        const by = (method: string, isNavigation: boolean) =>
            jar.header(url, { isCrossSite: true, isNavigation, method }) !== undefined;
        jar.keep(`a=1; Secure; SameSite=${sameSite}`, url);
        expect({ link: by('GET', true), form: by('POST', true), script: by('GET', false) }).toEqual(sent);
    });

    test('replaces, deletes and sorts by the longer path', () => {
        const jar = new CookieJar();
        const url = new URL('https://shop.example.com/a/b');
        for (const line of ['x=1; Path=/', 'x=2; Path=/', 'y=3; Path=/a', 'z=4; Path=/', 'z=; Path=/; Max-Age=-1']) {
            jar.keep(line, url);
        }
        expect(jar.header(url)).toBe('y=3; x=2');
    });
});

describe('travel', () => {
    test.each([
        ['1 second', 1000],
        ['90 minutes', 90 * 60_000],
        ['1.5 hours', 1.5 * HOUR],
        ['3 days', 3 * DAY],
        ['2 weeks', 14 * DAY],
        [250, 250],
    ])('%s', async (time, ms) => {
        const app = await withoutSessions();
        const before = Date.now();
        app.travel(time);
        expect(Date.now() - before - ms).toBeLessThan(30_000);
        expect(Date.now() - before).toBeGreaterThanOrEqual(ms);
    });

    test.each(['3 moons', 'hours', '-1 hour', '', -1, Number.NaN])('not %j', async (time) => {
        const app = await withoutSessions();
        expect(() => app.travel(time)).toThrow(
            'does not say how far: give ms, or a number of seconds, minutes, hours, days or weeks',
        );
    });
});
