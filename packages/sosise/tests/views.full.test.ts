import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFailed, onTestFinished, test } from 'vitest';
import { DevServer } from './DevServer.js';
import { CopiedApp } from './docs/CopiedApp.js';
import { type Block, readDocuments } from './docs/Markdown.js';
import { npmPackages } from './helpers/npmPackages.js';
import { temporaryFolder } from './helpers/sessionApp.js';
import { httpApp } from './httpApp.js';
import { PACKAGE, PROJECT } from './stock.js';

/** docs/views.md, with the engines that people use. */
const { blocks = [] } = readDocuments(PROJECT).find(({ name }) => name === 'docs/views.md') ?? {};
const HTML = { headers: { accept: 'text/html' } };

const versionOf = (name: string) =>
    JSON.parse(readFileSync(join(PROJECT, 'node_modules', name, 'package.json'), 'utf8')).version as string;

/** A fresh project with what the document shows, sessions on, and a route for each page. */
function shop(): CopiedApp {
    const copied = new CopiedApp(PROJECT);
    onTestFinished(() => copied.remove());
    for (const block of blocks.filter(({ path, code }) => path && !code.includes('express-handlebars'))) {
        if (block.language === 'html') {
            copied.write(block.path as string, block.code);
        } else {
            // The provider has this import already.
            copied.apply({ ...block, code: block.code.replace("import { HttpPipeline } from 'sosise';\n", '') });
        }
    }
    copied.apply({ ...(blocks[0] as Block), path: 'src/config/session.ts', code: '    enabled: true,\n' });
    copied.write('src/routes/api.ts', ROUTES);
    return copied;
}

const ROUTES = `import { Router } from 'express';
import { action, flash, ForbiddenException, ValidationException } from 'sosise';
import CartPageController from '../app/Http/Controllers/CartPageController.js';

const router = Router();

router.get('/cart', action(CartPageController, 'show'));
router.get('/profile', (_request, response) => response.render('profile'));
router.post('/profile', async (request, response) => {
    if (request.body.email === '') {
        throw new ValidationException({ email: ['No address.'] });
    }
    flash(request, 'status', 'Saved');
    response.redirect(303, '/profile');
});
router.get('/shop', (_request, response) => response.json(response.app.locals['shop']));
router.get('/private', () => {
    throw new ForbiddenException('Not for you.');
});
router.get('/broken', () => {
    throw new Error('broken');
});
router.get('/cart/empty', (_request, response) => response.render('cart', {}));

export default router;
`;

test(`views by ejs ${versionOf('ejs')}: pages, forms that come back, flash messages, and error pages`, async () => {
    const copied = shop();
    const app = await copied.start('src/server.ts', {
        NODE_ENV: 'production',
        SESSION_SECURE: 'false',
        SESSION_SECRET: 'k7fTq2mX9bZ4rW8vN1pL6sD3gH5jK0aC',
    });
    onTestFinished(() => app.stop());
    const page = async (path: string, init: RequestInit = {}) => {
        const answer = await fetch(app.url + path, { ...HTML, ...init });
        return `${answer.status} ${await answer.text()}`;
    };
    expect(await page('/cart')).toContain('<li>tea</li><li>milk</li>');
    expect(await page('/profile')).toContain('<input name="email" value="">');
    const refused = await fetch(`${app.url}/profile`, {
        method: 'POST',
        redirect: 'manual',
        headers: { ...HTML.headers, referer: `${app.url}/profile` },
        body: new URLSearchParams({ email: '' }),
    });
    expect([refused.status, refused.headers.get('location')]).toEqual([303, '/profile']);
    const headers = {
        ...HTML.headers,
        cookie: refused.headers
            .getSetCookie()
            .map((line) => line.split(';')[0])
            .join('; '),
    };
    expect(await page('/profile', { headers })).toContain('value=""></label> No address.');
    const body = new URLSearchParams({ email: '<b>' });
    await fetch(`${app.url}/profile`, { method: 'POST', redirect: 'manual', headers, body });
    expect(await page('/profile', { headers })).toContain('<p role="status">Saved</p>');
    expect(await page('/shop')).toBe('200 "Tea House"');

    expect(await page('/nowhere')).toMatch(/^404 [\s\S]*There is no such page/);
    expect(await page('/broken')).toMatch(/^500 [\s\S]*<title>Internal Server Error<[\s\S]*name the request [\w-]+\./);
    expect(await page('/private'), 'there is no views/forbidden.ejs yet').toMatch(/^403 [\s\S]*Not for you\./);
    expect(await copied.compile()).toBe('');
});

