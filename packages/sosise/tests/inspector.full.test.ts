import { realpathSync } from 'node:fs';
import type { Request, Router } from 'express';
import { login } from 'sosise';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { DevServer } from './DevServer.js';
import { CopiedApp } from './docs/CopiedApp.js';
import { findingsOn } from './helpers/axe.js';
import { type Browser, type BrowserContext, describeInChromium, openBrowser, type Page } from './helpers/chromium.js';
import type { SessionApp } from './helpers/sessionApp.js';
import { developed, INSPECTOR, layerOf } from './inspectorApp.js';

const root = realpathSync(new URL('../../..', import.meta.url));
const DESK = { width: 1200, height: 860 };
const PHONE = { width: 390, height: 844 };

function shop(router: Router): void {
    router.get('/', (request, response) => {
        response.send(`<!doctype html><title>Shop</title><link rel="icon" href="data:,"><p id="cart">${JSON.stringify(request.session['cart'] ?? null)}</p>
<form method="post" action="/cart"><button>Add tea</button></form>
<form method="post" action="/login"><button>Log in</button></form>`);
    });
    router.post('/cart', (request, response) => {
        const cart = (request.session['cart'] ?? {}) as Record<string, number>;
        request.session['cart'] = { ...cart, tea: (cart['tea'] ?? 0) + 1 };
        response.redirect(303, '/');
    });
    router.post('/login', async (request, response) => {
        await login(request, 'ann');
        response.redirect(303, '/');
    });
}

