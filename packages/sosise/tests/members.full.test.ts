import { createServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { SessionRegistry } from 'sosise';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Browser, type BrowserContext, describeInChromium, openBrowser, type Page } from './helpers/chromium.js';
import { httpsProxy, listenUntilEnd, selfSigned } from './helpers/httpsProxy.js';
import type { SessionAppOptions } from './helpers/sessionApp.js';
import { type MembersApp, membersApp } from './membersApp.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** The members' site under a name of its own, and the sites of others beside it. */
interface Site {
    readonly app: MembersApp;
    readonly origin: string;
    readonly cookie: string;
    /** Serves a page of somebody else's under a host name. Gives its address. */
    other(host: string, html?: string): Promise<string>;
}

const SITES: [string, (options?: SessionAppOptions) => Promise<Site>][] = [
    ['plain http', plainSite],
    ['https in production', secureSite],
];

/** Where browsers say nothing in Sec-Fetch-Site, as everywhere on plain http but for localhost: Origin has to do. */
async function plainSite(options: SessionAppOptions = {}): Promise<Site> {
    const app = await membersApp(options);
    return {
        app,
        origin: `http://members.test:${new URL(app.url).port}`,
        cookie: 'sosise',
        other: async (host, html = '') => `http://${host}:${await listenUntilEnd(otherSite(html))}`,
    };
}

/** As it is run in earnest: a proxy in front speaks https, and the cookie is secure and bound to the host. */
async function secureSite(options: SessionAppOptions = {}): Promise<Site> {
    const app = await membersApp({
        ...options,
        environment: 'production',
        http: { trustProxy: 'loopback' },
        session: { name: undefined, ...options.session },
    });
    const keys = selfSigned();
    return {
        app,
        origin: `https://members.test:${await httpsProxy(app.url, keys)}`,
        cookie: '__Host-sosise',
        other: async (host, html = '') =>
            `https://${host}:${await listenUntilEnd(createHttpsServer(keys, show(html)))}`,
    };
}

function otherSite(html: string): Server {
    return createServer(show(html));
}

function show(html: string): Parameters<typeof createServer>[1] & object {
    return (_request, response) => response.setHeader('Content-Type', 'text/html').end(html);
}

let chromium: Browser;

/** Somebody's browser, which shares nothing with the others. */
async function visitor(browser = chromium): Promise<BrowserContext> {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    context.setDefaultTimeout(10_000);
    onTestFinished(() => context.close());
    return context;
}

/** Fills in the login form that is shown. */
async function logIn(page: Page, password = 'secret'): Promise<void> {
    await page.fill('[name=user]', 'mia');
    await page.fill('[name=password]', password);
    await click(page, 'Log in');
}

/** A browser whose visitor has logged in, with the members' page open. */
async function member(site: Site, context?: BrowserContext): Promise<Page> {
    const page = await (context ?? (await visitor())).newPage();
    await page.goto(`${site.origin}/members`);
    await logIn(page);
    expect(await page.title()).toBe('Members');
    return page;
}

async function click(page: Page, text: string): Promise<void> {
    const loaded = page.waitForEvent('load');
    await page
        .locator('button, a')
        .getByText(text, { exact: true })
        .or(page.getByText(text, { exact: true }))
        .last()
        .click();
    await loaded;
}

/** A form that sends this to an address. */
function hidden(action: string, values: Record<string, string>): string {
    const fields = Object.entries(values).map(([name, value]) => `<input name="${name}" value="${value}">`);
    return `<form method="post" action="${action}">${fields.join('')}</form>`;
}

/** Sends the form on a page. Gives the status of the answer. */
async function submit(page: Page, action: string): Promise<number> {
    const answer = page.waitForResponse(action);
    const shown = page.waitForURL(`${new URL(action).origin}/**`);
    await page.evaluate('document.forms[0].submit()');
    await shown;
    return (await answer).status();
}

const titleAt = async (page: Page, address: string) => {
    await page.goto(address);
    return page.title();
};

/** What the login page says of the session that ended. */
const endedIn = async (page: Page) => {
    expect(await page.title()).toBe('Log in');
    const [told] = await page.locator('#ended').all();
    return told?.getAttribute('data-reason');
};