test('while one develops, a saved template is in the next answer, pages load again, and mistakes show their lines', async () => {
    const copied = shop();
    const server = await DevServer.start(copied.folder);
    onTestFinished(() => server.stop());
    onTestFailed(() => console.error(server.output));
    const text = async (path: string) => await (await fetch(server.url + path, HTML)).text();
    expect(await text('/cart')).toContain('<li>tea</li>');

    const stream = await fetch(`${server.url}/__sosise/instance`);
    const reader = (stream.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
    const first = (await reader.read()).value;
    const ran = server.output.length;
    server.save('views/cart.ejs', '<h1>Your cart</h1>', '<h1>Cart, as saved</h1>');
    const second = (await reader.read()).value;
    expect([first, second].map((event) => /^data: [\w-]{36}\n\n$/.test(event ?? ''))).toEqual([true, true]);
    expect(second).not.toBe(first);
    expect(await text('/__sosise/reload.js')).toContain(second?.slice(6).trim());
    expect(await text('/cart')).toContain('<h1>Cart, as saved</h1>');
    expect(server.output.slice(ran)).not.toContain('restarting');
    await reader.cancel();

    const mistake = await text('/cart/empty');
    expect(mistake).toContain('<h1>items is not defined</h1>');
    expect(mistake).toMatch(/<figcaption>views\/cart\.ejs:\d<\/figcaption>/);
    expect(mistake).toContain('for (const item of items)');
});

test('views by handlebars, whose engine is a function', async () => {
    const config = blocks.find(({ code }) => code.includes('express-handlebars'))?.code ?? '';
    const folder = temporaryFolder();
    const { 'express-handlebars': version } = npmPackages(folder, 'express-handlebars');
    symlinkSync(PACKAGE, join(folder, 'node_modules/sosise'), 'dir');
    writeFileSync(join(folder, 'http.ts'), config);
    const { default: http } = (await import(join(folder, 'http.ts'))) as { default: Record<string, unknown> };
    const app = await httpApp({
        http,
        prepare: (folder) => {
            mkdirSync(join(folder, 'views'));
            writeFileSync(join(folder, 'views/cart.handlebars'), '{{#each items}}<li>{{this}}</li>{{/each}}');
        },
        routes: (router) =>
            router.get('/', (_request, response) => response.render('cart', { items: ['<tea>', 'milk'] })),
    });
    onTestFinished(app.close);
    console.log(`express-handlebars ${version}`);
    expect(await (await fetch(app.url)).text()).toBe('<li>&lt;tea&gt;</li><li>milk</li>');
});

test('views by pug, which is installed in the folder of the application alone', async () => {
    let version = '';
    const app = await httpApp({
        http: { views: { engine: 'pug' } },
        environment: 'production',
        prepare: (folder) => {
            version = npmPackages(folder, 'pug')['pug'] ?? '';
            mkdirSync(join(folder, 'views/errors'), { recursive: true });
            writeFileSync(join(folder, 'views/cart.pug'), 'ul\n  each item in items\n    li= item\n');
            writeFileSync(join(folder, 'views/errors/4xx.pug'), 'h1= title\np= missing.deep\n');
            writeFileSync(join(folder, 'views/errors/5xx.pug'), 'h1= title\n');
        },
        routes: (router) => {
            router.get('/cart', (_request, response) => response.render('cart', { items: ['<tea>'] }));
            router.get('/bad', (_request, response) => response.render('nothing'));
        },
    });
    onTestFinished(app.close);
    console.log(`pug ${version}`);
    expect(await (await fetch(`${app.url}/cart`)).text()).toBe('<ul><li>&lt;tea&gt;</li></ul>');
    expect(await (await fetch(`${app.url}/bad`, HTML)).text()).toBe('<h1>Internal Server Error</h1>');
    const plain = await fetch(`${app.url}/nowhere`, HTML);
    expect([plain.status, (await plain.text()).includes('There is no route')]).toEqual([404, true]);
    expect((await app.log.line(/4xx\.pug failed itself/)).level).toBe('error');
});

test('an error page that never comes is replaced after two seconds', async () => {
    const app = await httpApp({
        http: { views: { engine: () => {}, extension: 'never' } },
        environment: 'production',
        prepare: (folder) => {
            mkdirSync(join(folder, 'views/errors'), { recursive: true });
            writeFileSync(join(folder, 'views/errors/404.never'), '');
        },
    });
    onTestFinished(app.close);
    const plain = await fetch(`${app.url}/nowhere`, HTML);
    expect([plain.status, (await plain.text()).includes('There is no route')]).toEqual([404, true]);
    expect(String((await app.log.line(/failed itself/)).context['error'])).toContain('within 2000 ms');
});