describeInChromium('the session inspector in Chromium', () => {
    let browser: Browser;

    beforeAll(async () => {
        browser = await openBrowser();
    });

    afterAll(() => browser?.close());

    /** A browser of its own, with the inspector in one tab and the application in another. */
    async function sitDown(url: string, options: object = {}) {
        const context = await browser.newContext({ viewport: DESK, ...options });
        onTestFinished(() => context.close());
        const complaints: string[] = [];
        const open = async (path: string) => {
            const page = await context.newPage();
            page.on('pageerror', (error) => complaints.push(String(error)));
            page.on('console', (message) => /error|warning/.test(message.type()) && complaints.push(message.text()));
            await page.goto(`${url}${path}`);
            return page;
        };
        return { context, complaints, inspector: await open(INSPECTOR), shop: await open('/') };
    }

    const press = (page: Page, button: string) =>
        Promise.all([page.waitForEvent('load'), page.getByRole('button', { name: button, exact: true }).click()]);
    const row = (page: Page, text: string) => page.locator('#requests > li', { hasText: text }).first();
    const cookieIn = async (context: BrowserContext) => (await context.cookies()).find(({ name }) => name === 'sosise');
    const cartIn = async (page: Page) => {
        await page.reload();
        return page.textContent('#cart');
    };

    test('what the application does in one tab shows up in the other, at once', async () => {
        const app = await developed({ routes: shop, session: { driver: 'file' } });
        const { inspector, shop: tab, complaints } = await sitDown(app.url);
        await inspector.getByText('sent no session cookie').waitFor();

        await press(tab, 'Add tea');

        await row(inspector, '/cart').waitFor();
        const shown = (await row(inspector, '/cart').textContent()) ?? '';
        expect(shown).toMatch(/cart: \{"tea":1\}/);
        expect(shown).toMatch(/begins.*303\s*new/s);
        await inspector.getByText('cart {1}').waitFor();
        await vi.waitFor(async () => expect(await row(inspector, '/cart').getAttribute('class')).toContain('mine'));
        expect(await inspector.textContent('[data-ends]')).toMatch(/\d+ (?:h|min)/);

        await press(tab, 'Add tea');
        await row(inspector, 'cart: {"tea":2}').waitFor();
        expect(complaints).toEqual([]);
    });

    test('a key is changed, added and deleted by hand, with the keyboard alone', async () => {
        const app = await developed({ routes: shop });
        const { inspector, shop: tab } = await sitDown(app.url);
        await press(tab, 'Add tea');

        const change = inspector.getByRole('button', { name: 'Change cart' });
        await change.waitFor();
        await change.focus();
        await inspector.keyboard.press('Enter');
        const value = inspector.getByLabel('Value, as JSON');
        await expect.poll(() => value.inputValue()).toMatch(/"tea": 1/);
        await value.fill('{"tea": }');
        await inspector.getByRole('button', { name: 'Store' }).press('Enter');
        await inspector.getByText('The value is not JSON').waitFor();
        await value.fill('{"tea": 7}');
        await inspector.getByRole('button', { name: 'Store' }).press('Enter');
        await inspector.getByText('cart is stored.').waitFor();
        expect(await cartIn(tab)).toBe('{"tea":7}');

        await inspector.getByRole('button', { name: 'Add a key' }).press('Enter');
        await inspector.getByRole('textbox', { name: 'Key' }).fill('note');
        await inspector.getByLabel('Value, as JSON').fill('"<b>"');
        await inspector.getByRole('button', { name: 'Store' }).press('Enter');
        await inspector.getByText('"<b>"').first().waitFor();

        await inspector.getByRole('button', { name: 'Delete cart' }).press('Enter');
        await inspector.getByRole('button', { name: 'Delete cart' }).waitFor({ state: 'detached' });
        expect(await cartIn(tab)).toBe('null');

        await inspector.getByRole('button', { name: 'Change note' }).press('Enter');
        await inspector.getByRole('dialog').waitFor();
        await inspector.keyboard.press('Escape');
        await inspector.getByRole('dialog').waitFor({ state: 'hidden' });
        expect(await inspector.evaluate('document.activeElement.getAttribute("aria-label")')).toBe('Change note');
    });

    test('a session is regenerated, destroyed, and that of another browser revoked', async () => {
        const app = await developed({ routes: shop });
        const { inspector, shop: tab, context } = await sitDown(app.url);
        const other = await sitDown(app.url);
        await press(other.shop, 'Log in');
        await press(other.shop, 'Add tea');
        await press(tab, 'Add tea');

        await inspector.bringToFront(); // a tab behind another one draws once a second, and clicks wait for it
        await inspector.getByRole('row', { name: /ann/ }).getByRole('button').click();
        await inspector.getByText('is revoked.').waitFor();
        expect(await cartIn(other.shop)).toBe('null');
        expect(await cartIn(tab)).toBe('{"tea":1}');

        const before = await cookieIn(context);
        await inspector.getByRole('button', { name: 'Regenerate' }).click();
        await inspector.getByText('It is empty.').waitFor();
        expect((await cookieIn(context))?.value).not.toBe(before?.value);
        expect(await cartIn(tab)).toBe('null');

        await press(tab, 'Add tea');
        await inspector.getByText('cart {1}').waitFor();
        await inspector.bringToFront();
        await inspector.getByRole('button', { name: 'Destroy' }).click();
        await inspector.getByText('sent no session cookie').waitFor();
        expect(await cookieIn(context)).toBeUndefined();
        expect(await cartIn(tab)).toBe('null');
    });

    test('looking leaves the record as it is, its version and its last access', async () => {
        const app = await developed({ routes: shop, session: { driver: 'file' } });
        const { inspector, shop: tab, context } = await sitDown(app.url);
        await press(tab, 'Add tea');
        await inspector.getByText('cart {1}').waitFor();
        const before = await recordOf(app, context);
        expect(before).toBeDefined();

        for (let visits = 0; visits < 3; visits += 1) {
            await inspector.reload();
            await inspector.getByText('cart {1}').waitFor();
        }
        const stranger = await sitDown(app.url); // makes requests, which the page is told of
        await press(stranger.shop, 'Log in');
        await row(inspector, '/login').waitFor();
        await inspector.bringToFront();
        await inspector.getByRole('button', { name: 'Look again' }).click();
        await inspector.getByRole('row', { name: /ann/ }).waitFor();
        await inspector.getByRole('button', { name: 'Change cart' }).click();
        await expect.poll(() => inspector.getByLabel('Value, as JSON').inputValue()).toMatch(/tea/);

        expect(await recordOf(app, context)).toEqual(before);
        expect(await inspector.locator('#requests > li', { hasText: '__sosise' }).count()).toBe(0);
    });

    test('is small, clean for axe, and fits a phone', async () => {
        const app = await developed({ routes: shop });
        const { inspector, shop: tab, complaints } = await sitDown(app.url, { bypassCSP: true });
        const other = await sitDown(app.url);
        await press(other.shop, 'Log in');
        for (let times = 0; times < 5; times += 1) {
            await press(tab, 'Add tea');
        }
        await row(inspector, 'cart: {"tea":5}').waitFor();
        await inspector.getByRole('row', { name: /ann/ }).waitFor();
        await inspector.getByRole('button', { name: 'Add a key' }).click();
        expect(await findingsOn(inspector), 'dialog').toEqual([]);
        await inspector.keyboard.press('Escape');
        for (const [viewport, colorScheme] of [
            [DESK, 'light'],
            [DESK, 'dark'],
            [PHONE, 'light'],
            [PHONE, 'dark'],
        ] as const) {
            await inspector.setViewportSize(viewport);
            await inspector.emulateMedia({ colorScheme });
            expect(await findingsOn(inspector), `${viewport.width} ${colorScheme}`).toEqual([]);
        }
        const width = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
        expect(await inspector.evaluate(width), 'wider than a phone').toBe(0);
        for (const viewport of [{ ...DESK, width: 1100 }, PHONE]) {
            await inspector.setViewportSize(viewport);
            const hidden =
                "(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector('.scroll'))";
            expect(await inspector.evaluate(hidden), `of the list at ${viewport.width}`).toBe(0);
        }

        const asked: string[] = [];
        inspector.on('request', (request) => asked.push(request.url()));
        await inspector.reload();
        await inspector.getByText('Live').waitFor();
        const [weight] = await inspector.evaluate<number[]>(
            "performance.getEntriesByType('navigation').map((entry) => entry.transferSize)",
        );
        console.log(
            `Session inspector: ${weight} bytes with ${await inspector.locator('#requests > li').count()} requests`,
        );
        expect(weight).toBeLessThan(30_000);
        expect(asked.filter((url) => !url.startsWith('data:') && !url.startsWith(`${app.url}${INSPECTOR}`))).toEqual(
            [],
        );
        expect(complaints).toEqual([]);
    });

    test('connects again when the dev server has reloaded, and sees that sessions are on now', async () => {
        const copied = new CopiedApp(root);
        onTestFinished(() => copied.remove());
        const server = await DevServer.start(copied.folder);
        onTestFinished(() => server.stop());
        const { inspector, shop: tab } = await sitDown(server.url);
        await inspector.getByText('Sessions are off, so that').waitFor();
        await row(inspector, 'Sessions are off.').waitFor();

        server.save('src/config/session.ts', 'enabled: false,', 'enabled: true,');
        await inspector.locator('#figures').waitFor({ timeout: 20_000 });
        await tab.waitForSelector('.count', { timeout: 20_000 });
        await row(inspector, 'visits: 1').waitFor({ timeout: 20_000 });
        await inspector.getByText('visits: 1').first().waitFor();

        server.save('src/config/session.ts', "driver: 'file',", "driver 'file',");
        await inspector.getByText('what does the terminal say').waitFor({ timeout: 20_000 });
        server.save('src/config/session.ts', "driver 'file',", "driver: 'file',");
        await inspector.getByText('Live', { exact: true }).waitFor({ timeout: 20_000 });
        await row(inspector, 'visits: 2').waitFor({ timeout: 20_000 });
        expect(await row(inspector, 'visits: 2').textContent()).toContain('visits: 1');
        await inspector.getByRole('button', { name: 'Change visits' }).waitFor();
    });

    async function recordOf(app: SessionApp, context: BrowserContext) {
        const { cookie, driver } = layerOf(app);
        const { name, value } = (await cookieIn(context)) as { name: string; value: string };
        const key = cookie.carriedBy({ headers: { cookie: `${name}=${value}` } } as Request)?.ids[0]?.key as string;
        return driver.read(key);
    }
});
