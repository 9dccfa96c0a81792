import type { Router } from 'express';
import { intended, login, requireLogin, requireRecentLogin } from 'sosise';
import { describe, expect, test } from 'vitest';
import { PageBrowser } from './helpers/PageBrowser.js';
import { sessionApp } from './helpers/sessionApp.js';

function routes(router: Router): void {
    router.post('/login', async (request, response) => {
        await login(request, 7);
        response.redirect(303, intended(request, '/home'));
    });
    router.all('/login', requireLogin());
    router.all('/orders{/*path}', requireLogin(), (_request, response) => {
        response.json('orders');
    });
    router.all('/vault', requireRecentLogin({ minutes: 5 }), (_request, response) => {
        response.json('vault');
    });
}

async function visitor(session: Record<string, unknown> = { loginPage: '/login' }) {
    const app = await sessionApp({ routes, session });
    return { app, browser: new PageBrowser(app.url) };
}

const asked = async (response: Promise<Response>) => {
    const { status, headers } = await response;
    return [status, headers.get('location')];
};

describe('who is not logged in', () => {
    test('is led to the login page, with the way back, and nothing is stored for it', async () => {
        const { app, browser } = await visitor();
        const response = await browser.ask('/orders/7?page=2&of=a%20b');
        expect([response.status, response.headers.get('location')]).toEqual([
            303,
            '/login?next=%2Forders%2F7%3Fpage%3D2%26of%3Da%2520b',
        ]);
        expect(response.headers.getSetCookie()).toEqual([]);
        expect(response.headers.get('cache-control')).toBe('private, no-cache');
        expect(response.headers.get('vary')).toMatch(/Accept/);
        expect(await app.client().session()).toBeUndefined();
        expect(await asked(browser.visit('/orders', { method: 'HEAD', headers: { accept: 'text/html' } }))).toEqual([
            303,
            '/login?next=%2Forders',
        ]);
    });

    test('gets the 401 of before where no page would be shown, or none is set', async () => {
        const { browser } = await visitor();
        for (const purpose of ['fetch', 'image', 'frame', 'unknown purpose'] as const) {
            expect(await asked(browser.ask('/orders', purpose)), purpose).toEqual([401, null]);
        }
        const script = { 'x-requested-with': 'XMLHttpRequest' };
        expect(await asked(browser.ask('/orders', 'page', script))).toEqual([401, null]);
        expect(await browser.json('/orders')).toEqual({ code: 401, message: 'Please log in.', data: null });
        expect(await asked(browser.visit('/orders', { method: 'DELETE', headers: { accept: 'text/html' } }))).toEqual([
            401,
            null,
        ]);
        const { browser: unset } = await visitor({});
        expect(await asked(unset.ask('/orders'))).toEqual([401, null]);
    });

    test('who sent a form comes back to the page of it, if it is one of ours', async () => {
        const { browser } = await visitor();
        expect(await asked(browser.submit('/orders', { item: 'tea' }, '/shop?page=2'))).toEqual([
            303,
            '/login?next=%2Fshop%3Fpage%3D2',
        ]);
        expect(await asked(browser.submit('/orders', { item: 'tea' }, 'https://evil.example/shop'))).toEqual([
            303,
            '/login',
        ]);
        expect(await asked(browser.submit('/orders', { item: 'tea' }))).toEqual([303, '/login']);
    });

    test('is not led from the login page to itself', async () => {
        const { browser } = await visitor();
        expect(await asked(browser.ask('/login?next=%2F'))).toEqual([401, null]);
    });

    test('is led by addresses that are no path of ours to the login page alone', async () => {
        const { browser } = await visitor({ loginPage: '/login?from=shop' });
        expect(await asked(browser.ask(`/orders?${'x'.repeat(2_048)}`))).toEqual([303, '/login?from=shop']);
        expect(await asked(browser.ask('/orders'))).toEqual([303, '/login?from=shop&next=%2Forders']);
    });
});

test('who logged in too long ago logs in once more, and comes back', async () => {
    const { app } = await visitor();
    const client = app.client().actingAs(7);
    (await client.get('/vault')).assertOk();
    const { travel } = await import('./helpers/inside/Testing.js');
    travel('6 minutes');
    const led = await client.visit('/vault', { follow: false });
    led.assertStatus(303).assertRedirect('/login?next=%2Fvault');
    (await client.get('/vault')).assertStatus(401).assertJson({ message: /confirm/ });
    const back = await client.submit('/login', { next: '/vault' });
    back.assertRedirect('/vault').assertOk();
});

describe('after the login', () => {
    test.each([
        ['/orders/7?page=2#end', '/orders/7?page=2#end'],
        ['/', '/'],
        ['', '/home'],
        ['orders', '/home'],
        ['//evil.example', '/home'],
        ['/\\evil.example', '/home'],
        ['\\\\evil.example', '/home'],
        ['/orders\\7', '/home'],
        ['/\t/evil.example', '/home'],
        ['/orders\r\nSet-Cookie: a=b', '/home'],
        [' /orders', '/home'],
        ['https://evil.example/orders', '/home'],
        ['javascript:alert(1)', '/home'],
        ['/a/..//evil.example', '/home'],
        ['/%2e%2e//evil.example', '/home'],
        [`/${'x'.repeat(2_048)}`, '/home'],
    ])('the visitor is led to a path of ours only: %j', async (next, path) => {
        const { browser } = await visitor();
        expect(await asked(browser.submit('/login', { next }))).toEqual([303, path]);
        expect(await asked(browser.submit(`/login?next=${encodeURIComponent(next)}`, {}))).toEqual([303, path]);
    });

    test('the form counts before the address, and what is given twice does not count', async () => {
        const { browser } = await visitor();
        expect(await asked(browser.submit('/login?next=/b', { next: '/a' }))).toEqual([303, '/a']);
        expect(await asked(browser.submit('/login?next=/b&next=/c', {}))).toEqual([303, '/home']);
        expect(await asked(browser.visit('/login', { method: 'POST', body: [1] }))).toEqual([303, '/home']);
        expect(() => intended({ query: {} } as never, '//evil.example')).toThrow('needs a path of this application');
    });
});

test.each(['login', '//evil.example', 'https://example.com/login', '/login#form', '', 7])(
    'a login page that is no path of this application stops start-up: %j',
    async (loginPage) => {
        await expect(visitor({ loginPage })).rejects.toThrow(
            /loginPage .*paths of this application, such as '\/login'/,
        );
    },
);
