import { fileURLToPath } from 'node:url';
import type { RequestHandler, Router } from 'express';
import { fingerprint } from 'sosise';
import { describe, expect, test, vi } from 'vitest';
import { sessionApp } from './helpers/sessionApp.js';

/** Every answer that is asked for: what the route does with the session, and what it says of caching. */
function routes(router: Router): void {
    const answer: RequestHandler = (request, response) => {
        const { use, cache, cdn, head } = request.query as Record<string, string | undefined>;
        if (use === 'read') {
            void request.session['a'];
        }
        if (use === 'write') {
            request.session['a'] = Number(request.session['a'] ?? 0) + 1;
        }
        if (cdn) {
            response.set('CDN-Cache-Control', cdn);
        }
        if (head) {
            response.writeHead(200, { 'Cache-Control': head }).end('{}');
            return;
        }
        if (cache) {
            response.set('Cache-Control', cache);
        }
        response.json('answer');
    };
    router.get('/', answer);
    router.get('/ended', (request, response) => {
        response.set('Cache-Control', 'max-age=60').json(request.sessionEnded ?? null);
    });
    router.get('/fingerprint', (request, response) => {
        response.set('Cache-Control', 'max-age=60').json(fingerprint(request) ?? null);
    });
    router.get('/file', (request, response) => {
        void request.session['a'];
        response.sendFile(fileURLToPath(import.meta.url));
    });
    router.get('/language', (request, response) => {
        void request.session['a'];
        response.cookie('language', 'de').set('Cache-Control', 'public, max-age=60').json('de');
    });
    router.get('/failed', async (request, response) => {
        request.session['a'] = 1n;
        await request.session.save().catch(() => undefined);
        response.status(404).set('Cache-Control', 'max-age=60').json('for this visitor');
    });
    router.post('/destroy', async (request, response) => {
        await request.session.destroy();
        response.json('destroyed');
    });
    router.get('/in-front', (request, response) => {
        request.session['a'] = 'store' in request.query ? 1 : request.session['a'];
        for (const name of CACHES_IN_FRONT) {
            response.set(name, 'public, max-age=60');
        }
        response.json('answer');
    });
}

const CACHES_IN_FRONT = [
    'cdn-cache-control',
    'cloudflare-cdn-cache-control',
    'edge-control',
    'netlify-cdn-cache-control',
    'surrogate-control',
    'vercel-cdn-cache-control',
];

async function start() {
    const app = await sessionApp({ routes, session: { idle: 3_600_000 } });
    const browser = app.browser();
    await browser.visit('/?use=write');
    return { app, browser };
}

