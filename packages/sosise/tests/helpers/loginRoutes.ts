import type { Router } from 'express';
import { authenticatedUser, increment, isDeviceBound, login, logout, requireBoundDevice, requireLogin } from 'sosise';

/** What tests of logins ask besides the login itself: to leave, to put something into the session, and who one is. */
export function loginRoutes(router: Router): void {
    router.post('/logout', async (request, response) => {
        await logout(request);
        response.json('bye');
    });
    router.post('/put', (request, response) => {
        Object.assign(request.session, request.body);
        response.json('put');
    });
    router.get('/me', (request, response) => {
        const { cookie, ...data } = request.session;
        response.json({ user: authenticatedUser(request) ?? null, data, ended: request.sessionEnded ?? null });
    });
}

/** The same with a login by name, and something to count. */
export function memberRoutes(router: Router): void {
    loginRoutes(router);
    router.post('/login', async (request, response) => {
        await login(request, request.body.user);
        response.json('welcome');
    });
    router.post('/count', (request, response) => {
        increment(request, 'count');
        response.json('counted');
    });
}

/** Those of members, a new id, and what asks for the device. */
export function deviceRoutes(router: Router): void {
    memberRoutes(router);
    router.post('/migrate', async (request, response) => {
        await request.session.migrate();
        response.json('moved');
    });
    router.get('/bound', (request, response) => {
        response.json(isDeviceBound(request));
    });
    router.get('/members', requireLogin(), (request, response) => {
        response.json(authenticatedUser(request));
    });
    router.get('/vault', requireBoundDevice(), (_request, response) => {
        response.json('gold');
    });
}
