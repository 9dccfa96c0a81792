import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Request } from 'express';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import {
    type Browser,
    type BrowserContext,
    describeInChromium,
    openBrowser,
    openTolerantBrowser,
    type Page,
} from './helpers/chromium.js';
import { HttpPipeline } from './helpers/inside/Http.js';
import { authenticatedUser, login } from './helpers/inside/Session.js';
import { type SessionAppOptions, sessionApp, temporaryFolder } from './helpers/sessionApp.js';

const HOSTS = ['*.test'];
const OURS = 'mia@example.com';
const THEIRS = 'eve@evil.example';

/** What arrived at the application, and how it was answered. */
interface Arrival {
    method: string;
    url: string;
    carriesSession: boolean;
    status: number;
}

interface Shop {
    readonly port: number;
    readonly arrivals: Arrival[];
    /** The first arrival of a method whose URL holds a text, as soon as it has been answered. */
    arrival(method: string, text: string): Promise<Arrival>;
}

const PAGE = `<!doctype html><title>Shop</title>
    <form method="post" action="/email"><input name="email"><button>Change</button></form>`;

/** An application whose members have an e-mail address that others would like to change. */
async function shop({ boot, ...options }: SessionAppOptions = {}): Promise<Shop> {
    const arrivals: Arrival[] = [];
    const { url } = await sessionApp({
        ...options,
        routes: (router) => {
            router.get('/', (_request, response) => response.type('html').send(PAGE));
            router.post('/login', async (request, response) => {
                await login(request, request.body.user);
                response.json({ user: authenticatedUser(request) });
            });
            router.get('/email', (request, response) =>
                response.json({ user: authenticatedUser(request), email: request.session['email'] }),
            );
            router.all('/email', (request, response) => {
                request.session['email'] = request.body.email ?? 'nothing';
                response.type('html').send('<!doctype html><title>Changed</title>');
            });
        },
        boot: (app) => {
            boot?.(app);
            app.container.make(HttpPipeline).before('requestId', (request, response, next) => {
                response.on('finish', () => arrivals.push(arrivalOf(request, response.statusCode)));
                next();
            });
        },
    });
    return {
        port: Number(new URL(url).port),
        arrivals,
        arrival: (method, text) =>
            vi.waitFor(
                () => {
                    const found = arrivals.find((arrival) => arrival.method === method && arrival.url.includes(text));
                    expect(found, `${method} ${text}`).toBeDefined();
                    return found as Arrival;
                },
                { timeout: 10_000, interval: 10 },
            ),
    };
}

function arrivalOf(request: Request, status: number): Arrival {
    const { method, originalUrl: url, headers } = request;
    return { method, url, carriesSession: headers.cookie?.includes('sosise=') === true, status };
}

/** Cookies that other sites may send along need https; the browser takes localhost for it, and here the application does. */
const FOR_ALL_SITES: SessionAppOptions = {
    http: { trustProxy: 'loopback' },
    session: { cookie: { sameSite: 'none', secure: true } },
    boot: (app) =>
        app.container.make(HttpPipeline).before('requestId', (request, _response, next) => {
            request.headers['x-forwarded-proto'] = 'https';
            next();
        }),
};

interface OtherServer {
    readonly port: number;
    page: string;
}

/** A server of someone else's, which shows a page; what is posted to `/bounce` it sends on to where `to` says. */
async function otherServer(): Promise<OtherServer> {
    const other = { port: 0, page: '<!doctype html><title>Other</title>' };
    const app = express();
    app.post('/bounce', (request, response) => response.redirect(307, String(request.query['to'])));
    app.use((_request, response) => response.type('html').send(other.page));
    const server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
        server.closeAllConnections();
        server.close();
    });
    other.port = (server.address() as AddressInfo).port;
    return other;
}

/** A page of this origin, on which scripts can be run. */
async function open(visitor: BrowserContext, origin: string): Promise<Page> {
    const page = await visitor.newPage();
    await page.goto(`${origin}/`);
    return page;
}

