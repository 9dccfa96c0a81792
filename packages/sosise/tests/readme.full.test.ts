import { realpathSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { CopiedApp, type RunningApp } from './docs/CopiedApp.js';
import { Curl } from './docs/Curl.js';
import { type Block, readDocuments } from './docs/Markdown.js';
import { describeInChromium, openBrowser } from './helpers/chromium.js';

const root = realpathSync(new URL('../../..', import.meta.url));
const documents = readDocuments(root);
const snippets = documents.flatMap((document) => document.blocks).filter(({ language }) => language === 'ts');
const readme = documents.find(({ name }) => name === 'README.md');

const copy = () => {
    const copied = new CopiedApp(root);
    onTestFinished(() => copied.remove());
    return copied;
};
const start = async (copied: CopiedApp) => {
    const app = await copied.start();
    onTestFinished(() => app.stop());
    return app;
};
const mapDriver = snippets.filter(({ document, code }) => document === 'docs/drivers.md' && code.includes('MapDriver'));

// Once the README is the user's own, there is nothing to follow.
describe.skipIf(!readme)('the README, followed to the letter in a fresh copy', () => {
    const blocks = readme?.blocks ?? [];
    const curls = (block: Block | undefined) => (block?.code ?? '').trim().split('\n');
    const [first, others] = blocks.filter(({ code }) => code.startsWith('curl'));
    const step = (path: string, text: string) =>
        blocks.find((block) => block.path === path && block.code.includes(text)) as Block;

    /** The cart's requests of the README, in their order. */
    const tryCart = async (app: RunningApp) => {
        const curl = new Curl(app.url);
        const [store = '', check = '', remove = '', regenerate = ''] = curls(others);
        expect(await curl.run(check)).toMatchObject({ code: 1000, data: null });
        expect(curl.cookies).toEqual({});
        expect(await curl.run(store)).toMatchObject({ data: { item: 'tea', amount: 1 } });
        expect(await curl.run(check)).toMatchObject({ data: { item: 'tea', amount: 1 } });
        expect(await curl.run(remove)).toMatchObject({ data: null });
        expect(await curl.run(check)).toMatchObject({ data: null });
        const { sosise: old } = curl.cookies;
        expect(await curl.run(regenerate)).toMatchObject({ code: 1000 });
        expect(curl.cookies['sosise']).not.toBe(old);
    };

    test("sessions are off at first, then on with files, then in memory, then in a driver of one's own", async () => {
        const copied = copy();

        const fresh = await start(copied);
        const shown = blocks.find(({ code }) => code.startsWith('{'))?.code ?? '';
        expect(await new Curl(fresh.url).run(curls(first)[0] as string)).toEqual(JSON.parse(shown));
        expect(fresh.output()).toContain('Sessions     off');
        expect(fresh.output()).toContain('.env was made');
        await fresh.stop();

        copied.apply(step('src/config/session.ts', 'enabled:'));
        copied.apply(step('src/app/Http/Controllers/CartController.ts', ''));
        copied.apply(step('src/routes/api.ts', ''));
        const onFiles = await start(copied);
        expect(onFiles.output()).toContain('Sessions     on, driver file');
        await tryCart(onFiles);
        expect(copied.sessionFiles()).toBeGreaterThan(0);
        await onFiles.stop();

        copied.apply(step('tests/app/cart.test.ts', ''));
        expect(await copied.test('tests/app/cart.test.ts')).toMatch(/1 passed/);

        const files = copied.sessionFiles();
        copied.apply(step('src/config/session.ts', 'memory'));
        const inMemory = await start(copied);
        expect(inMemory.output()).toContain('Sessions     on, driver memory');
        await tryCart(inMemory);
        expect(copied.sessionFiles()).toBe(files);
        await inMemory.stop();

        for (const block of mapDriver) {
            copied.apply(block);
        }
        copied.apply({ ...step('src/config/session.ts', 'memory'), code: "    driver: 'map',\n" });
        const inMap = await start(copied);
        await tryCart(inMap);
        expect(inMap.output()).toContain('sessions are in a Map of this process');
        await inMap.stop();
    });
});

describeInChromium('README.md in a browser', () => {
    test.skipIf(!readme)('the line for its console fills the cart of that visitor', async () => {
        const copied = copy();
        const isStep = ({ path, code }: Block) => path?.startsWith('src/') && !/memory|postgres/i.test(code);
        for (const block of (readme?.blocks ?? []).filter(isStep)) {
            copied.apply(block);
        }
        const app = await start(copied);
        const browser = await openBrowser();
        onTestFinished(() => browser.close());
        const page = await browser.newPage();
        await page.goto(`${app.url}/cart`);
        expect(await page.innerText('body')).toContain('Your cart is empty');
        const line = readme?.blocks.find(({ code }) => code.startsWith('await fetch'))?.code ?? '';
        await page.evaluate(`(async () => { ${line} })()`);
        await page.reload();
        expect(await page.innerText('body')).toContain('coffee');
    });
});

describe('the guides, followed to the letter in a fresh copy', () => {
    test('the driver of docs/drivers.md keeps every promise of the suite that is named there', async () => {
        const copied = copy();
        for (const block of mapDriver) {
            copied.apply(block);
        }
        expect(await copied.test('tests/app/MapDriver.test.ts')).toMatch(/map: keeps (\d+) of \1 promises/);
    });

    test('every test that docs/testing.md shows passes', async () => {
        const copied = copy();
        const blocks = snippets.filter(({ document }) => document === 'docs/testing.md');
        for (const block of blocks) {
            copied.apply(block);
        }
        const tests = blocks.flatMap(({ code }) => code.match(/^test\(/gm) ?? []);
        expect(tests.length).toBeGreaterThan(8);
        expect(await copied.test('tests/app')).toMatch(
            new RegExp(`Tests +${tests.length} passed \\(${tests.length}\\)`),
        );
    });

    test('all that docs/application.md adds works together', async () => {
        const copied = copy();
        for (const block of snippets.filter(({ document, path }) => document === 'docs/application.md' && path)) {
            copied.apply(block);
        }
        copied.write('public/index.html', '<h1>Welcome</h1>');
        await copied.test('tests/app/contact.test.ts');

        const app = await start(copied);
        const ask = (path: string, init?: RequestInit) => fetch(new URL(path, app.url), init);
        const post = (path: string, body: string) => {
            const headers = { 'content-type': 'application/json', 'accept-language': 'de' };
            return ask(path, { method: 'POST', headers, body });
        };

        const sent = await post('/contact', JSON.stringify({ topic: 'order', text: 'Hello' }));
        expect(await sent.json()).toMatchObject({ code: 1000, data: { language: 'de' } });
        await expect.poll(() => app.output()).toMatch(/Mail.*shop@example\.com/);

        const refused = await post('/contact', JSON.stringify({ topic: 'weather' }));
        expect(refused.status).toBe(422);
        const envelope = { code: 3001, message: 'There is no such topic', data: { topic: 'weather' } };
        expect(await refused.json()).toEqual(envelope);
        await expect.poll(() => app.output()).toContain('Someone asked for a topic that we lack');

        const page = await ask('/nowhere', { headers: { accept: 'text/html,*/*;q=0.8' } });
        expect([page.status, await page.text()]).toEqual([404, '<h1>There is no such page</h1>']);
        expect(await (await ask('/nowhere')).json()).toMatchObject({ code: 404 });

        const raw = await post('/webhook', '{ "not": parsed ');
        expect(await raw.json()).toMatchObject({ data: { bytes: 16 } });

        expect(await (await ask('/')).text()).toBe('<h1>Welcome</h1>');
        const origin = 'https://status.example.com';
        const { headers } = await ask('/up', { headers: { origin } });
        expect(headers.get('access-control-allow-origin')).toBe(origin);
        await app.stop();
    });
});