describeInChromium('the members’ site in two browsers', () => {
    beforeAll(async () => {
        chromium = await openBrowser({ hosts: ['*.test'] });
    });
    afterAll(() => chromium?.close());
    afterEach(() => {
        vi.useRealTimers();
    });

    describe.each(SITES)('on %s', (_kind, openSite) => {
        test('a member logs in, sees it, changes the password, and logs out', async () => {
            const site = await openSite();
            const page = await member(site);
            expect(await page.locator('li').allTextContents()).toEqual([expect.stringContaining('(this one)')]);
            const [cookie] = await page.context().cookies();
            expect(cookie).toMatchObject({
                name: site.cookie,
                domain: 'members.test',
                path: '/',
                httpOnly: true,
                secure: site.cookie.startsWith('__Host-'),
                sameSite: 'Lax',
            });
            expect(await page.evaluate('document.cookie')).toBe('');
            await click(page, 'Change my password');
            await page.fill('[name=password]', 'better');
            await click(page, 'Change');
            expect(await page.title()).toBe('Members');
            await click(page, 'Log out');
            expect(await endedIn(page)).toBe(undefined);
            expect(await page.context().cookies()).toEqual([]);
            await logIn(page, 'secret');
            expect(await page.locator('#message').textContent()).toBe('Name or password is wrong.');
            await logIn(page, 'better');
            expect(await page.title()).toBe('Members');
        });

        test('a session that was planted in the browser is not logged in along with its owner', async () => {
            const site = await openSite();
            const attacker = await visitor();
            await (await attacker.newPage()).goto(`${site.origin}/members`);
            const planted = (await attacker.cookies()).map(({ expires: _expires, ...cookie }) => cookie);
            expect(planted).toHaveLength(1);
            const victim = await visitor();
            await victim.addCookies(planted);
            const page = await member(site, victim);
            expect(await page.title()).toBe('Members');
            expect((await victim.cookies())[0]?.value).not.toBe(planted[0]?.value);
            const [tab] = attacker.pages();
            await tab?.reload();
            expect(await tab?.title()).toBe('Log in');
        });

        test('nor is one that a neighbouring host has planted', async () => {
            const site = await openSite();
            const attacker = await visitor();
            await (await attacker.newPage()).goto(`${site.origin}/members`);
            const [planted] = await attacker.cookies();
            const victim = await visitor();
            const page = await victim.newPage();
            await page.goto(await site.other('blog.members.test'));
            await page.evaluate(
                `for (const domain of ['; domain=members.test', '']) {
                    document.cookie = ${JSON.stringify(`${planted?.name}=${planted?.value}; path=/; secure`)} + domain;
                    document.cookie = ${JSON.stringify(`${planted?.name}=${planted?.value}; path=/`)} + domain;
                }`,
            );
            await page.goto(`${site.origin}/members`);
            await logIn(page);
            // On plain http the browser takes it and sends it first: what it names has ended with the login, and theirs counts.
            expect(await page.title()).toBe('Members');
            expect(await titleAt(attacker.pages()[0] as Page, `${site.origin}/members`)).toBe('Log in');
        });

        test('“log out my other browsers” does so on their very next click, and their login page says why', async () => {
            const site = await openSite();
            const [phone, laptop] = [await member(site), await member(site)];
            expect(await laptop.locator('li').allTextContents()).toEqual([
                expect.not.stringContaining('(this one)'),
                expect.stringContaining('(this one)'),
            ]);
            await click(laptop, 'Log out my other browsers');
            expect(await laptop.locator('li').allTextContents()).toEqual([expect.stringContaining('(this one)')]);
            await click(phone, 'Change my password');
            expect(await endedIn(phone)).toBe('revoked');
            await phone.goto(`${site.origin}/login`);
            expect(await endedIn(phone), 'once: what was asked for is remembered in a new session').toBe(undefined);
            await logIn(phone);
            expect(await phone.title()).toBe('Change my password'); // what was asked for
            await phone.goto(`${site.origin}/members`);
            expect(await phone.locator('li').count()).toBe(2);
            await click(phone, 'Log out');
            expect(await endedIn(phone), 'and not when it ended otherwise').toBe(undefined);
        });

        test('an idle session and one that is too old end, and the login page says which', async () => {
            vi.useFakeTimers({ toFake: ['Date'] });
            const later = (ms: number) => vi.setSystemTime(Date.now() + ms);
            const site = await openSite({ session: { idle: HOUR, absolute: 3 * HOUR } });
            const page = await member(site);
            later(HOUR - MINUTE);
            await page.reload();
            expect(await page.title()).toBe('Members');
            later(HOUR + MINUTE);
            await page.reload();
            expect(await endedIn(page)).toBe('idle');
            await logIn(page);
            for (let used = 0; used < 3; used += 1) {
                expect(await titleAt(page, `${site.origin}/members`)).toBe('Members');
                later(50 * MINUTE);
            }
            await page.reload();
            later(31 * MINUTE);
            await page.reload();
            expect(await endedIn(page)).toBe('absolute');
            await logIn(page);
            expect(await page.title()).toBe('Members');
        });

        test('what matters most asks for a new login, and goes on where it was', async () => {
            vi.useFakeTimers({ toFake: ['Date'] });
            const site = await openSite();
            const page = await member(site);
            vi.setSystemTime(Date.now() + 6 * MINUTE);
            await click(page, 'Change my password');
            expect(await page.locator('#message').textContent()).toContain('log in once more');
            expect(await titleAt(page, `${site.origin}/members`), 'meanwhile').toBe('Members');
            await page.goBack();
            await logIn(page);
            expect(await page.title()).toBe('Change my password');
            await page.fill('[name=password]', 'better');
            await click(page, 'Change');
            expect(site.app.passwords.get('mia')).toBe('better');
            expect(await page.locator('li').count(), 'one session, whose id has changed').toBe(1);
        });

        test('a new password logs the other browsers out', async () => {
            const site = await openSite();
            const [phone, laptop] = [await member(site), await member(site)];
            await click(laptop, 'Change my password');
            await laptop.fill('[name=password]', 'better');
            await click(laptop, 'Change');
            expect(await laptop.title()).toBe('Members');
            await phone.reload();
            expect(await endedIn(phone)).toBe('revoked');
        });

        test('after logout neither the back button nor a reload in another tab shows the members’ page', async () => {
            const site = await openSite();
            const page = await member(site);
            const tab = await page.context().newPage();
            expect(await titleAt(tab, `${site.origin}/members`)).toBe('Members');
            await click(page, 'Log out');
            await page.goBack();
            expect(await page.title()).toBe('Log in');
            await tab.reload();
            expect(await tab.title()).toBe('Log in');
        });

        test.each([
            ['of another site, whose forms come without the cookie', 'evil.test', 401],
            ['of a neighbouring host, whose forms have it with them', 'blog.members.test', 403],
        ])('a page %s, changes nothing by form, fetch or link', async (_who, host, status) => {
            const site = await openSite();
            const page = await member(site);
            const elsewhere = await page.context().newPage();
            for (const target of ['/password', '/logout-others', '/logout']) {
                await elsewhere.goto(await site.other(host, hidden(site.origin + target, { password: 'evil' })));
                const answer = await submit(elsewhere, site.origin + target);
                expect(answer, target).toBe(target === '/logout' && status === 401 ? 303 : status);
                expect(await titleAt(elsewhere, `${site.origin}/members`), target).toBe('Members');

                const refused = () =>
                    site.app.log.filter(({ message }) => message.includes('Blocked by CSRF protection')).length;
                const before = refused();
                await elsewhere.goto(await site.other(host, `<a href="${site.origin}${target}">Click</a>`));
                await elsewhere.evaluate(
                    `Promise.allSettled([
                        { mode: 'no-cors', body: new URLSearchParams('password=evil') },
                        { mode: 'no-cors', body: '{"password":"evil"}' },
                        { body: '{"password":"evil"}', headers: { 'content-type': 'application/json' } },
                    ].map((init) => fetch('${site.origin}${target}', { method: 'POST', credentials: 'include', ...init })))`,
                );
                expect(refused() - before, 'of those that were sent').toBe(status === 403 ? 2 : 0);
                await click(elsewhere, 'Click');
                expect(await titleAt(elsewhere, `${site.origin}/members`), target).toBe('Members');
            }
            expect(site.app.passwords.get('mia')).toBe('secret');
        });

        test('another site can not log a visitor in as somebody else', async () => {
            const site = await openSite();
            for (const host of ['evil.test', 'blog.members.test']) {
                const page = await (await visitor()).newPage();
                const credentials = { user: 'mia', password: 'secret' };
                await page.goto(await site.other(host, hidden(`${site.origin}/login`, credentials)));
                expect(await submit(page, `${site.origin}/login`)).toBe(403);
                expect(await titleAt(page, `${site.origin}/members`)).toBe('Log in');
            }
            expect(await site.app.app.container.make(SessionRegistry).list('mia')).toEqual([]);
        });
    });

    test('nor does a back button that brings whole pages back, as outside of tests', async () => {
        const { chromium: launcher } = await import('playwright-core');
        const browser = await launcher.launch({
            executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
            args: ['--no-sandbox', '--host-resolver-rules=MAP *.test 127.0.0.1'],
            ignoreDefaultArgs: ['--disable-back-forward-cache'],
        });
        onTestFinished(() => browser.close());
        const site = await secureSite();
        const page = await member(site, await visitor(browser));
        await click(page, 'Log out');
        await page.evaluate('history.back()');
        await page.waitForURL(`${site.origin}/members`);
        await page.waitForFunction("document.title === 'Log in'");
    });
});
