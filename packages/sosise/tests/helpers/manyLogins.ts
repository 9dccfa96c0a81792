import type { Router } from 'express';
import { Browser } from './Browser.js';
import { authenticatedUser, login } from './inside/Session.js';

const LOGINS = 50;

export function limitRoutes(router: Router): void {
    router.post('/login/:user', async (request, response) => {
        await login(request, request.params.user);
        response.json('welcome');
    });
    router.get('/me', (request, response) => {
        response.json({ user: authenticatedUser(request) ?? null, ended: request.sessionEnded ?? null });
    });
}

/** 50 logins of one user at once, each in a browser of its own, at one of the addresses. Gives those that are logged in then. */
export async function manyLogins(
    urls: readonly string[],
    user: string,
): Promise<{ statuses: ReadonlySet<number>; alive: number }> {
    const browsers = Array.from({ length: LOGINS }, (_, n) => new Browser(urls[n % urls.length] as string));
    const login = async (browser: Browser) => (await browser.visit(`/login/${user}`, { method: 'POST' })).status;
    const statuses = new Set(await Promise.all(browsers.map(login)));
    const found = await Promise.all(browsers.map((browser) => browser.json('/me')));
    return { statuses, alive: found.filter((each) => each['user'] === user).length };
}