describe('caching', () => {
    test.each([
        ['?use=read', 'private, no-cache'],
        ['?use=write', 'private, no-cache'],
        ['?use=read&cache=no-store', 'no-store'],
        ['?use=read&cache=private,max-age=60', 'private,max-age=60'],
        ['?use=read&cache=max-age=60', 'private, max-age=60'],
        ['?use=read&cache=no-cache', 'private, no-cache'],
        ['?use=read&head=max-age=60', 'private, max-age=60'],
        ['?use=read&cache=private="x-name",max-age=60', 'private, private="x-name", max-age=60'],
    ])('an answer that used the session is for its visitor only: %s', async (query, expected) => {
        const { browser } = await start();
        const { headers } = await browser.visit(`/${query}`);
        expect(headers.get('cache-control')).toBe(expected);
        expect(headers.get('vary')).toContain('Cookie');
    });

    test('one that did not is left as it is', async () => {
        const { browser, app } = await start();
        const { headers } = await browser.visit('/?cache=public, max-age=60');
        expect(headers.get('cache-control')).toBe('public, max-age=60');
        expect(headers.get('vary') ?? '').not.toContain('Cookie');
        expect((await app.browser().visit('/')).headers.get('cache-control')).toBe(null);
    });

    test('a route that shares an answer which used the session is warned of, and has its way', async () => {
        const { browser, app } = await start();
        const { headers } = await browser.visit('/?use=read&cache=public, max-age=60');
        expect(headers.get('cache-control')).toBe('public, max-age=60');
        expect(headers.get('vary')).toContain('Cookie');
        const warnings = app.log.filter(({ message }) => message.includes('Cache-Control: public'));
        expect(warnings).toHaveLength(1);
        expect(warnings[0]?.context).toMatchObject({ method: 'GET', path: '/' });
    });

    test.each([
        ['public, max-age=60', 'private, max-age=60'],
        ['PUBLIC , S-MaxAge=9, max-age=60', 'private, max-age=60'],
        ['s-maxage=9', 'private'],
        ['public, private', 'private'],
        ['no-store, public', 'no-store'],
        ['immutable', 'private, immutable'],
    ])('with Set-Cookie it is never public, whatever the route says: %s', async (cache, expected) => {
        const { browser } = await start();
        for (const how of ['cache', 'head']) {
            const { headers } = await browser.visit(`/?use=write&${how}=${encodeURIComponent(cache)}&cdn=max-age=9`);
            expect(headers.getSetCookie(), how).toHaveLength(0);
        }
        const fresh = await (await start()).app
            .browser()
            .visit(`/?use=write&cache=${encodeURIComponent(cache)}&cdn=max-age=9`);
        expect(fresh.headers.getSetCookie()).toHaveLength(1);
        expect(fresh.headers.get('cache-control')).toBe(expected);
        expect(fresh.headers.get('cdn-cache-control')).toBe(null);
    });

    test('a public answer that has to renew the cookie is private this once', async () => {
        vi.useFakeTimers({ toFake: ['Date'] });
        try {
            const app = await sessionApp({ routes, session: { cookie: { maxAge: 3_600_000 } } });
            const browser = app.browser();
            await browser.visit('/?use=write');
            vi.setSystemTime(Date.now() + 600_000);
            const renewing = await browser.visit('/?cache=public, max-age=60');
            expect(renewing.headers.getSetCookie()).toHaveLength(1);
            expect(renewing.headers.get('cache-control')).toBe('private, max-age=60');
            const next = await browser.visit('/?cache=public, max-age=60');
            expect(next.headers.get('cache-control')).toBe('public, max-age=60');
        } finally {
            vi.useRealTimers();
        }
    });

    test.each([
        ['how the session ended', '/ended', 'private, max-age=60'],
        ['its fingerprint', '/fingerprint', 'private, max-age=60'],
        ['a file, of which the route says nothing', '/file', 'private, no-cache'],
        ['something with a cookie of the route’s own', '/language', 'private, max-age=60'],
        ['an error after a save that failed', '/failed', 'private, max-age=60'],
    ])('an answer is for its visitor only that tells %s', async (_what, path, expected) => {
        const { browser } = await start();
        const copy = browser.copy();
        if (path === '/ended') {
            await browser.visit('/destroy', { method: 'POST' });
        }
        const { headers } = await copy.visit(path);
        expect(headers.get('cache-control')).toBe(expected);
        expect(headers.get('vary')).toContain('Cookie');
    });

    test('caches in front that are told otherwise get no Set-Cookie, and a warning where the session was used', async () => {
        const { app } = await start();
        const named = (headers: Headers) => CACHES_IN_FRONT.filter((name) => headers.has(name));
        const storing = await app.browser().visit('/in-front?store');
        expect(storing.headers.getSetCookie()).toHaveLength(1);
        expect(named(storing.headers)).toEqual([]);
        const warnings = () =>
            app.log.filter(({ message }) => message.includes('caches may give it to other visitors'));
        expect(warnings()).toHaveLength(0);
        const using = await app.browser().visit('/in-front');
        expect(named(using.headers), 'the route has its way').toEqual(CACHES_IN_FRONT);
        expect(using.headers.get('cache-control')).toBe('private, no-cache');
        expect(warnings()).toHaveLength(1);
    });
});
