import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Request, Response, Router } from 'express';
import { ExceptionHandler, ForbiddenException, ServiceUnavailableException, type ViewEngine } from 'sosise';
import { afterEach, describe, expect, test } from 'vitest';
import { DevToolsServiceProvider } from './helpers/inside/DevTools.js';
import { type HttpApp, type HttpAppOptions, httpApp, httpKernel } from './httpApp.js';

/** A package that Express knows as an engine: `{name}` is a value of the data, and what it does not know is an error. */
const ENGINE = `const { readFileSync } = require('node:fs');
exports.__express = (path, data, done) => {
    const lines = readFileSync(path, 'utf8').split('\\n');
    const fill = (line, index) => line.replace(/\\{(\\w+)\\}/g, (_, name) => {
        if (data[name] === undefined) {
            throw new ReferenceError(path + ':' + (index + 1) + '\\n >> ' + line + '\\n\\n' + name + ' is not defined');
        }
        return data[name];
    });
    let text;
    try {
        text = lines.map(fill).join('\\n');
    } catch (error) {
        return done(error);
    }
    done(null, text);
};`;
const PAGE = { headers: { accept: 'text/html' } };

let running: HttpApp[] = [];
let folder = '';

afterEach(async () => {
    await Promise.all(running.map(({ close }) => close()));
    running = [];
});

function put(name: string, content: string): void {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
}

const ROUTES = (router: Router) => {
    router.get('/cart', (_request, response) => response.render('cart', { item: 'tea' }));
    router.get('/empty', (_request, response) => response.render('cart'));
    router.get('/none', (_request, response) => response.render('nothing'));
    router.get('/broken', () => {
        throw new Error('the cat is out');
    });
    router.get('/later', () => {
        throw new ServiceUnavailableException('Come back at noon.');
    });
    router.get('/private', () => {
        throw new ForbiddenException('This is private.');
    });
};

/** An application with these files in its folder. */
async function withFiles(files: Record<string, string>, options: HttpAppOptions = {}): Promise<HttpApp> {
    const app = await httpApp({
        routes: ROUTES,
        ...options,
        prepare: (root) => {
            folder = root;
            put('node_modules/tiny/index.js', ENGINE);
            for (const [name, content] of Object.entries(files)) {
                put(name, content);
            }
        },
    });
    running.push(app);
    return app;
}

const VIEWS = { http: { views: { engine: 'tiny' } } };
const development: HttpAppOptions = { environment: 'development', providers: [DevToolsServiceProvider] };
const pageOf = async ({ url }: HttpApp, path: string) => {
    const answer = await fetch(`${url}${path}`, PAGE);
    return { status: answer.status, text: await answer.text(), type: answer.headers.get('content-type') };
};

describe('views', () => {
    test('are made by the engine that the config names, of templates in the folder of the application', async () => {
        const app = await withFiles(
            { 'pages/cart.tiny': '<p>{item} of {shop}</p>' },
            {
                http: { views: { engine: 'tiny', folder: 'pages' } },
                pipeline: ({ express }) => {
                    express.locals['shop'] = 'Tea House';
                },
            },
        );
        expect(await pageOf(app, '/cart')).toEqual({
            status: 200,
            text: '<p>tea of Tea House</p>',
            type: 'text/html; charset=utf-8',
        });
    });

    test('are made by a function that the config gives, for templates with its extension', async () => {
        const engine: ViewEngine = (path, data, done) =>
            done(null, `${path.endsWith('views/cart.html')} ${'item' in data && data.item}`);
        const app = await withFiles({ 'views/cart.html': '' }, { http: { views: { engine, extension: '.html' } } });
        expect((await pageOf(app, '/cart')).text).toBe('true tea');
    });

    test('are looked for with each answer while one develops, and kept in production', async () => {
        for (const environment of ['development', 'production']) {
            const app = await withFiles({ 'views/cart.tiny': '{item}' }, { ...VIEWS, environment });
            expect((await pageOf(app, '/cart')).text).toBe('tea');
            expect(app.server.handler.enabled('view cache'), environment).toBe(environment === 'production');
        }
    });

    test('know other settings of Express, which are set before anything is served', async () => {
        const app = await withFiles(
            {},
            {
                routes: (router) => router.get('/', (_request, response) => response.json({ a: 1 })),
                pipeline: ({ express }) => express.set('json spaces', 2),
            },
        );
        expect(await (await fetch(app.url)).text()).toBe('{\n  "a": 1\n}');
    });
});

