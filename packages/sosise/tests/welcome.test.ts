import { request as httpRequest } from 'node:http';
import type { RequestHandler } from 'express';
import { action, HttpPipeline } from 'sosise';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { DevToolsServiceProvider } from './helpers/inside/DevTools.js';
import { durationOf } from './helpers/inside/Support.js';
import { type SessionAppOptions, sessionApp } from './helpers/sessionApp.js';
import { type HttpApp, type HttpAppOptions, httpApp } from './httpApp.js';
import IndexController from './stock/src/app/Http/Controllers/IndexController.js';
import { createTestApp } from './stockTestApp.js';

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';
const HTML = { headers: { accept: BROWSER } };
const JSON_ANSWER = { code: 1000, message: 'Sosise Skeleton is running', data: null };

let running: HttpApp[] = [];

afterEach(async () => {
    await Promise.all(running.map(({ close }) => close()));
    running = [];
});

/** An application without sessions, whose `GET /` is that of a fresh copy. */
async function fresh(options: HttpAppOptions = {}): Promise<HttpApp> {
    const app = await httpApp({
        environment: 'development',
        routes: (router) => router.get('/', action(IndexController, 'index')),
        ...options,
    });
    running.push(app);
    return app;
}

/** The same with sessions. */
function withSessions(options: SessionAppOptions = {}) {
    return sessionApp({
        environment: 'development',
        routes: (router) => router.get('/', action(IndexController, 'index')),
        ...options,
    });
}

const bodyOf = (page: string) => page.slice(page.indexOf('<body>'));
const countOf = (page: string) => /<p class="count">(.*?)<\/p>/.exec(page)?.[1];

describe('GET / of a fresh copy', () => {
    test.each([
        ['no Accept', undefined],
        ['curl', '*/*'],
        ['fetch and axios', 'application/json, text/plain, */*'],
        ['who wants a picture', 'image/png'],
        ['nonsense', 'text//html;;q=x'],
    ])('%s gets the envelope, as ever', async (_client, accept) => {
        const { port } = await fresh();

        const { headers, body } = await new Promise<{ headers: NodeJS.Dict<string | string[]>; body: string }>(
            (resolve) =>
                httpRequest({ port, host: '127.0.0.1', path: '/', headers: accept ? { accept } : {} }, (response) => {
                    let body = '';
                    response.on('data', (chunk) => {
                        body += chunk;
                    });
                    response.on('end', () => resolve({ headers: response.headers, body }));
                }).end(),
        );

        expect(body).toBe(JSON.stringify(JSON_ANSWER));
        expect(headers['content-type']).toBe('application/json; charset=utf-8');
        expect(headers['vary']).toBe('Accept');
    });

    test('a browser gets a page that says how it runs, and the line that turns sessions on', async () => {
        const { url } = await fresh();

        const response = await fetch(url, HTML);
        const page = await response.text();

        expect(response.status).toBe(200);
        expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
        expect(response.headers.get('vary')).toBe('Accept');
        expect(response.headers.get('cache-control')).toBe('no-store');
        expect(page).toContain('Sosise Skeleton is running');
        expect(page).toContain('<dd>development</dd>');
        expect(page).toContain('<dd class="off">Off</dd>');
        expect(page).toContain('enabled: true,');
        for (const file of [
            'src/config/session.ts',
            'src/app/Http/Controllers/CartController.ts',
            'src/routes/api.ts',
        ]) {
            expect(page.replaceAll('<wbr>', '')).toContain(`<code>${file}</code>`);
        }
    });

    test('with sessions on it says the driver and the idle time, and counts the visits of each browser', async () => {
        const app = await withSessions({ session: { driver: 'memory', cookie: { maxAge: 90 * 60_000 } } });
        const [mia, tom] = [app.browser(), app.browser()];
        const visit = async (browser = mia) => (await browser.visit('/', HTML)).text();

        const first = await visit();
        expect(first).toContain('<dd class="on">On</dd>');
        expect(first).toContain('<dd>memory</dd>');
        expect(first).toContain('<dd>90 minutes</dd>');
        expect([countOf(first), countOf(await visit()), countOf(await visit())]).toEqual(['1', '2', '3']);
        expect(countOf(await visit(tom))).toBe('1');
    });

    test('visits at the same time all count', async () => {
        const app = await withSessions();
        const browser = app.browser();
        await browser.visit('/', HTML);

        await Promise.all(Array.from({ length: 9 }, () => browser.visit('/', HTML)));

        expect(countOf(await (await browser.visit('/', HTML)).text())).toBe('11');
    });

    test.each([
        ['HEAD', { method: 'HEAD' }, {}],
        ['a prefetch', {}, { 'sec-purpose': 'prefetch' }],
        ['a prerender', {}, { 'sec-purpose': 'prefetch;prerender' }],
        ['a preview of an older browser', {}, { purpose: 'prefetch' }],
        ['a fetch() of HTML', {}, { 'sec-fetch-dest': 'empty' }],
        ['a client of the API', {}, { accept: '*/*' }],
    ])('%s is no visit, and gets no cookie', async (_name, init, headers) => {
        const app = await withSessions();
        const browser = app.browser();

        const response = await browser.visit('/', { ...init, headers: { accept: BROWSER, ...headers } });

        expect(response.status).toBe(200);
        expect(browser.received).toEqual([]);
        await browser.visit('/', HTML);
        await browser.visit('/', { ...init, headers: { accept: BROWSER, ...headers } });
        expect(countOf(await (await browser.visit('/', HTML)).text())).toBe('2');
    });

    test.each(['production', 'staging'])('in %s it says that it runs, and nothing of how', async (environment) => {
        const app = await fresh({ environment, providers: [DevToolsServiceProvider] });

        const response = await fetch(app.url, HTML);
        const page = await response.text();

        expect(page).toContain('Sosise Skeleton is running');
        expect(bodyOf(page)).not.toMatch(new RegExp(`${environment}|session|driver|src/|<script`, 'i'));
        expect(response.headers.get('set-cookie')).toBeNull();
    });

    test('in production no session begins', async () => {
        const app = await withSessions({ environment: 'production', session: { cookie: { secure: false } } });

        const response = await fetch(app.url, HTML);

        expect(response.status).toBe(200);
        expect(response.headers.get('set-cookie')).toBeNull();
        expect(bodyOf(await response.text())).not.toMatch(/visit|memory|file/i);
    });

    test('the whole application greets a browser, and the name of the application is escaped', async () => {
        const app = await createTestApp({ app: { name: '<script>alert(1)</script>' } });
        onTestFinished(() => app.close());

        const page = await (await fetch(app.url, HTML)).text();

        expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt; is running');
        expect(page).not.toContain('<script>alert');
    });
});

