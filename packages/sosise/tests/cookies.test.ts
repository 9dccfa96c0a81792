import type { Router } from 'express';
import { describe, expect, test } from 'vitest';
import type { Browser } from './helpers/Browser.js';
import { createKernel, type SessionAppOptions, sessionApp } from './helpers/sessionApp.js';

const HTTPS = { headers: { 'x-forwarded-proto': 'https' } };
const MB = 'x'.repeat(4096);

function routes(router: Router): void {
    router.get('/', (request, response) => {
        request.session['a'] = 1;
        response.json('stored');
    });
    router.get('/long-path', (request, response) => {
        request.session['a'] = 1;
        request.session.cookie.path = `/${MB}`;
        response.json('stored');
    });
}

const production = (session: object = {}): SessionAppOptions => ({
    environment: 'production',
    http: { trustProxy: 1 },
    session: { name: undefined, ...session },
    routes,
});

async function firstCookie(options: SessionAppOptions, path = '/'): Promise<string> {
    const browser: Browser = (await sessionApp(options)).browser();
    await browser.visit(path, HTTPS);
    return browser.received[0] ?? '';
}

const refusal = (session: object, environment: 'production' | 'test' = 'production') => {
    try {
        createKernel({ environment, session: { name: undefined, ...session } });
        return 'accepted';
    } catch (error) {
        return (error as Error).message;
    }
};

describe('the cookie in production', () => {
    test('is Secure, HttpOnly, SameSite=Lax, for the whole site, and bound to this host by its name', async () => {
        const line = await firstCookie(production());
        expect(line).toMatch(/^__Host-sosise=s%3A[\w-]{32}\.[\w%+-]+; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
        expect(line.length).toBeLessThan(4096);
    });

    test.each([
        ['a domain', { cookie: { domain: 'example.com' } }, '__Secure-sosise'],
        ['a path', { cookie: { path: '/shop' } }, '__Secure-sosise'],
        ['plain http', { cookie: { secure: false } }, 'sosise'],
        ['secure: auto', { cookie: { secure: 'auto' } }, 'sosise'],
    ])('has the name that browsers accept with %s', async (_what, session, name) => {
        const path = 'path' in session.cookie ? '/shop' : '/';
        const options = production(session);
        const line = await firstCookie(
            {
                ...options,
                routes: (router) =>
                    router.get(path, (request, response) => {
                        request.session['a'] = 1;
                        response.json('stored');
                    }),
            },
            path,
        );
        expect(line.split('=')[0]).toBe(name);
    });

    test('has the name that is set', async () => {
        expect(await firstCookie(production({ name: 'shop' }))).toMatch(/^shop=/);
        expect(await firstCookie(production({ name: '__Secure-shop' }))).toMatch(/^__Secure-shop=.*; Secure/);
    });

    test('is found again under its name', async () => {
        const app = await sessionApp({
            ...production(),
            routes: (router) =>
                router.get('/', (request, response) => {
                    request.session['visits'] = Number(request.session['visits'] ?? 0) + 1;
                    response.json(request.session['visits']);
                }),
        });
        const browser = app.browser();
        expect(await browser.json('/', HTTPS)).toBe(1);
        expect(await browser.json('/', HTTPS)).toBe(2);
    });

    test('development on plain http goes without the prefix', async () => {
        expect(await firstCookie({ environment: 'development', session: { name: undefined }, routes })).toMatch(
            /^sosise=.*; HttpOnly; SameSite=Lax$/,
        );
    });
});

describe('a cookie that browsers would drop stops start-up', () => {
    test.each([
        [{ cookie: { sameSite: 'none', secure: false } }, "cookie.sameSite is 'none'"],
        [{ cookie: { partitioned: true, secure: false } }, 'cookie.partitioned is true'],
        [{ name: '__Host-a', cookie: { domain: 'example.com' } }, 'name begins with __Host-'],
        [{ name: '__Host-a', cookie: { path: '/shop' } }, 'name begins with __Host-'],
        [{ name: '__Host-a', cookie: { secure: false } }, 'name begins with __Host-'],
        [{ name: '__Secure-a', cookie: { secure: false } }, 'name begins with __Secure-'],
        [{ name: '__host-a', cookie: { path: '/shop' } }, 'name begins with __host-'],
        [{ name: '__Http-a', cookie: { httpOnly: false } }, 'name begins with __Http-'],
        [{ name: '__Host-Http-a', cookie: { httpOnly: false } }, 'name begins with __Http-'],
        [{ name: '__Http-a', cookie: { secure: false } }, 'name begins with __Http-'],
        [{ cookie: { expires: new Date(0) } }, 'cookie.expires is in the past'],
        [{ cookie: { path: `/${MB}` } }, 'browsers drop those above 4096'],
        [{ name: 'n'.repeat(4096) }, 'browsers drop those above 4096'],
    ])('%j', (session, message) => {
        expect(refusal(session)).toContain(`src/config/session.ts: ${message.startsWith('browsers') ? '' : message}`);
        expect(refusal(session)).toContain(message);
    });

    test.each([
        [{ cookie: { sameSite: 'none' } }],
        [{ cookie: { sameSite: 'none', secure: 'auto' } }],
        [{ cookie: { partitioned: true } }],
        [{ name: '__Host-a' }],
        [{ name: '__Host-Http-a' }],
        [{ cookie: { expires: new Date(Date.now() + 86_400_000) } }],
        [{ name: '__Secure-a', cookie: { domain: 'example.com' } }],
    ])('and one that they take does not: %j', (session) => {
        expect(refusal(session)).toBe('accepted');
    });

    test('sameSite none without https is refused in development too', () => {
        expect(refusal({ cookie: { sameSite: 'none' } }, 'test')).toContain('Set cookie.secure to true');
    });

    test('one that a route makes too long is an error, and is not sent', async () => {
        const app = await sessionApp(production());
        const answer = await app.browser().visit('/long-path', HTTPS);
        expect(answer.status).toBe(500);
        expect(answer.headers.getSetCookie()).toEqual([]);
        expect(app.log.map(({ message }) => message).join()).toContain('browsers drop those above 4096');
    });
});