describe('start-up stops', () => {
    const refusal = (views: unknown, prepare: (root: string) => void = () => {}) => {
        try {
            httpKernel({
                http: { views },
                prepare: (root) => {
                    folder = root;
                    put('node_modules/tiny/index.js', ENGINE);
                    prepare(root);
                },
            });
        } catch (error) {
            return String((error as Error).message).replaceAll(folder, '/shop');
        } finally {
            rmSync(folder, { recursive: true, force: true });
        }
        return '';
    };
    const withViews = () => put('views/cart.tiny', '');

    test.each<[string, unknown, string]>([
        [
            'at an engine that is not installed, and names the command',
            { engine: 'teapot' },
            'views.engine is "teapot", a package that is not installed: run npm install teapot --save-prod.',
        ],
        [
            'at a folder that there is not',
            { engine: 'tiny', folder: 'pages' },
            'views.folder is "pages", and there is no such folder in /shop: create it, and copy it to servers as public/ is.',
        ],
        [
            'at a folder that no build has',
            { engine: 'tiny', folder: 'src/views' },
            'views.folder is "src/views", and a build takes only code out of src: use a folder beside it, such as "views".',
        ],
        [
            'at a function without an extension',
            { engine: () => {} },
            'views.extension is missing: allowed are endings of file names, such as "html".',
        ],
        ['at a key that it does not know', { engine: 'tiny', path: 'views' }, 'views.path is not a known key'],
        ['at what is no engine', { engine: 7 }, 'views.engine is 7: allowed are names of packages such as "ejs"'],
        ['at what is no object', 'ejs', 'views is "ejs": allowed are false, plain objects'],
    ])('%s', (_name, views, message) => {
        expect(refusal(views, withViews)).toContain(`src/config/http.ts: ${message}`);
    });

    test('at the folder views, where none is named and that is not there', () => {
        expect(refusal({ engine: 'tiny' })).toContain('views.folder is "views", and there is no such folder in /shop');
        expect(refusal({ engine: 'tiny' }, withViews)).toBe('');
    });

    test('at a package without an engine', async () => {
        const started = withFiles(
            { 'views/cart.plain': '', 'node_modules/plain/index.js': 'exports.render = () => {};' },
            { http: { views: { engine: 'plain' } } },
        );
        await expect(started).rejects.toThrow(
            'src/config/http.ts: views.engine is "plain", a package without an engine for Express (__express): name its own function',
        );
    });
});

