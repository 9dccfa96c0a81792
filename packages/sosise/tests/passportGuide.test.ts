import type { Router } from 'express';
import { authenticatedUser, type MiddlewareClass, middleware, SessionRegistry } from 'sosise';
import { expect, test } from 'vitest';
import { guideFolder } from './docs/guideFolder.js';
import { sessionApp } from './helpers/sessionApp.js';

/** docs/passport.md, as written there. */

const right = { method: 'POST', body: { name: 'ada', password: 'correct horse' } };
const post = (body: object = {}) => ({ method: 'POST', body });

const routesOf = async (path: string) =>
    (await guideFolder('docs/passport.md').load<{ default: Router }>(path)).default;

const cart = (router: Router) => {
    router.post('/cart', (request, response) => {
        request.session['cart'] = ['tea'];
        response.json('stored');
    });
    router.get('/seen', (request, response) => {
        const { user, session } = request;
        response.json({ passport: user ?? null, ours: authenticatedUser(request) ?? null, cart: session?.['cart'] });
    });
};

test('passport checks the password, and login() keeps the session', async () => {
    const routes = await routesOf('src/routes/api.ts');
    const app = await sessionApp({
        routes: (router) => {
            cart(router);
            router.use(routes);
        },
    });
    const browser = app.browser();
    expect((await browser.visit('/me')).status).toBe(401);
    const wrong = await browser.visit('/login', post({ name: 'ada', password: 'guess' }));
    expect([wrong.status, await wrong.text()]).toEqual([401, 'Unauthorized']);
    await browser.visit('/cart', post());
    const before = browser.copy();
    expect((await browser.visit('/login', right)).status).toBe(200);
    expect(await browser.json('/me')).toMatchObject({ data: '7' });
    expect(await browser.json('/seen')).toMatchObject({ passport: null, ours: '7', cart: ['tea'] });
    expect((await before.visit('/me')).status).toBe(401);
    expect(await app.app.container.make(SessionRegistry).list(7)).toHaveLength(1);
    await browser.visit('/logout', post());
    expect((await browser.visit('/me')).status).toBe(401);
});

/** The middleware and the routes of the guide's part with passport. */
async function guideParts() {
    const guide = guideFolder('docs/passport.md');
    const { default: Passport } = await guide.load<{ default: MiddlewareClass }>(
        'src/app/Http/Middlewares/PassportMiddleware.ts',
    );
    const { default: routes } = await guide.load<{ default: Router }>('src/routes/login.ts');
    return { Passport, routes };
}

test('passport keeps its user in the same session', async () => {
    const { Passport, routes } = await guideParts();
    const app = await sessionApp({
        routes: (router) => {
            router.use(middleware(Passport));
            cart(router);
            router.use(routes);
            router.post('/their-logout', (request, response, next) => {
                request.logout({ keepSessionInfo: true }, (error) => (error ? next(error) : response.json('bye')));
            });
        },
    });
    const browser = app.browser();
    expect(await browser.json('/seen')).toEqual({ passport: null, ours: null });
    expect(browser.received).toEqual([]);
    await browser.visit('/cart', post());
    await browser.visit('/login', right);
    expect(await browser.json('/seen')).toEqual({ passport: { id: 7 }, ours: '7', cart: ['tea'] });
    await browser.visit('/their-logout', post());
    expect(await browser.json('/seen')).toEqual({ passport: null, ours: null, cart: ['tea'] });
});

test('a login that is refused does not leave its user to passport', async () => {
    const { Passport, routes } = await guideParts();
    const app = await sessionApp({
        session: { driver: 'memory', registry: { max: 1, whenFull: 'refuse' } },
        routes: (router) => {
            router.use(middleware(Passport));
            cart(router);
            router.use(routes);
        },
    });
    const [one, two] = [app.browser(), app.browser()];
    expect((await one.visit('/login', right)).status).toBe(200);
    expect((await two.visit('/login', right)).status).toBe(409);
    expect(await two.json('/seen')).toEqual({ passport: null, ours: null });
    expect(await one.json('/seen')).toMatchObject({ passport: { id: 7 }, ours: '7' });
});
