import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Router } from 'express';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { findingsOn } from './helpers/axe.js';
import { type Browser, describeInChromium, openBrowser, type Page } from './helpers/chromium.js';
import { createTestApp } from './stockTestApp.js';

const routesFile = new URL('../../../example/routes.ts', import.meta.url);
const isThere = existsSync(routesFile);
/** Where screenshots go, for people to look at; unset: none are made. */
const { SCREENSHOTS } = process.env;

describeInChromium('in Chromium', () => {
    let browser: Browser | undefined;

    beforeAll(async () => {
        browser = isThere ? await openBrowser() : undefined;
    });

    afterAll(async () => {
        await browser?.close();
    });

    /** The example on a free port; each call opens it in another browser. */
    async function openShop(): Promise<(options?: object) => Promise<Page>> {
        // Not a literal: without the folder this file still compiles.
        const { default: routes } = (await import(routesFile.href)) as { default: Router };
        const app = await createTestApp({ session: { enabled: true } }, { routes: (router) => router.use(routes) });
        return async (options) => {
            const context = await (browser as Browser).newContext(options);
            onTestFinished(() => context.close());
            const page = await context.newPage();
            await page.goto(app.url);
            return page;
        };
    }

    const notice = (page: Page) => page.textContent('[role=status]');
    const cart = (page: Page) => page.$$eval('#cart form', (items) => items.map((item) => item.firstChild?.nodeValue));
    const browsers = (page: Page) => page.locator('#browsers li').count();

    async function press(page: Page, button: string): Promise<void> {
        await Promise.all([page.waitForEvent('load'), page.getByRole('button', { name: button, exact: true }).click()]);
    }

    async function add(page: Page, product: string, amount: string): Promise<void> {
        await page.selectOption('[name=product]', product);
        await page.fill('[name=amount]', amount);
        await press(page, 'Add');
    }

    async function logIn(page: Page, name: string): Promise<void> {
        await page.fill('[name=name]', name);
        await page.fill('[name=password]', 'tea and cake');
        await press(page, 'Log in');
    }

    test.skipIf(!isThere)('the example sells: a cart, notices that show once, forms that come back', async () => {
        const page = await (await openShop())();
        await add(page, 'cake', '<b>"many"');
        expect(await page.locator('strong', { hasText: /./ }).allTextContents()).toEqual([
            'Please give a number from 1 to 99.',
        ]);
        expect(await page.inputValue('[name=product]')).toBe('cake');
        expect(await page.inputValue('[name=amount]')).toBe('<b>"many"');
        expect(await cart(page)).toEqual([]);

        await add(page, 'tea', '2');
        expect(await notice(page)).toBe('Tea is in your cart.');
        await page.reload();
        expect(await notice(page)).toBe('');
        await add(page, 'tea', '1');
        await add(page, 'cake', '1');
        expect(await cart(page)).toEqual(['3 × Tea\n', '1 × Cake\n']);
        await Promise.all([page.waitForEvent('load'), page.click('#cart [value=tea]')]);
        expect(await cart(page)).toEqual(['1 × Cake\n']);
    });

    test.skipIf(!isThere)('the example logs in with the cart, and logs out the other browsers alone', async () => {
        const open = await openShop();
        const [home, phone, stranger] = [await open(), await open(), await open()];
        await logIn(phone, 'Ann');
        await logIn(stranger, 'Bob');
        await add(home, 'tea', '2');
        await logIn(home, 'Ann');
        expect(await notice(home)).toBe('Hello Ann!');
        expect(await cart(home)).toEqual(['2 × Tea\n']);
        expect(await browsers(home)).toBe(2);

        await press(home, 'Log out my other browsers');
        expect(await notice(home)).toBe('Logged out elsewhere: 1.');
        expect(await browsers(home)).toBe(1);
        expect(await cart(home)).toEqual(['2 × Tea\n']);
        await Promise.all([phone.reload(), stranger.reload()]);
        expect(await notice(phone)).toBe('You were logged out in another browser.');
        expect(await browsers(phone)).toBe(0);
        expect(await browsers(stranger)).toBe(1);

        await press(home, 'Log out');
        expect([await browsers(home), await cart(home)]).toEqual([0, []]);
    });

    test.skipIf(!isThere)('the example takes the right password only, and keeps the name that was typed', async () => {
        const page = await (await openShop())();
        await page.fill('[name=name]', 'ann');
        await page.fill('[name=password]', 'cake and tea');
        await press(page, 'Log in');
        expect(await page.locator('strong', { hasText: /./ }).allTextContents()).toEqual([
            'Name or password is wrong.',
        ]);
        expect([await page.inputValue('[name=name]'), await page.inputValue('[name=password]')]).toEqual(['ann', '']);
        await page.fill('[name=password]', 'tea and cake');
        await press(page, 'Log in');
        expect(await notice(page)).toBe('Hello Ann!');
    });

    test.skipIf(!isThere)('axe finds nothing in the example, light and dark, on a phone and on a desk', async () => {
        const open = await openShop();
        for (const [colorScheme, width] of [
            ['light', 1180],
            ['dark', 390],
        ] as const) {
            const page = await open({ colorScheme, bypassCSP: true, viewport: { width, height: 860 } });
            await add(page, 'tea', 'many');
            expect(await findingsOn(page), `${colorScheme}, refused`).toEqual([]);
            await add(page, 'tea', '2');
            await logIn(page, 'Ann');
            expect(await findingsOn(page), `${colorScheme}, logged in`).toEqual([]);
            if (SCREENSHOTS !== undefined) {
                await page.screenshot({ path: join(SCREENSHOTS, `shop-${colorScheme}.png`), fullPage: true });
            }
            const isTooWide = 'document.documentElement.scrollWidth > document.documentElement.clientWidth';
            expect(await page.evaluate(isTooWide), colorScheme).toBe(false);
        }
    });
});
