import { expect, test } from 'vitest';
import { pull } from './helpers/inside/Session.js';
import { sessionApp } from './helpers/sessionApp.js';

test.each(['file', 'memory'])('pull gives a key and deletes it, and leaves the others (%s)', async (driver) => {
    const app = await sessionApp({
        session: { driver },
        routes: (router) => {
            router.get('/store', (request, response) => {
                Object.assign(request.session, { next: '/cart', empty: null, theme: 'dark' });
                response.json(null);
            });
            router.get('/pull/:key', (request, response) => {
                response.json({ value: pull(request, request.params.key), now: request.session[request.params.key] });
            });
            router.get('/keys', (request, response) => response.json(Object.keys(request.session)));
        },
    });
    const visitor = app.browser();
    expect(await visitor.json('/pull/next')).toEqual({});
    expect(visitor.received).toEqual([]);
    await visitor.visit('/store');
    expect(await visitor.json('/pull/next')).toEqual({ value: '/cart' });
    expect(await visitor.json('/pull/next')).toEqual({});
    expect(await visitor.json('/pull/empty')).toEqual({ value: null });
    expect(await visitor.json('/pull/isPrototypeOf')).toEqual({});
    expect(await visitor.json('/keys')).toEqual(['cookie', 'theme']);
    expect((await visitor.visit('/pull/cookie')).status).toBe(500);
    expect(app.log.find(({ level }) => level === 'error')?.message).toContain('cookie is used by the session itself');
});

test('pull without sessions says what to do', async () => {
    const app = await sessionApp({
        session: { enabled: false },
        routes: (router) => {
            router.get('/', (request, response) => response.json(pull(request, 'next')));
        },
    });
    expect((await app.browser().visit('/')).status).toBe(500);
    expect(app.log.find(({ level }) => level === 'error')?.message).toContain('pull() needs a session: set enabled');
});
