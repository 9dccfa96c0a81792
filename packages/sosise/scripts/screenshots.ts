// Makes the pictures of docs/images anew, of a fresh copy in a temporary folder: npx tsx scripts/screenshots.ts
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CopiedApp } from '../tests/docs/CopiedApp.js';
import { type Browser, openBrowser, type Page } from '../tests/helpers/chromium.js';
import { smallPng } from './smallPng.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const images = join(root, 'docs/images');
const VIEWPORT = { width: 1200, height: 900 };

const CONTROLLER = `import { Request, Response } from 'express';

export default class CartController {
    public async store(request: Request, response: Response) {
        const { item, amount } = request.query;
        request.session['cart'] = { item, amount };
        return response.json({ code: 1000, message: 'Stored', data: request.session['cart'] });
    }
}
`;
const ROUTES = `import { Router } from 'express';
import CartController from '../app/Http/Controllers/CartController.js';
import { action } from 'sosise';

const router = Router();

router.get('/cart', action(CartController, 'store'));

export default router;
`;

/** Runs a copy of the project that was changed for the picture. */
async function photograph(change: (copied: CopiedApp) => void, take: (url: string) => Promise<void>): Promise<void> {
    const copied = new CopiedApp(root);
    try {
        change(copied);
        const app = await copied.start();
        try {
            await take(app.url.replace('127.0.0.1', 'localhost'));
        } finally {
            await app.stop();
        }
    } finally {
        await copied.remove();
    }
}

function turnSessionsOn(copied: CopiedApp): void {
    const file = 'src/config/session.ts';
    copied.write(file, readFileSync(join(root, file), 'utf8').replace('enabled: false', 'enabled: true'));
}

function withCart(copied: CopiedApp): void {
    copied.write('src/app/Http/Controllers/CartController.ts', CONTROLLER);
    copied.write('src/routes/api.ts', ROUTES);
}

function withExample(copied: CopiedApp): void {
    turnSessionsOn(copied);
    cpSync(join(root, 'example'), join(copied.folder, 'example'), { recursive: true });
    copied.write('src/routes/api.ts', "export { default } from '../../example/routes.js';\n");
}

async function open(browser: Browser, url: string): Promise<Page> {
    // Past the pages' policies, which let in no style of others.
    const context = await browser.newContext({ viewport: VIEWPORT, colorScheme: 'light', bypassCSP: true });
    const page = await context.newPage();
    await page.goto(url);
    return page;
}

/** Without the glow behind the page, which takes more colours than all that is on it. */
async function save(page: Page, name: string): Promise<void> {
    const picture = await page.screenshot({ animations: 'disabled', style: 'body{background-image:none}' });
    writeFileSync(join(images, `${name}.png`), smallPng(picture));
}

const press = (page: Page, button: string) =>
    Promise.all([page.waitForEvent('load'), page.getByRole('button', { name: button, exact: true }).click()]);

async function logIn(page: Page, name: string): Promise<void> {
    await page.fill('[name=name]', name);
    await press(page, 'Log in');
}

async function takeWelcome(browser: Browser, url: string): Promise<void> {
    const page = await open(browser, url);
    await page.reload();
    await page.reload();
    await save(page, 'welcome');
}

async function takeError(browser: Browser, url: string): Promise<void> {
    await save(await open(browser, `${url}/cart?item=tea&amount=2`), 'error');
}

/** Two customers, and what one of them does while the inspector looks on. */
async function takeInspector(browser: Browser, url: string): Promise<void> {
    await logIn(await open(browser, url), 'Bob');
    const inspector = await open(browser, `${url}/__sosise/sessions`);
    const shop = await inspector.context().newPage();
    await shop.goto(url);
    await shop.selectOption('[name=product]', 'tea');
    await shop.fill('[name=amount]', '2');
    await press(shop, 'Add');
    await logIn(shop, 'Ann');
    await shop.selectOption('[name=product]', 'cake');
    await press(shop, 'Add');
    await shop.reload();
    await inspector.locator('#requests > li', { hasText: 'skipped' }).first().waitFor();
    await inspector.waitForTimeout(300); // its last look is over
    await save(inspector, 'inspector');
}

mkdirSync(images, { recursive: true });
const browser = await openBrowser();
try {
    await photograph(turnSessionsOn, (url) => takeWelcome(browser, url));
    await photograph(withCart, (url) => takeError(browser, url));
    await photograph(withExample, (url) => takeInspector(browser, url));
} finally {
    await browser.close();
}
