import type { Router } from 'express';
import { authenticatedUser, isDeviceBound, login, logout, requireBoundDevice, requireLogin } from 'sosise';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type BrowserContext, describeInChromium, openTolerantBrowser, type Page } from './helpers/chromium.js';
import { httpsProxy, type Keys, selfSigned, trusting } from './helpers/httpsProxy.js';
import { sessionApp, temporaryFolder } from './helpers/sessionApp.js';

/*
 * Software keys take the place of the device's hardware. It needs https, also on this machine: over plain http Chromium 150 takes
 * the header of the registration on localhost, and 156 ignores it.
 */
const FEATURES = [
    'DeviceBoundSessions:RequireOriginTrialTokens/false/RefreshQuota/false',
    'EnableBoundSessionCredentialsSoftwareKeysForManualTesting',
];
const MINUTE_MS = 60_000;
const COOKIE = '__Host-sosise-device';

function routes(router: Router): void {
    router.get('/login', async (request, response) => {
        await login(request, 'anna');
        response.type('html').send('<title>in</title>');
    });
    router.get('/bound', (request, response) => {
        response.json(isDeviceBound(request));
    });
    router.get('/me', (request, response) => {
        response.json(authenticatedUser(request) ?? null);
    });
    router.get('/members', requireLogin(), (_request, response) => {
        response.type('html').send('<title>members</title>');
    });
    router.post('/vault', requireBoundDevice(), (_request, response) => {
        response.json('gold');
    });
    router.get('/logout', async (request, response) => {
        await logout(request);
        response.type('html').send('<title>out</title>');
    });
}

function linkTo(router: Router, url: string): void {
    router.get('/', (_request, response) => {
        response.type('html').send(`<a href="${url}">members</a>`);
    });
}

async function open(keys: Keys): Promise<BrowserContext> {
    const flags = [`--enable-features=${FEATURES.join(',')}`, trusting(keys)];
    const browser = await openTolerantBrowser(temporaryFolder(), { flags, hosts: ['*.test'] });
    onTestFinished(() => browser.close());
    return browser;
}

const isBound = async (browser: BrowserContext) => (await browser.cookies()).some(({ name }) => name === COOKIE);
const textOf = async (page: Page, path: string) => (await page.goto(path))?.text();

describeInChromium('device-bound sessions in Chromium', () => {
    test('a login is bound, the cookie is renewed when it is missing, and copied cookies are worth nothing', async (context) => {
        const app = await sessionApp({
            environment: 'production',
            http: { trustProxy: 'loopback' },
            session: { deviceBound: true, driver: 'file', name: undefined, loginPage: '/ask' },
            routes,
        });
        const keys = selfSigned();
        const url = `https://shop.test:${await httpsProxy(app.url, keys)}`;
        const browser = await open(keys);
        const page = browser.pages()[0] ?? (await browser.newPage());
        await page.goto(`${url}/login`);
        const version = browser.browser()?.version() ?? '';
        const until = Date.now() + 5_000;
        while (!(await isBound(browser)) && Date.now() < until) {
            await page.waitForTimeout(50);
        }
        const began = await isBound(browser);
        context.skip(!began, `Chromium ${version} ignores Secure-Session-Registration here`);

        expect(await textOf(page, `${url}/bound`)).toBe('true');
        const copied = (await browser.cookies()).map(({ name, value }) => `${name}=${value}`);
        const thief = (path: string, cookies = copied) =>
            fetch(`${app.url}${path}`, { headers: { cookie: cookies.join('; ') }, redirect: 'manual' });
        expect(await (await thief('/me', copied.slice(0, 1))).json()).toBeNull();

        // Gone at the browser, as after ten minutes: page, fetch, and a link of another site.
        await browser.clearCookies({ name: COOKIE });
        expect(await textOf(page, `${url}/me`)).toBe('"anna"');
        await browser.clearCookies({ name: COOKIE });
        const vault = () => fetch('/vault', { method: 'POST' }).then((response) => response.json());
        expect(await page.evaluate(vault)).toBe('gold');
        const elsewhere = (await sessionApp({ routes: (router) => linkTo(router, `${url}/members`) })).url;
        await page.goto(elsewhere.replace('127.0.0.1', 'other.test'));
        await browser.clearCookies({ name: COOKIE });
        await page.click('a');
        await expect.poll(() => page.title()).toBe('members');

        // Ten minutes on, what was copied is of the past, and the browser goes on.
        vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 12 * MINUTE_MS });
        onTestFinished(() => {
            vi.useRealTimers();
        });
        expect((await thief('/members')).status).toBe(401);
        await browser.clearCookies({ name: COOKIE });
        expect(await textOf(page, `${url}/me`)).toBe('"anna"');

        await page.goto(`${url}/logout`);
        expect(await isBound(browser)).toBe(false);
        expect(await textOf(page, `${url}/me`)).toBe('null');
    });
});
