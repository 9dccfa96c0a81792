import { Router } from 'express';
import { authenticatedUser, login, requireLogin } from 'sosise';
import { expect, test } from 'vitest';
import { createTestApp } from '../helpers/createTestApp.js';

/** A shop, to show how a visit is tested. Your own routes are in src/routes/api.ts, and need no `routes` here. */
function shop(router: Router) {
    router.post('/cart', (request, response) => {
        request.session['exampleCart'] = { item: request.body.item, amount: 1 };
        response.redirect(303, '/cart');
    });
    router.get('/cart', (request, response) => {
        response.json({ code: 1000, message: 'Your cart', data: request.session['exampleCart'] ?? null });
    });
    router.post('/login', async (request, response) => {
        await login(request, request.body.user);
        response.json({ code: 1000, message: 'Welcome', data: null });
    });
    router.get('/orders', requireLogin(), (request, response) => {
        response.json({ code: 1000, message: 'Your orders', data: { user: authenticatedUser(request) } });
    });
}

/** The timeouts of this test, whatever the application's are: two hours idle, and a cookie until the browser closes. */
const session = { enabled: true, idle: 2 * 60 * 60 * 1000, cookie: { maxAge: null } };

/** Your own keys, with types of your own, are in src/types/session.d.ts. */
const exampleCart = { item: 'tea', amount: 1 };

const openShop = () => createTestApp({ session }, { routes: shop });

test('Ann fills a cart, and Bob, who comes at the same time, has his own', async () => {
    const app = await openShop();
    const ann = app.client();
    const bob = app.client();

    (await ann.submit('/cart', { item: 'tea' })).assertRedirect('/cart').assertJson({ data: { item: 'tea' } });
    (await bob.submit('/cart', { item: 'coffee' })).assertRedirect('/cart').assertJson({ data: { item: 'coffee' } });

    expect(await ann.session()).toEqual({ exampleCart });
});

test('she logs in, and the cart comes along', async () => {
    const app = await openShop();
    const ann = app.client().withSession({ exampleCart });
    (await ann.get('/orders')).assertStatus(401);

    (await ann.post('/login', { json: { user: 'ann' } })).assertOk();

    (await ann.get('/orders')).assertJson({ data: { user: 'ann' } });
    expect(await ann.session()).toEqual({ exampleCart });
});

test('she comes back after lunch and is still logged in; the next day she is not', async () => {
    const app = await openShop();
    const ann = app.client().withSession({ exampleCart }).actingAs('ann');
    (await ann.get('/orders')).assertOk();

    app.travel('1 hour');
    (await ann.get('/orders')).assertOk();

    app.travel('1 day');
    (await ann.get('/orders')).assertStatus(401);
    (await ann.get('/cart')).assertJson({ data: null });
});

test('while she is logged in, another site can not put anything into her cart', async () => {
    const app = await openShop();
    const ann = app.client().withSession({ exampleCart }).actingAs('ann');

    await ann.crossSite().submit('/cart', { item: 'a trap' });

    expect(await ann.session()).toEqual({ exampleCart });
});