describe('its policy', () => {
    test('lets in what the page has in itself and nothing else, whatever else the application allows', async () => {
        const loose = { contentSecurityPolicy: { directives: { scriptSrc: ["'unsafe-inline'", '*'] } } };
        const app = await fresh({ http: { securityHeaders: loose }, providers: [DevToolsServiceProvider] });

        const policy = (await fetch(app.url, HTML)).headers.get('content-security-policy') ?? '';

        expect(policy).toContain("default-src 'none'");
        expect(policy).toMatch(/script-src 'sha256-[\w+/=]{44}';/);
        expect(policy).toMatch(/style-src 'sha256-[\w+/=]{44}';/);
        expect(policy).not.toMatch(/unsafe|\*/);
    });
});

describe('a page that loads again', () => {
    test('is told which run of the application answers, without a line in the log', async () => {
        const seen: string[] = [];
        const note: RequestHandler = (request, _response, next) => {
            seen.push(request.path);
            next();
        };
        const options: HttpAppOptions = {
            providers: [DevToolsServiceProvider],
            pipeline: (pipeline: HttpPipeline) => void pipeline.use('accessLog', note),
        };
        const [one, other] = [await fresh(options), await fresh(options)];
        const idOf = async (app: HttpApp) => {
            const stream = await fetch(`${app.url}/__sosise/instance`);
            expect(stream.headers.get('content-type')).toContain('text/event-stream');
            for await (const bytes of stream.body ?? []) {
                return /^data: (.+)\n\n$/.exec(new TextDecoder().decode(bytes))?.[1]; // which ends the stream
            }
            return undefined;
        };

        const id = await idOf(one);
        expect(id).toMatch(/^[\da-f-]{36}$/);
        expect(await idOf(one)).toBe(id);
        expect(await idOf(other)).not.toBe(id);
        expect(await (await fetch(one.url, HTML)).text()).toContain(id);
        expect(seen).toEqual(['/']);
    });

    test('may be one of the application, with a script of its own origin', async () => {
        const app = await fresh({ providers: [DevToolsServiceProvider] });

        const response = await fetch(`${app.url}/__sosise/reload.js`);

        expect(response.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
        expect(response.headers.get('cache-control')).toBe('no-store');
        const script = await response.text();
        expect(script).toContain('location.reload()');
        expect(script, 'which leaves the page’s elements alone').not.toMatch(/getElementById|classList/);
        expect(() => new Function(script)).not.toThrow();
    });

    test.each(['production', 'staging', 'test'])('in %s nobody can ask', async (environment) => {
        const { url } = await fresh({ environment, providers: [DevToolsServiceProvider] });

        expect((await fetch(`${url}/__sosise/instance`)).status).toBe(404);
        expect((await fetch(`${url}/__sosise/reload.js`)).status).toBe(404);
    });
});

test.each([
    [0, '0 ms'],
    [1, '1 ms'],
    [1_500, '1500 ms'],
    [1_000, '1 second'],
    [5_400_000, '90 minutes'],
    [7_200_000, '2 hours'],
    [604_800_000, '7 days'],
])('%d ms are %s', (ms, words) => {
    expect(durationOf(ms)).toBe(words);
});
