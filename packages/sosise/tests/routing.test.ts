import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type RequestHandler, Router } from 'express';
import {
    ApplicationKernel,
    host,
    loadConfig,
    loadEnvironment,
    type ServiceProviderClass,
    ValidationException,
} from 'sosise';
import { describe, expect, onTestFinished, test } from 'vitest';
import { guideFolder } from './docs/guideFolder.js';
import { readDocuments } from './docs/Markdown.js';
import { misspeltActions } from './helpers/inside/DevTools.js';
import { action, HttpPipeline, HttpServer, routesOf } from './helpers/inside/Http.js';
import { sessionApp, temporaryFolder } from './helpers/sessionApp.js';
import { httpApp, RawClient } from './httpApp.js';
import { PROJECT } from './stock.js';
import { createTestApp } from './stockTestApp.js';

/** The application of docs/routing.md. */
async function guide() {
    const folder = guideFolder('docs/routing.md');
    type Bootstrap = { createApplication(overrides: object): Promise<ApplicationKernel> };
    const { createApplication } = await folder.load<Bootstrap>('src/bootstrap/app.ts');
    const app = await createApplication({ logging: { console: false, files: { enabled: false } } });
    onTestFinished(() => app.shutdown());
    await app.boot();
    const { port } = await app.container.make(HttpServer).listen({ port: 0, host: '127.0.0.1' });
    const ask = async (path: string, headers: Record<string, string> = {}, init: RequestInit = {}) => {
        const client = new RawClient(port);
        const lines = Object.entries({ Host: 'localhost', Connection: 'close', ...headers });
        const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
        client.send(`${init.method ?? 'GET'} ${path} HTTP/1.1\r\n${head}\r\n${init.body ?? ''}`);
        const [, status = '', body = ''] =
            /^HTTP\/1\.1 (\d+)[\s\S]*?\r\n\r\n([\s\S]*)$/.exec(await client.closed) ?? [];
        return [Number(status), (JSON.parse(body) as { message: string }).message];
    };
    return { app, ask, folder };
}

const SUPPORT = { 'X-Team': 'support' };

describe('docs/routing.md', () => {
    test('has several files of routes, groups with middlewares of their own, and a host for some', async () => {
        const { ask } = await guide();
        expect(await ask('/')).toEqual([200, 'Sosise Skeleton is running']);
        expect(await ask('/api/notes/7')).toEqual([200, 'Your note']);
        expect((await ask('/notes/7'))[0]).toBe(404);
        expect(await ask('/admin/notes/7')).toEqual([403, 'This is for our support.']);
        expect(await ask('/admin/notes/7', SUPPORT)).toEqual([200, 'Your note']);
        expect(await ask('/notes/7', { Host: 'admin.localhost:10000' })).toEqual([403, 'This is for our support.']);
        expect(await ask('/notes/7', { Host: 'ADMIN.localhost.', ...SUPPORT })).toEqual([200, 'Your note']);
        expect((await ask('/notes/7', { 'X-Forwarded-Host': 'admin.localhost', ...SUPPORT }))[0], 'nobody').toBe(404);
    });

    test('shows what route:list says, and no action of it is misspelt', async () => {
        const { app } = await guide();
        const pipeline = app.container.make(HttpPipeline);
        const listed = routesOf(pipeline).map(({ method, path, handler, middleware }) =>
            [method, path, handler, middleware.join(', ')].join(' ').trim(),
        );
        const { blocks = [] } = readDocuments(PROJECT).find(({ name }) => name === 'docs/routing.md') ?? {};
        const [, ...shown] = (blocks.find(({ language }) => language === 'text')?.code ?? '').trim().split('\n');
        expect(shown.map((line) => line.replace(/ +/g, ' '))).toEqual(listed);
        expect(misspeltActions(pipeline)).toEqual([]);
    });

    test('sends DELETE by a form', async () => {
        const { ask } = await guide();
        const form = (body: string, type = 'application/x-www-form-urlencoded') =>
            ask(
                '/api/notes/7',
                { 'Content-Type': type, 'Content-Length': String(body.length) },
                { method: 'POST', body },
            );
        expect(await form('_method=DELETE')).toEqual([200, 'Deleted']);
        expect(await form('_method=put&text=hello')).toEqual([200, 'Saved']);
        expect(await form('_method=GET')).toEqual([400, 'The field _method of a form can be PUT, PATCH or DELETE.']);
        expect((await form('{"_method":"DELETE"}', 'application/json'))[0]).toBe(404);
    });
});

describe('a host', () => {
    test('that is none is refused where it is named', () => {
        for (const name of ['https://admin.example.com', 'admin.example.com:443', 'Admin.example.com', '']) {
            expect(() => host(name)).toThrow(`host('${name}') names no host`);
        }
    });

    test('is taken from a proxy that is trusted, and from no other', async () => {
        const routes = (router: Router) => {
            router.use(
                host('admin.example.com', ((_request, response) => void response.json('admin')) as RequestHandler),
            );
            router.get('/', (_request, response) => response.json('all'));
        };
        for (const [trustProxy, expected] of [
            [1, 'admin'],
            [false, 'all'],
        ]) {
            const app = await httpApp({ routes, http: { trustProxy } });
            onTestFinished(app.close);
            const headers = { 'x-forwarded-host': 'admin.example.com' };
            expect(await (await fetch(app.url, { headers })).json()).toBe(expected);
        }
    });

    test('has its misspelt actions found', () => {
        class Known {
            public show(): void {}
        }
        const router = Router().get('/', action(Known, 'shwo' as 'show'));
        const pipeline = new HttpPipeline().use('routes', Router().use('/x', host('a.example.com', router)));
        expect(misspeltActions(pipeline)).toEqual([
            'Known has no method shwo, which a route calls. Did you mean show?',
        ]);
    });
});