describe('an error in a template', () => {
    const files = { 'views/cart.tiny': '<h1>Cart</h1>\n<p>{item}</p>' };

    test('is answered as any other, and logged', async () => {
        const app = await withFiles(files, { ...VIEWS, environment: 'production' });
        expect(await pageOf(app, '/empty')).toMatchObject({
            status: 500,
            text: expect.stringContaining('Something went wrong on our side'),
        });
        expect(await (await fetch(`${app.url}/none`)).json()).toMatchObject({ code: 500 });
        expect(app.log.lines.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual([
            expect.stringContaining('item is not defined'),
            expect.stringContaining('Failed to lookup view "nothing"'),
        ]);
    });

    test('is answered where a middleware renders it, too', async () => {
        class Welcome {
            public handle(_request: Request, response: Response): void {
                response.render('cart');
            }
        }
        const app = await withFiles(files, { ...VIEWS, environment: 'production', middlewares: [Welcome] });
        expect((await pageOf(app, '/')).status).toBe(500);
    });

    test('shows its developer the lines of the template', async () => {
        const app = await withFiles(files, { ...VIEWS, ...development });
        const { text } = await pageOf(app, '/empty');
        expect(text).toContain('<h1>item is not defined</h1>');
        expect(text).toContain('<figcaption>views/cart.tiny:2</figcaption>');
        expect(text).toContain('&lt;p&gt;{item}&lt;/p&gt;');
    });
});

describe('error pages of the application', () => {
    const files = {
        'views/errors/404.html': '<h1>Lost?</h1>',
        'views/errors/4xx.html': '<h1>No</h1>',
        'views/errors/503.tiny': '<h1>{title}: {message} {status} {requestId}</h1>',
        'views/errors/5xx.tiny': '<h1>{missing}</h1>',
    };

    test('are sent by status, or by its hundred, with the status and to browsers alone', async () => {
        const app = await withFiles(files, { ...VIEWS, environment: 'production' });
        expect(await pageOf(app, '/nothing')).toMatchObject({ status: 404, text: '<h1>Lost?</h1>' });
        expect(await pageOf(app, '/private')).toMatchObject({ status: 403, text: '<h1>No</h1>' });
        expect(await pageOf(app, '/later')).toMatchObject({
            status: 503,
            text: expect.stringMatching(/^<h1>Service Unavailable: .* 503 [\w-]{10,}<\/h1>$/),
        });
        expect(await (await fetch(`${app.url}/nothing`)).json()).toMatchObject({ code: 404 });
    });

    test('need no views to be on, as long as they are no templates', async () => {
        const app = await withFiles(files, { environment: 'production' });
        expect((await pageOf(app, '/nothing')).text).toBe('<h1>Lost?</h1>');
        expect((await pageOf(app, '/later')).text).toContain('Come back at noon.');
        expect((await app.log.line(/503\.tiny/)).message).toBe('The error page 503.tiny failed itself.');
    });

    test('are replaced by the plain page where they fail themselves, and the log says so', async () => {
        const app = await withFiles(files, { ...VIEWS, environment: 'production' });
        const { status, text } = await pageOf(app, '/broken');
        expect([status, text.includes('Something went wrong on our side')]).toEqual([500, true]);
        const { context } = await app.log.line(/5xx\.tiny failed/);
        expect(String(context['error'])).toContain('missing is not defined');
        expect(app.log.lines.some(({ message }) => message === 'the cat is out')).toBe(true);
        rmSync(join(folder, 'views/errors/404.html'));
        expect(await pageOf(app, '/nothing')).toMatchObject({
            status: 404,
            text: expect.stringContaining('There is no route for GET /nothing'),
        });
    });

    test('leave the detailed page of development alone, and are seen there below 500 as soon as they are saved', async () => {
        const app = await withFiles(files, { ...VIEWS, ...development });
        expect((await pageOf(app, '/broken')).text).toContain('<h1>the cat is out</h1>');
        put('views/errors/403.html', '<h1>Private</h1>');
        expect((await pageOf(app, '/private')).text).toBe('<h1>Private</h1>');
    });

    test('can be made by render() of Handler: one that fails there is replaced as well', async () => {
        class Handler extends ExceptionHandler {
            public override async render(error: Error, _request: Request, response: Response): Promise<void> {
                response.status(403).render('forbidden', { message: error.message });
            }
        }
        const app = await withFiles({ 'views/cart.tiny': '' }, { ...VIEWS, environment: 'production', Handler });
        expect(await pageOf(app, '/private')).toMatchObject({
            status: 403,
            text: expect.stringContaining('This is private.'),
        });
        const { context } = await app.log.line(/render\(\) failed itself/);
        expect(String(context['error'])).toContain('Failed to lookup view "forbidden"');
        expect(app.log.lines.filter(({ message }) => message === 'This is private.')).toHaveLength(1);
        put('views/forbidden.tiny', '<h1>{message}</h1>');
        expect((await pageOf(app, '/private')).text).toBe('<h1>This is private.</h1>');
    });
});