/** Runs `fetch` in a page. Gives the status and what the page could read of the answer; rejects as `fetch` does. */
function fetchIn<T = unknown>(page: Page, url: string, init: object = {}): Promise<{ status: number; body: T }> {
    return page.evaluate(`fetch(${JSON.stringify(url)}, ${JSON.stringify(init)}).then(async (answer) => {
        const text = await answer.text();
        return { status: answer.status, body: text.startsWith('{') ? JSON.parse(text) : text };
    })`);
}

function json(method: string, body: object): object {
    return {
        method,
        credentials: 'include',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
    };
}

/** A visitor who logs in and stores an address, with a page of the shop open. */
async function member(visitor: BrowserContext, origin: string): Promise<Page> {
    const page = await open(visitor, origin);
    expect((await fetchIn(page, '/login', json('POST', { user: 'mia' }))).status).toBe(200);
    expect((await fetchIn(page, '/email', json('PUT', { email: OURS }))).status).toBe(200);
    return page;
}

interface Attack {
    name: string;
    /** What gets to the application: browsers ask first before they send some requests, and some change nothing. */
    method: 'POST' | 'GET' | 'OPTIONS';
    /** Whether the visitor ends up at the application. */
    navigates?: boolean;
    html(url: string): string;
}

const form = (url: string, more = '', fields = `<input name="email" value="${THEIRS}">`) =>
    `<form method="post" action="${url}" ${more}>${fields}</form><script>document.forms[0].submit()</script>`;
const script = (code: string) => `<script>${code}</script>`;
const sent = (url: string, more: string) =>
    script(`fetch('${url}', { credentials: 'include', method: 'POST', body: new URLSearchParams('email=${THEIRS}')${more} })
        .catch(() => undefined)`);

const SANDBOX = 'a form in a sandbox, which hides its origin';

const ATTACKS: Attack[] = [
    { name: 'a form', method: 'POST', navigates: true, html: (url) => form(url) },
    {
        name: 'a form that spells JSON',
        method: 'POST',
        navigates: true,
        html: (url) => form(url, 'enctype="text/plain"', `<input name='{"email":"${THEIRS}","x":"' value='"}'>`),
    },
    {
        name: 'a form with a file',
        method: 'POST',
        navigates: true,
        html: (url) => form(url, 'enctype="multipart/form-data"'),
    },
    {
        name: 'a form in a hidden frame',
        method: 'POST',
        html: (url) => `<iframe name="hidden" hidden></iframe>${form(url, 'target="hidden"')}`,
    },
    {
        name: SANDBOX,
        method: 'POST',
        html: (url) =>
            `<iframe sandbox="allow-scripts allow-forms" srcdoc="${form(url).replaceAll('"', '&quot;')}"></iframe>`,
    },
    {
        name: 'a form without referrer',
        method: 'POST',
        navigates: true,
        html: (url) => `<meta name="referrer" content="no-referrer">${form(url)}`,
    },
    {
        name: 'a form that is sent on by its own site',
        method: 'POST',
        navigates: true,
        html: (url) => form(`/bounce?to=${encodeURIComponent(url)}`),
    },
    { name: 'a fetch', method: 'POST', html: (url) => sent(url, '') },
    { name: 'a fetch in mode no-cors', method: 'POST', html: (url) => sent(url, ", mode: 'no-cors'") },
    {
        name: 'a fetch without referrer',
        method: 'POST',
        html: (url) => sent(url, ", mode: 'no-cors', referrerPolicy: 'no-referrer'"),
    },
    {
        name: 'a fetch of JSON',
        method: 'OPTIONS',
        html: (url) => sent(url, ", headers: { 'content-type': 'application/json' }"),
    },
    { name: 'a fetch with another method', method: 'OPTIONS', html: (url) => sent(url, ", method: 'DELETE'") },
    {
        name: 'a beacon',
        method: 'POST',
        html: (url) => script(`navigator.sendBeacon('${url}', new URLSearchParams('email=${THEIRS}'))`),
    },
    {
        name: 'a navigation',
        method: 'GET',
        navigates: true,
        html: (url) => script(`location.href = '${url}&email=${THEIRS}'`),
    },
    { name: 'an image', method: 'GET', html: (url) => `<img src="${url}&email=${THEIRS}">` },
];

