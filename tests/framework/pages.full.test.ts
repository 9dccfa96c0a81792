import { mkdirSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { type Browser, type BrowserContext, describeInChromium, openBrowser, type Page } from '../helpers/chromium.js';
import { DevServer } from './DevServer.js';
import { CopiedApp } from './docs/CopiedApp.js';

const root = realpathSync(new URL('../..', import.meta.url));
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
/** Where screenshots go, for people to look at; unset: none are made. */
const { SCREENSHOTS } = process.env;
const PHONE = { width: 390, height: 844 };
const DESK = { width: 1180, height: 860 };

interface Sight {
    page: Page;
    /** What the console said that it should not, such as violations of the policy. */
    complaints: string[];
    /** Addresses that were asked for. */
    requests: string[];
}

/** A page, and what happens on it. */
async function look(context: BrowserContext, url: string): Promise<Sight> {
    const page = await context.newPage();
    const [complaints, requests]: [string[], string[]] = [[], []];
    page.on('console', (message) => /error|warning/.test(message.type()) && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(url);
    return { page, complaints, requests };
}

/** What axe finds wrong, as `rule: element`. Injected past the policy, which lets in nothing of others. */
async function findings(browser: Browser, url: string, options: object): Promise<string[]> {
    const context = await browser.newContext({ ...options, bypassCSP: true });
    const page = await context.newPage();
    await page.goto(url);
    await page.addScriptTag({ path: AXE });
    const found = await page.evaluate<{ id: string; nodes: { html: string; failureSummary: string }[] }[]>(
        'axe.run().then((result) => result.violations)',
    );
    await context.close();
    return found.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`));
}

async function shoot(browser: Browser, url: string, name: string): Promise<void> {
    if (SCREENSHOTS === undefined) {
        return;
    }
    mkdirSync(SCREENSHOTS, { recursive: true });
    for (const [kind, viewport, colorScheme] of [
        ['light', DESK, 'light'],
        ['dark', DESK, 'dark'],
        ['phone', PHONE, 'light'],
        ['phone-dark', PHONE, 'dark'],
    ] as const) {
        const context = await browser.newContext({ viewport, colorScheme, deviceScaleFactor: 1 });
        const page = await context.newPage();
        await page.goto(url);
        await page.screenshot({ path: join(SCREENSHOTS, `${name}-${kind}.png`), fullPage: true });
        await context.close();
    }
}

/** Whether the page is wider than the screen. */
const isTooWide = (page: Page) =>
    page.evaluate<boolean>('document.documentElement.scrollWidth > document.documentElement.clientWidth');

describeInChromium('in Chromium', () => {
    let browser: Browser;

    beforeAll(async () => {
        browser = await openBrowser();
    });

    afterAll(() => browser?.close());

    const develop = async (change?: (copied: CopiedApp) => void) => {
        const copied = new CopiedApp(root);
        onTestFinished(() => copied.remove());
        change?.(copied);
        const server = await DevServer.start(copied.folder);
        onTestFinished(() => server.stop());
        return server;
    };

    /** What holds of every page: nothing from elsewhere, no complaints, small, readable on a phone, axe clean. */
    const expectGoodPage = async (url: string, name: string) => {
        const context = await browser.newContext({ viewport: PHONE });
        const { page, complaints, requests } = await look(context, url);
        expect(await isTooWide(page), 'wider than a phone').toBe(false);
        const weight = await page.evaluate<number>("performance.getEntriesByType('navigation')[0].transferSize");
        expect(weight).toBeLessThan(20_000);
        expect(requests.filter((request) => !request.startsWith('data:') && !request.includes('/__sosise/'))).toEqual([
            page.url(),
        ]);
        await context.close();
        await shoot(browser, url, name);
        expect(await findings(browser, url, { colorScheme: 'light', viewport: DESK }), 'light').toEqual([]);
        expect(await findings(browser, url, { colorScheme: 'dark', viewport: PHONE }), 'dark').toEqual([]);
        return { weight, complaints };
    };

    test('the welcome page shows the line that turns sessions on, and changes by itself once it is saved', async () => {
        const server = await develop();
        const off = await expectGoodPage(server.url, 'welcome-off');
        expect(off.complaints).toEqual([]);

        const context = await browser.newContext();
        const { page } = await look(context, server.url);
        expect(await page.textContent('ins')).toContain('enabled: true,');

        const saved = performance.now();
        server.save('src/config/session.ts', 'enabled: false,', 'enabled: true,');
        await page.waitForSelector('.count');
        const shown = Math.round(performance.now() - saved);
        expect(await page.textContent('.count')).toBe('1');
        await page.reload();
        expect(await page.textContent('.count')).toBe('2');

        const on = await expectGoodPage(server.url, 'welcome-on');
        expect(on.complaints).toEqual([]);
        console.log(`Welcome page: ${off.weight} and ${on.weight} bytes; from save to the changed page: ${shown} ms`);

        server.save('src/config/session.ts', "driver: 'file',", "driver 'file',");
        await vi.waitFor(async () => expect(await page.textContent('#state')).toMatch(/terminal/), 20_000);
        server.save('src/config/session.ts', "driver 'file',", "driver: 'file',");
        await vi.waitFor(async () => expect(await page.textContent('.count')).toBe('3'), 20_000);
    });
});