describe('the method of a form', () => {
    const routes = (router: Router) => {
        router.delete('/note', (request, response) => {
            request.session['deleted'] = request.body;
            response.json(request.session['deleted']);
        });
        router.put('/note', () => {
            throw new ValidationException({ text: ['Too short.'] });
        });
        router.post('/note', (_request, response) => response.json('posted'));
        router.get('/deleted', (request, response) => response.json(request.session['deleted'] ?? null));
    };
    const form = (fields: Record<string, string>, headers = {}) => ({
        method: 'POST',
        headers,
        body: new URLSearchParams(fields),
    });

    test('is POST unless the config turns the field on', async () => {
        const app = await sessionApp({ routes });
        expect(await app.browser().json('/note', form({ _method: 'DELETE' }))).toBe('posted');
    });

    test('is that of the field, which the route does not see, once CSRF protection has let the POST pass', async () => {
        const app = await sessionApp({ routes, http: { methodOverride: true } });
        const browser = app.browser();
        expect(await browser.json('/note', form({ _method: 'DELETE', id: '7' }))).toEqual({ id: '7' });
        const elsewhere = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' };
        expect((await browser.visit('/note', form({ _method: 'DELETE', id: '8' }, elsewhere))).status).toBe(403);
        expect(await browser.json('/deleted')).toEqual({ id: '7' });
        const address = await browser.visit('/note?_method=DELETE', form({}));
        expect(await address.json()).toBe('posted');
    });

    test('takes a refused form back to its page, as a POST', async () => {
        const app = await sessionApp({ routes, http: { methodOverride: true } });
        const headers = { accept: 'text/html', referer: `${app.url}/deleted` };
        const refused = await app.browser().visit('/note', form({ _method: 'PUT' }, headers));
        expect([refused.status, refused.headers.get('location')]).toEqual([303, '/deleted']);
    });
});

describe('app.path()', () => {
    const kernel = () => {
        const root = temporaryFolder();
        const manifest = { manifest: 1, name: 'shop', paths: { storage: 'var', public: 'web' } };
        writeFileSync(join(root, 'sosise.json'), JSON.stringify(manifest));
        const environment = loadEnvironment(pathToFileURL(join(root, 'build/bootstrap/app.js')).href, {});
        return {
            root,
            app: new ApplicationKernel({ environment, providers: [] as ServiceProviderClass[], config: {} }),
        };
    };

    test('is absolute: in a folder of sosise.json, or in any other of the application', () => {
        const { root, app } = kernel();
        expect(app.path()).toBe(root);
        expect(app.path('storage', 'todo', 'a.json')).toBe(join(root, 'var/todo/a.json'));
        expect(app.path('sessions')).toBe(join(root, 'var/sessions'));
        expect(app.path('public', 'logo.svg')).toBe(join(root, 'web/logo.svg'));
        expect(app.path('views/errors', '404.html')).toBe(join(root, 'views/errors/404.html'));
        expect(app.path('storage', '/etc/passwd'), 'as a name').toBe(join(root, 'var/etc/passwd'));
    });

    test.each([
        [['..']],
        [['/../..', 'etc']],
        [['storage', '..', '.env']],
        [['storage', 'uploads', '../../.env']],
        [['data', '../.env']],
        [['storage', 'a\0.png']],
    ])('refuses %j, which leads out', (names) => {
        expect(() => kernel().app.path(...names)).toThrow(
            expect.objectContaining({ errorCode: 'E_PATH_OUTSIDE', status: 400 }),
        );
    });

    test('leads to the storage of the test, in a test', async () => {
        const { app, storage } = await createTestApp();
        expect(app.path('storage', 'todo')).toBe(join(storage, 'todo'));
        expect(app.path('logs')).toBe(join(storage, 'logs'));
    });
});

describe('the files of src/config', () => {
    const folderWith = (files: readonly string[]) => {
        const root = temporaryFolder();
        mkdirSync(join(root, 'config'));
        for (const name of files) {
            writeFileSync(join(root, 'config', name), `export default { name: '${name}' };\n`);
        }
        return (entry: string) =>
            loadConfig(pathToFileURL(join(root, 'bootstrap', entry)).href, async (file) => import(file));
    };

    test('are all loaded, each by its name, and what is beside them is not', async () => {
        const load = folderWith([
            'app.ts',
            'mail.ts',
            'mail.test.ts',
            'types.d.ts',
            'app.js',
            'app.js.map',
            'notes.md',
        ]);
        expect(await load('app.ts')).toEqual({ app: { name: 'app.ts' }, mail: { name: 'mail.ts' } });
        expect(await load('app.js')).toEqual({ app: { name: 'app.js' } });
    });

    test('need no line elsewhere', async () => {
        const folder = guideFolder('docs/routing.md');
        type Bootstrap = { createApplication(overrides: object): Promise<ApplicationKernel> };
        const { createApplication } = await folder.load<Bootstrap>('src/bootstrap/app.ts');
        const { config } = await createApplication({ sites: { admin: 'admin.example.com' } });
        expect(config.names()).toEqual(['app', 'http', 'logging', 'session', 'sites']);
        expect(config.get('sites')).toEqual({ admin: 'admin.example.com' });
    });
});
