import { mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { DevServer } from './DevServer.js';
import { CopiedApp } from './docs/CopiedApp.js';
import { findings } from './helpers/axe.js';
import { type Browser, type BrowserContext, describeInChromium, openBrowser, type Page } from './helpers/chromium.js';

const root = realpathSync(new URL('../../..', import.meta.url));
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

const copy = () => {
    const copied = new CopiedApp(root);
    onTestFinished(() => copied.remove());
    return copied;
};

const CONTROLLER = `import { Request, Response } from 'express';

export default class CartController {
    /** Puts something into the cart of this visitor. */
    public async store(request: Request, response: Response) {
        const item = String(request.query['item'] ?? 'tea');
        request.session['cart'] = { item, amount: 1 };
        return response.json({ code: 1000, message: 'Stored', data: request.session['cart'] });
    }

    public async checkout(request: Request, response: Response) {
        try {
            return await this.pay(response);
        } catch (cause) {
            throw new Error('The order could not be placed', { cause });
        }
    }

    private async pay(response: Response) {
        throw Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' });
    }
}
`;
const ROUTES = `import { Router } from 'express';
import CartController from '../app/Http/Controllers/CartController.js';
import { action } from 'sosise';

const router = Router();

router.get('/cart', action(CartController, 'store'));
router.get('/checkout', action(CartController, 'checkout'));

export default router;
`;

const withCart = (copied: CopiedApp) => {
    copied.write('src/app/Http/Controllers/CartController.ts', CONTROLLER);
    copied.write('src/routes/api.ts', ROUTES);
};

describeInChromium('in Chromium', () => {
    let browser: Browser;

    beforeAll(async () => {
        browser = await openBrowser();
    });

    afterAll(() => browser?.close());

    const develop = async (change?: (copied: CopiedApp) => void) => {
        const copied = copy();
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
        await vi.waitFor(async () => expect(await page.textContent('h1')).toMatch(/session\.ts:\d+:\d+: /), 20_000);
        const broken = await expectGoodPage(server.url, 'not-started');
        expect(broken.complaints.filter((text) => !/status of 503/.test(text))).toEqual([]);
        server.save('src/config/session.ts', "driver 'file',", "driver: 'file',");
        await vi.waitFor(async () => expect(await page.textContent('.count')).toBe('3'), 20_000);
    });

    test('a page of one’s own loads again on a save, as one line of it says', async () => {
        const shop = `import { Router } from 'express';

const router = Router();
const html = (text: string) =>
    \`<!doctype html><link rel="icon" href="data:,"><script src="/__sosise/reload.js" defer></script><p id="state">\${text}</p>\`;

router.get('/', (_request, response) => response.send(html('Tea')));

export default router;
`;
        const server = await develop((copied) => copied.write('src/routes/api.ts', shop));
        const context = await browser.newContext();
        onTestFinished(() => context.close());
        const { page, complaints } = await look(context, server.url);
        const shows = (text: string) =>
            vi.waitFor(async () => expect(await page.textContent('body')).toContain(text), 20_000);

        await shows('Tea');
        server.save('src/routes/api.ts', "'Tea'", "'Cake'");
        await shows('Cake');
        server.save('src/routes/api.ts', "'Cake'", "Cake'");
        await shows('The application does not run');
        server.save('src/routes/api.ts', "Cake'", "'Pie'");
        await shows('Pie');
        expect(complaints.filter((text) => /policy/i.test(text))).toEqual([]);
    });

    test('the error page shows the line of the user and what mends it, and goes once that is done', async () => {
        const server = await develop(withCart);
        const { weight, complaints } = await expectGoodPage(`${server.url}/cart`, 'error');
        expect(complaints.filter((text) => !/status of 500/.test(text))).toEqual([]);

        const context = await browser.newContext();
        const { page } = await look(context, `${server.url}/cart?item=tea`);
        expect(await page.textContent('h1')).toContain('Cannot set properties of undefined');
        expect(await page.textContent('.source figcaption')).toBe('src/app/Http/Controllers/CartController.ts:7:31');
        expect(await page.textContent('.it')).toContain("request.session['cart'] = { item, amount: 1 };");
        expect(await page.textContent('.fix')).toMatch(/src\/config\/session\.ts\s*enabled: true,/);
        expect(await page.isVisible('details ol')).toBe(false);

        server.save('src/config/session.ts', 'enabled: false,', 'enabled: true,');
        await vi.waitFor(async () => expect(await page.textContent('body')).toContain('"message":"Stored"'), 20_000);

        const causes = await expectGoodPage(`${server.url}/checkout`, 'error-causes');
        await page.goto(`${server.url}/checkout`);
        expect(await page.textContent('.cause')).toContain('ECONNREFUSED 127.0.0.1:5432');
        expect(await page.textContent('.cause .it')).toContain('throw Object.assign(new Error');
        console.log(`Error page: ${weight} and ${causes.weight} bytes`);
    });

    test('in production a visitor gets a plain page, and the tools for development are not even loaded', async () => {
        const copied = copy();
        withCart(copied);
        copied.write('.env', 'NODE_ENV=production\n');
        const coverage = join(copied.folder, 'coverage'); // Node.js writes there at the end what it has loaded
        const app = await copied.start('src/server.ts', { NODE_V8_COVERAGE: coverage });

        const { weight, complaints } = await expectGoodPage(`${app.url}/checkout`, 'production-500');
        expect(complaints.filter((text) => !/status of 500/.test(text))).toEqual([]);
        await expectGoodPage(`${app.url}/nowhere`, 'production-404');

        const { page } = await look(await browser.newContext(), `${app.url}/checkout`);
        const text = (await page.textContent('body')) ?? '';
        expect(text).toMatch(/Something went wrong on our side.*name the request [\da-f-]{36}/s);
        expect(text).not.toMatch(/ECONNREFUSED|CartController|could not be placed/);
        console.log(`Production error page: ${weight} bytes`);

        await app.stop();
        const loaded = readdirSync(coverage).map((name) => readFileSync(join(coverage, name), 'utf8'));
        const files = [...loaded.join().matchAll(/"url":"[^"]*\/sosise\/src\/([^"]*)"/g)].map(([, file]) => file);
        expect(files).toContain('Http/HttpPipeline.ts');
        expect(files.filter((file) => file?.startsWith('DevTools/'))).toEqual(['DevTools/DevToolsServiceProvider.ts']);
    });
});

test('without its line in the list of providers, all of it compiles and runs', async () => {
    const copied = copy();
    const providers = join(copied.folder, 'src/bootstrap/providers.ts');
    const lines = readFileSync(providers, 'utf8').split('\n');
    writeFileSync(providers, lines.filter((line) => !line.includes('DevTools')).join('\n'));

    expect(await copied.compile()).toBe('');
    const app = await copied.start();
    onTestFinished(() => app.stop());

    const page = await (await fetch(app.url, { headers: { accept: 'text/html' } })).text();
    expect(page).toContain('load this page again');
    expect(page).not.toContain('<script');
    for (const path of ['instance', 'sessions']) {
        expect((await fetch(`${app.url}/__sosise/${path}`)).status).toBe(404);
    }
});