/** Lets the other site attack the visitor, and looks at what arrived, one attack after another. */
async function attackWithAll(
    visitor: BrowserContext,
    { app, target, evil, evilOrigin }: { app: Shop; target: string; evil: OtherServer; evilOrigin: string },
    look: (name: string, arrived: Arrival) => Promise<void>,
): Promise<void> {
    const page = await visitor.newPage();
    for (const [index, { name, method, navigates, html }] of ATTACKS.entries()) {
        evil.page = `<!doctype html><title>Evil</title><body>${html(`${target}/email?attack=${index}.`)}`;
        await page.goto(evilOrigin, { waitUntil: 'commit' });
        const arrived = await app.arrival(method, `attack=${index}.`);
        if (navigates) {
            await page.waitForURL(/attack=/, { waitUntil: 'commit' });
        }
        await look(name, arrived);
    }
}

describeInChromium('in Chromium', () => {
    let browser: Browser;

    beforeAll(async () => {
        browser = await openBrowser({ hosts: HOSTS });
    });

    afterAll(async () => {
        await browser?.close();
    });

    /** Someone with a browser of their own, which accepts other sites' cookies or not. */
    async function visitor(isTolerant = false): Promise<BrowserContext> {
        const context = isTolerant
            ? await openTolerantBrowser(temporaryFolder(), { hosts: HOSTS })
            : await browser.newContext();
        onTestFinished(() => context.close());
        return context;
    }

    test.each([
        ['another port', 'shop.localhost', 'shop.localhost', {}],
        ['a subdomain', 'shop.localhost', 'evil.shop.localhost', {}],
        ['another site', 'shop.localhost', 'evil.localhost', FOR_ALL_SITES],
        ['another port, over plain http', 'shop.test', 'shop.test', {}],
        ['a subdomain, over plain http', 'shop.test', 'evil.shop.test', {}],
    ])(
        'a page from %s changes nothing for a member, whose cookie it has sent',
        async (_, shopHost, evilHost, options) => {
            const evil = await otherServer();
            const evilOrigin = `http://${evilHost}:${evil.port}`;
            const isForAllSites = options === FOR_ALL_SITES;
            // To SameSite=Lax a sandbox is another site, wherever it stands.
            const carrying = ATTACKS.filter(
                ({ name, method }) => method === 'POST' && (isForAllSites || name !== SANDBOX),
            );

            const app = await shop(options);
            const target = `http://${shopHost}:${app.port}`;
            const mia = await visitor(isForAllSites);
            const page = await member(mia, target);
            const refused: string[] = [];
            await attackWithAll(
                mia,
                { app, target, evil, evilOrigin },
                async (name, { method, carriesSession, status }) => {
                    if (method === 'POST' && carriesSession) {
                        expect(status, name).toBe(403);
                        refused.push(name);
                    }
                    expect((await fetchIn(page, '/email')).body, name).toEqual({ user: 'mia', email: OURS });
                },
            );
            expect(refused).toEqual(carrying.map(({ name }) => name));
        },
    );

    test('the same page changes what it likes where the check is turned off', async () => {
        const evil = await otherServer();
        const app = await shop({ http: { csrf: false } });
        const target = `http://shop.localhost:${app.port}`;
        const evilOrigin = `http://evil.shop.localhost:${evil.port}`;
        const mia = await visitor();
        const page = await member(mia, target);
        const succeeded: string[] = [];
        await attackWithAll(mia, { app, target, evil, evilOrigin }, async (name) => {
            if ((await fetchIn<{ email: string }>(page, '/email')).body.email !== OURS) {
                succeeded.push(name);
                await fetchIn(page, '/email', json('PUT', { email: OURS }));
            }
        });
        const posts = ATTACKS.filter(({ name, method }) => method === 'POST' && name !== SANDBOX);
        expect(succeeded).toEqual(posts.map(({ name }) => name));
    });

    test.each(['localhost', 'test'])(
        'a page from another site changes nothing for a member, whose cookie stays at home, at shop.%s',
        async (domain) => {
            const evil = await otherServer();
            const app = await shop();
            const target = `http://shop.${domain}:${app.port}`;
            const evilOrigin = `http://evil.${domain}:${evil.port}`;
            const mia = await visitor();
            const page = await member(mia, target);
            const [cookie] = await mia.cookies(target);
            await attackWithAll(mia, { app, target, evil, evilOrigin }, async (name, { carriesSession }) => {
                expect(carriesSession, name).toBe(name === 'a navigation');
                expect((await fetchIn(page, '/email')).body, name).toEqual({ user: 'mia', email: OURS });
                expect((await mia.cookies(target))[0]?.value, name).toBe(cookie?.value);
            });
        },
    );

    test.each(['localhost', 'test'])('a page from another site logs nobody in, at shop.%s', async (domain) => {
        const evil = await otherServer();
        const app = await shop();
        const target = `http://shop.${domain}:${app.port}`;
        evil.page = form(`${target}/login?attack`, '', '<input name="user" value="eve">');

        const stranger = await visitor();
        await open(stranger, `http://evil.${domain}:${evil.port}`);
        expect(await app.arrival('POST', '/login?attack')).toMatchObject({ carriesSession: false, status: 403 });
        expect(await stranger.cookies(target)).toEqual([]);
        app.arrivals.length = 0;

        const mia = await visitor();
        const page = await member(mia, target);
        await open(mia, `http://evil.${domain}:${evil.port}`);
        expect((await app.arrival('POST', '/login?attack')).status).toBe(403);
        expect((await fetchIn(page, '/email')).body).toEqual({ user: 'mia', email: OURS });
    });

    test.each(['localhost', 'shop.localhost', 'shop.test', '127.0.0.1'])(
        'forms and fetches of its own pages work, at %s',
        async (host) => {
            const app = await shop();
            const page = await member(await visitor(), `http://${host}:${app.port}`);
            await page.fill('input', 'new@example.com');
            await page.click('button');
            await page.waitForURL('**/email');
            expect(await page.title()).toBe('Changed');
            expect((await fetchIn(page, '/email')).body).toEqual({ user: 'mia', email: 'new@example.com' });
            for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
                expect((await fetchIn(page, '/email', json(method, { email: method }))).status).toBe(200);
                expect((await fetchIn(page, '/email')).body).toEqual({ user: 'mia', email: method });
            }
        },
    );

    test.each([
        ['another port', 'localhost', 'localhost', {}],
        ['a subdomain', 'api.shop.test', 'app.shop.test', {}],
        ['another site', 'api.localhost', 'app.localhost', FOR_ALL_SITES],
    ])('a front end on %s works with one line of config, and no other does', async (_, shopHost, ownHost, options) => {
        const [own, other] = await Promise.all([otherServer(), otherServer()]);
        const origin = `http://${ownHost}:${own.port}`;
        const app = await shop({ ...options, http: { ...options.http, trustedOrigins: [origin] } });
        const api = `http://${shopHost}:${app.port}`;
        const mia = await visitor(options === FOR_ALL_SITES);

        const page = await open(mia, origin);
        const loggedIn = await fetchIn(page, `${api}/login`, json('POST', { user: 'mia' }));
        expect(loggedIn).toEqual({ status: 200, body: { user: 'mia' } });
        for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
            expect((await fetchIn(page, `${api}/email`, json(method, { email: method }))).status).toBe(200);
            const { body } = await fetchIn(page, `${api}/email`, { credentials: 'include' });
            expect(body).toEqual({ user: 'mia', email: method });
        }

        own.page = form(`${api}/email?form`, '', '<input name="email" value="form">');
        await open(mia, origin);
        expect(await app.arrival('POST', '/email?form')).toMatchObject({ carriesSession: true, status: 200 });

        const elsewhere = await open(mia, `http://${ownHost}:${other.port}`);
        await expect(fetchIn(elsewhere, `${api}/email`, { credentials: 'include' })).rejects.toThrow('Failed to fetch');
        await expect(fetchIn(elsewhere, `${api}/email`, json('PUT', { email: THEIRS }))).rejects.toThrow(
            'Failed to fetch',
        );
        const { body } = await fetchIn(page, `${api}/email`, { credentials: 'include' });
        expect(body).toEqual({ user: 'mia', email: 'form' });
    });
});
