import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Request, RequestHandler, Response, Router } from 'express';
import { Pool } from 'pg';
import {
    type ApplicationKernel,
    action,
    type ControllerClass,
    env,
    HttpPipeline,
    hashPassword,
    Logger,
    login,
    Readiness,
    SessionEvents,
    SessionManager,
} from 'sosise';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ConsoleProject } from './consoleProject.js';
import { CopiedApp } from './docs/CopiedApp.js';
import { Curl } from './docs/Curl.js';
import { guideFolder, projectFolder } from './docs/guideFolder.js';
import { type Block, readDocuments } from './docs/Markdown.js';
import { asModule, kindOf } from './docs/snippets.js';
import type { Browser } from './helpers/Browser.js';
import { hasSqlite, ownTable } from './helpers/ownTable.js';
import { postgresSchema, serversAreRequired, whyNoPostgres } from './helpers/postgres.js';
import { RedisServer, whyNoRedis } from './helpers/redis.js';
import { type SessionAppOptions, sessionApp, temporaryFolder } from './helpers/sessionApp.js';

/** Runs what the documents show. docs.test.ts compiles all of it. */

const project = new URL('../../..', import.meta.url).pathname;
const blocks = readDocuments(project)
    .flatMap((document) => document.blocks)
    .filter(({ language }) => language === 'ts' || language === 'typescript');
const keys = blocks.filter((block) => kindOf(block) === 'keys');
const statements = blocks.filter((block) => kindOf(block) === 'statements');
const inRoutes = statements.filter(({ path }) => path === undefined);
const cluster = statements.find(({ path }) => path === 'src/cluster.ts');
const inBoot = statements.filter((block) => block.path !== undefined && block !== cluster);
const onPostgres = keys.filter(({ code }) => code.includes("'postgres'"));
const whyNot = await whyNoPostgres();
const onDatabase = keys.filter(({ code }) => code.includes("'postgres:"));
const inSqlite = keys.filter(({ code }) => code.includes('.sqlite'));
const onRedis = keys.filter(({ code }) => code.includes("'redis'"));

/** Whose tests run the files that a document shows. */
const FILES_RUN_BY: Readonly<Record<string, string>> = {
    'README.md': 'readme.full.test.ts',
    'docs/application.md': 'readme.full.test.ts',
    'docs/testing.md': 'readme.full.test.ts',
    'docs/drivers.md': 'readme.full.test.ts',
    'docs/rate-limit.md': 'rateLimit.test.ts',
    'docs/realtime.md': 'realtimeApp.ts',
    'docs/passport.md': 'passportGuide.test.ts',
    'docs/upgrading.md': 'handWired.full.test.ts',
    'docs/security.md': 'snippets.full.test.ts',
    'docs/sessions.md': 'snippets.full.test.ts',
    'docs/settings.md': 'snippets.full.test.ts',
    'docs/concurrency.md': 'snippets.full.test.ts',
    'docs/frontends.md': 'snippets.full.test.ts',
    'docs/console.md': 'snippets.full.test.ts',
    'docs/jobs.md': 'jobs.full.test.ts',
    'docs/recipes.md': 'recipes.full.test.ts',
    'docs/views.md': 'views.full.test.ts',
    'docs/routing.md': 'routing.test.ts',
};
const NOT_RUN: Readonly<Record<string, string>> = {
    'src/types/session.d.ts': 'types, which only the compiler knows',
};

/** Stands for the application's address until that is known. */
const URL_HERE = 'http://this.test';
const post = (body: object = {}) => ({ method: 'POST', body });

describe('what the documents show', () => {
    test('is run, but for what is named here', () => {
        const left = blocks.filter((block) => {
            const runner = FILES_RUN_BY[block.document];
            const isRun = keys.includes(block) || statements.includes(block) || runner !== undefined;
            return !isRun || (block.path !== undefined && block.path in NOT_RUN);
        });
        expect([...new Set(left.map(({ path }) => path))].sort()).toEqual(Object.keys(NOT_RUN).sort());
        for (const [document, runner] of Object.entries(FILES_RUN_BY)) {
            expect(readFileSync(join(project, 'packages/sosise/tests', runner), 'utf8'), runner).toContain(document);
        }
        console.log(`${blocks.length - left.length} of ${blocks.length} TypeScript blocks of the documents are run.`);
    });
});

/** The settings that a block shows, with places that this machine has. */
async function settingsIn({ code, path }: Block): Promise<SessionAppOptions> {
    const folder = temporaryFolder();
    const settings = new Function('env', `return ({${code.replaceAll('/var/lib/shop', folder)}});`)(env) as Record<
        string,
        Record<string, Record<string, unknown>>
    >;
    if (path === 'src/config/http.ts') {
        return { http: settings };
    }
    if (path === 'src/config/logging.ts') {
        return { logging: settings };
    }
    const { drivers, ...others } = settings;
    const { redis, database } = drivers ?? {};
    if (database) {
        const { options, drop } = ownTable();
        onTestFinished(drop);
        const isFile = String(database['url']).endsWith('.sqlite');
        const url = join(folder, String(database['url']));
        return { session: { ...others, enabled: true, drivers: { database: isFile ? { url } : options } } };
    }
    const isRedis = (others['driver'] as unknown) === 'redis';
    const server = isRedis ? await redisServer() : {};
    const { url: _, ...options } = redis ?? {};
    return {
        session: {
            ...others,
            enabled: true,
            drivers: { ...drivers, ...(isRedis && { redis: { ...options, ...server } }) },
        },
    };
}

async function redisServer() {
    const server = await RedisServer.start();
    onTestFinished(() => server.stop());
    return server.options;
}

describe('settings', () => {
    const skipped = [
        ...onPostgres,
        ...(whyNot && !serversAreRequired ? onDatabase : []),
        ...(hasSqlite ? [] : inSqlite),
        ...(whyNoRedis() && !serversAreRequired ? onRedis : []),
    ];
    test.each(keys.filter((block) => !skipped.includes(block)).map((block) => [block.place, block] as const))(
        'of %s make an application that stores',
        async (_place, block) => {
            const routes = (router: Router) => {
                router.post('/store', (request, response) => {
                    request.session['a'] = 1;
                    response.json('stored');
                });
                router.get('/read', (request, response) => {
                    response.json(request.session['a'] ?? null);
                });
            };
            const { session, http } = await settingsIn(block);
            const root = temporaryFolder();
            if (http?.['views']) {
                mkdirSync(join(root, 'views'));
            }
            const app = await sessionApp({
                root,
                routes,
                ...(session && { session }),
                http: { ...http, ...(http?.['stopDelayMs'] !== undefined && { stopDelayMs: 1 }), trustProxy: 1 },
            });
            const browser = app.browser();
            const https = { 'x-forwarded-proto': 'https' };
            expect((await browser.visit('/store', { ...post(), headers: https })).status).toBe(200);
            const token = http?.['csrf'] && typeof http['csrf'] === 'object' && 'tokens' in http['csrf'];
            expect(await browser.json('/read', { headers: https })).toBe(1);
            expect((await browser.visit('/store', { ...post(), headers: https })).status).toBe(token ? 403 : 200);
        },
    );
});

type Snippet = (
    this: { app: ApplicationKernel },
    request: Request,
    response: Response,
    next: (error?: unknown) => void,
) => Promise<void>;

/** A block as a function, with what stands around it in a controller or a provider. */
async function snippetOf(block: Block): Promise<Snippet> {
    const { path = 'src/app/Http/Controllers/Snippet.ts' } = block;
    const folder = block.document === 'docs/application.md' ? guideFolder(block.document) : projectFolder();
    if (block.code.includes('MapDriver')) {
        const driver = blocks.find((other) => other.path === 'src/app/Session/MapDriver.ts');
        folder.put('src/app/Session/MapDriver.ts', driver?.code ?? '');
    }
    const file = path.replace(/\w+\.ts$/, 'Snippet.ts');
    folder.put(file, asModule(block));
    return (await folder.load<{ snippet: Snippet }>(file)).snippet;
}

describe('statements in a route', () => {
    test.each(inRoutes.map((block) => [block.place, block] as const))('of %s', async (_place, block) => {
        const print = vi.spyOn(console, 'log').mockImplementation(() => undefined);
        onTestFinished(() => print.mockRestore());
        let url = '';
        const run = await snippetOf({ ...block, code: block.code.replaceAll('http://localhost:10000', URL_HERE) });
        const failures: unknown[] = [];
        const app = await sessionApp({
            routes: (router) => {
                router.post('/cart', (request, response) => {
                    request.session['cart'] = request.body;
                    response.json(request.session['cart']);
                });
                router.all('/run', async (request, response, next) => {
                    const toNext = (error?: unknown) => next(error);
                    request.session['users'] = [{ id: 1 }];
                    vi.stubGlobal('fetch', (path: string, init: RequestInit) =>
                        realFetch(String(path).replace(URL_HERE, url), init),
                    );
                    await run.call({ app: app.app }, request, response, toNext).catch((error) => {
                        failures.push(error);
                        throw error;
                    });
                    // What stands deeper answers only where it comes to that.
                    if (
                        !response.headersSent &&
                        !response.writableEnded &&
                        !/^response\.|\n {4}response\./m.test(block.code)
                    ) {
                        response.json('done');
                    }
                });
            },
        });
        onTestFinished(() => void vi.unstubAllGlobals());
        url = app.url;
        const answer = await app.browser().visit('/run?page=2', post({ email: 'ada@example.com', page: 2 }));
        const isRefusal = block.code.includes('throw new ValidationException');
        const expected = isRefusal ? 422 : /^response\.redirect/m.test(block.code) ? 303 : 200;
        expect([answer.status, failures.map(String).slice(0, isRefusal ? 0 : 1)]).toEqual([expected, []]);
    });
});

const realFetch = globalThis.fetch;

describe('statements in boot()', () => {
    test.each(inBoot.map((block) => [block.place, block] as const))('of %s', async (_place, block) => {
        const run = await snippetOf(block);
        let booted: Promise<void> | undefined;
        const app = await sessionApp({
            boot: (kernel) => {
                if (block.code.includes('winston')) {
                    kernel.container.instance(Logger, new Logger({ level: 'debug', console: false }));
                }
                booted = run.call({ app: kernel }, undefined as never, undefined as never, undefined as never);
            },
        });
        await booted;
        const { container } = app.app;
        const [, driver] = /extend\('(\w+)'/.exec(block.code) ?? [];
        if (block.code.includes("configure('database'")) {
            const { pool } = container.make(SessionManager).optionsWith('database', {});
            expect(pool).toBeInstanceOf(Pool);
        } else if (driver) {
            expect(container.make(SessionManager).names()).toContain(driver);
        } else if (block.code.includes('winston')) {
            expect(container.make(Logger).isEnabled('error'), 'it has somewhere to write').toBe(true);
        } else if (block.code.includes('express.locals')) {
            const { locals } = container.make(HttpPipeline).express;
            expect(locals).toMatchObject({ shop: 'Tea House', settings: { 'json spaces': 2 } });
        } else if (block.code.includes('SessionEvents')) {
            await fetch(app.url, { headers: { cookie: 'sosise=s%3Anobody.forged' } });
            container.make(SessionEvents).flush();
            expect(app.log.map(({ message }) => message)).toContain('Refused: signature');
        } else if (block.code.includes('Readiness')) {
            expect(await container.make(Readiness).look()).toBeUndefined();
        } else {
            const raw = await fetch(`${app.url}/webhook`, { method: 'POST', body: '{ "not": parsed ' });
            expect(await raw.json()).toMatchObject({ data: { bytes: 16 } });
        }
    });
});

/** The controller that a document shows. */
const controller = async <Kind extends object>(document: string, name: string): Promise<ControllerClass<Kind>> =>
    (
        await guideFolder(document).load<{ default: ControllerClass<Kind> }>(
            `src/app/Http/Controllers/${name}Controller.ts`,
        )
    ).default;

type Actions = Record<string, (request: Request, response: Response) => Promise<unknown>>;
const members = (router: Router) => {
    router.post('/enter', async (request, response) => {
        await login(request, 7);
        response.json('welcome');
    });
};
const enter = async (browser: Browser) => {
    await browser.visit('/enter', post());
    return browser;
};

describe('controllers and routes', () => {
    test('of docs/security.md log in and out, and end the other sessions', async () => {
        const Login = await controller<Actions>('docs/security.md', 'Login');
        class Known extends Login {}
        const hash = hashPassword('correct horse');
        Object.assign(Known.prototype, {
            userNamed: async (name: string) => (name === 'ada' ? { id: 7, passwordHash: await hash } : undefined),
        });
        const Sessions = await controller<Actions>('docs/security.md', 'Sessions');
        const guide = guideFolder('docs/security.md');
        const { default: routes } = await guide.load<{ default: Router }>('src/routes/api.ts');
        const { default: account } = await guide.load<{ default: Router }>('src/routes/account.ts');
        const app = await sessionApp({
            session: { deviceBound: true },
            routes: (router) => {
                router.use(account);
                router.post('/login', action(Known, 'store'));
                router.post('/logout', action(Known, 'destroy'));
                router.get('/sessions', action(Sessions, 'index'));
                router.post('/others', action(Sessions, 'destroyOthers'));
                router.use(routes);
            },
        });
        const [phone, laptop] = [app.browser(), app.browser()];
        expect((await phone.visit('/login', post({ name: 'eve', password: 'correct horse' }))).status).toBe(401);
        expect((await phone.visit('/members')).status).toBe(401);
        expect((await phone.visit('/login', post({ name: 'ada', password: 'wrong' }))).status).toBe(401);
        for (const browser of [phone, laptop]) {
            const visit = post({ name: 'ada', password: 'correct horse' });
            expect((await browser.visit('/login', visit)).status).toBe(200);
        }
        expect(await phone.json('/members')).toMatchObject({ user: '7', since: expect.anything() });
        expect(await phone.json('/account')).toEqual({ bound: false });
        expect((await phone.visit('/transfer', post())).status).toBe(403);
        expect(await phone.json('/password', post())).toBe('changed');
        expect(await phone.json('/sessions')).toHaveLength(2);
        expect(await phone.json('/others', post())).toBe(1);
        expect((await laptop.visit('/members')).status).toBe(401);
        await phone.visit('/logout', post());
        expect((await phone.visit('/members')).status).toBe(401);
    });

    test.skipIf(whyNot && !serversAreRequired)('of docs/security.md keep users in PostgreSQL', async () => {
        const { url, drop } = await postgresSchema(`users_${process.pid}`);
        const pool = new Pool({ connectionString: url });
        onTestFinished(() => pool.end().then(drop));
        interface User {
            id: string;
            passwordHash: string;
        }
        interface Users {
            findById(id: string): Promise<User | undefined>;
            findByEmail(email: string): Promise<User | undefined>;
            create(email: string, passwordHash: string): Promise<User | undefined>;
            changePassword(user: User, passwordHash: string): Promise<void>;
        }
        const path = 'src/app/Auth/DatabaseUsers.ts';
        const code = blocks.find((block) => block.path === path)?.code ?? '';
        await pool.query(/CREATE TABLE .*/.exec(code)?.[0] ?? 'no table is shown');
        const { default: DatabaseUsers } = await guideFolder('docs/security.md').load<{
            default: new (pool: Pool) => Users;
        }>(path);
        const users = new DatabaseUsers(pool);

        const ada = (await users.create('ada@example.com', 'first')) as User;
        expect(await users.create('ada@example.com', 'other')).toBeUndefined();
        expect(await users.findByEmail('ada@example.com')).toEqual(ada);
        expect([await users.findById(''), await users.findByEmail('bob@example.com')]).toEqual([undefined, undefined]);
        await users.changePassword(ada, 'second');
        await users.changePassword(ada, 'third'); // the first is there no more
        expect(await users.findById(ada.id)).toEqual({ ...ada, passwordHash: 'second' });
    });

    test('of docs/sessions.md show the keys, and say once what was saved', async () => {
        const print = vi.spyOn(console, 'log').mockImplementation(() => undefined);
        onTestFinished(() => print.mockRestore());
        const Shown = await controller<Actions>('docs/sessions.md', 'Session');
        const Profile = await controller<Actions>('docs/sessions.md', 'Profile');
        const app = await sessionApp({
            routes: (router) => {
                router.get('/keys', action(Shown, 'index'));
                router.post('/profile', action(Profile, 'store'));
                router.get('/profile', action(Profile, 'show'));
            },
        });
        const client = app.client();
        expect((await client.get('/keys')).json()).toEqual(['cookie']);
        const saved = await client.submit('/profile');
        expect(saved.assertRedirect('/profile').json()).toMatchObject({ message: 'Your profile was saved.' });
        expect((await client.visit('/profile')).json()).toMatchObject({ message: 'Your profile' });
    });

    test('of docs/settings.md bring a cart of the first version to the form of today', async () => {
        const guide = guideFolder('docs/settings.md');
        const { default: config } = await guide.load<{ default: object }>('src/config/session.ts');
        const app = await sessionApp({
            session: { ...config, secret: undefined, driver: 'memory' },
            routes: (router) => {
                router.get('/cart', ({ session }, response) => {
                    response.json([session['cart'], session['theme']]);
                });
            },
        });
        const client = app.client().withSession({ cart: 'tea' });
        expect((await client.get('/cart')).json()).toEqual([{ item: 'tea', amount: 1 }, 'light']);
        expect(app.log.filter(({ level }) => level === 'warning')).toEqual([]);
    });

    test('of docs/concurrency.md give each of twenty requests a seat of its own', async () => {
        const guide = guideFolder('docs/concurrency.md');
        const { default: routes } = await guide.load<{ default: RequestHandler & Router }>('src/routes/api.ts');
        const app = await sessionApp({
            routes: (router) => {
                members(router);
                router.use(routes);
            },
        });
        const browser = await enter(app.browser());
        await Promise.all(Array.from({ length: 20 }, () => browser.visit('/seats', post())));
        expect(await browser.json('/seats', post())).toHaveLength(21);
    });

    test('of docs/frontends.md put a token into the form that lets it in', async () => {
        const Contact = await controller<Actions>('docs/frontends.md', 'Contact');
        const app = await sessionApp({
            http: { csrf: { tokens: true } },
            routes: (router) => {
                router.get('/form', action(Contact, 'form'));
                router.post('/contact', (_request, response) => {
                    response.json('sent');
                });
            },
        });
        const browser = app.browser();
        const [, token = ''] = /value="([^"]+)"/.exec(await (await browser.visit('/form')).text()) ?? [];
        const form = (fields: Record<string, string>) => ({ method: 'POST', body: new URLSearchParams(fields) });
        expect((await browser.visit('/contact', form({}))).status).toBe(403);
        expect(await browser.json('/contact', form({ _csrf: token }))).toBe('sent');
    });

    test('of docs/console.md are a command of ./artisan', async () => {
        const copied = new ConsoleProject();
        for (const block of blocks.filter(({ document }) => document === 'docs/console.md')) {
            copied.put(block.path ?? '', block.code);
        }
        const { code, output, errors } = await copied.artisan('report:send ada@example.com monday --format text');
        expect([code, errors]).toEqual([0, '']);
        expect(output).toContain('The report of monday went to ada@example.com, as text.');
    });

    test('of docs/console.md count the sessions that live, and those in memory are out of reach', async () => {
        const copied = new ConsoleProject();
        const counting = blocks.find(({ path }) => path?.endsWith('CountSessionsCommand.ts'));
        copied.put(counting?.path ?? '', counting?.code ?? '');
        const kernel = copied.get('src/app/Console/Kernel.ts');
        const line = "{\n    'sessions:count': () => import('./Commands/CountSessionsCommand.js'),";
        copied.put('src/app/Console/Kernel.ts', kernel.replace(/(?<=CommandList = )\{/, line));
        const config = copied.get('src/config/session.ts').replace('enabled: false', 'enabled: true');
        copied.put('src/config/session.ts', config);
        expect(await copied.artisan('sessions:count')).toMatchObject({ code: 0, output: '0 sessions.\n' });

        copied.put('src/config/session.ts', config.replace("driver: 'file'", "driver: 'memory'"));
        const inMemory = await copied.artisan('sessions:count');
        expect([inMemory.code, inMemory.output]).toEqual([1, '']);
        expect(inMemory.errors).toContain("in the memory of the server's process, where no command reaches them");
    });
});

test('a refused profile of docs/application.md goes back to its form, which says what was wrong, and then what was saved', async () => {
    const copied = new CopiedApp(project);
    onTestFinished(() => copied.remove());
    for (const block of blocks.filter(({ document, path }) => document === 'docs/application.md' && path)) {
        copied.apply(block);
    }
    for (const name of ['Browser.ts', 'PageBrowser.ts']) {
        cpSync(join(import.meta.dirname, 'helpers', name), join(copied.folder, 'tests/helpers', name));
    }
    copied.write('tests/app/profilePage.test.ts', PROFILE_PAGE_TEST);
    expect(await copied.test('tests/app/profile')).toContain('2 passed');
    expect(await copied.compile()).toBe('');
});

const PROFILE_PAGE_TEST = `import { expect, test } from 'vitest';
import { createTestApp } from '../helpers/createTestApp.js';
import { PageBrowser } from '../helpers/PageBrowser.js';

test('the page', async () => {
    const server = await createTestApp({ session: { enabled: true } });
    const visitor = new PageBrowser(server.url);
    const typed = '"><b>@example.com';
    await visitor.submit('/profile', { email: typed, age: '17' }, '/profile');
    const refused = await visitor.get('/profile');
    expect(refused).toContain('That is no address.');
    expect(refused).toContain('You have to be 18.');
    expect(refused).toContain('value="&quot;&gt;&lt;b&gt;@example.com"');
    await visitor.submit('/profile', { email: 'ada@example.com', age: '30' }, '/profile');
    const saved = await visitor.get('/profile');
    expect(saved).toContain('<p role="status">We will write to ada@example.com, who is 30.</p>');
    expect(saved).not.toContain('You have to be 18.');
    expect(await visitor.get('/profile')).toContain('<p role="status"></p>');
});
`;

test.skipIf(whyNot && !serversAreRequired)('the driver of README.md keeps sessions in PostgreSQL', async () => {
    const { url, drop } = await postgresSchema(`readme_${process.pid}`);
    onTestFinished(drop);
    vi.stubEnv('DATABASE_URL', url);
    onTestFinished(() => void vi.unstubAllEnvs());
    const copied = new CopiedApp(project);
    onTestFinished(() => copied.remove());
    for (const block of blocks.filter(({ document }) => document === 'README.md')) {
        copied.apply(block);
    }
    const [shown = '', ...others] = onPostgres.map(({ code }) => code);
    expect(others, 'docs/drivers.md shows the same').toEqual([shown]);
    const app = await copied.start();
    const curl = new Curl(app.url);
    await curl.run('curl -d item=tea http://localhost:10000/cart');
    expect(await curl.run('curl http://localhost:10000/cart')).toMatchObject({ data: { item: 'tea' } });
    expect(app.output()).toContain('driver postgres');
    await app.stop();
    expect(copied.sessionFiles()).toBe(0);
});

test('src/cluster.ts of docs/deploy.md serves the same sessions from all its processes, and stops as one', async () => {
    const copied = new CopiedApp(project);
    onTestFinished(() => copied.remove());
    const readme = blocks.filter(({ document, code }) => document === 'README.md' && !/memory|postgres/i.test(code));
    for (const block of readme) {
        copied.apply(block);
    }
    copied.write('src/cluster.ts', cluster?.code ?? '');
    const app = await copied.start('src/cluster.ts');
    const curl = new Curl(app.url);
    await curl.run('curl -d item=tea http://localhost:10000/cart');
    for (let request = 0; request < 6; request += 1) {
        expect(await curl.run('curl http://localhost:10000/cart')).toMatchObject({ data: { item: 'tea' } });
    }
    await app.stop();
    expect(copied.sessionFiles()).toBe(1);
});

test('the session.ts of Sosise is taken as it is, but for its secret', async () => {
    const app = await sessionApp({
        session: {
            driver: 'file',
            name: 'sosise',
            rolling: false,
            resave: true,
            proxy: true,
            saveUninitialized: true,
            unset: 'keep',
            cookie: {
                maxAge: 3_600_000,
                httpOnly: true,
                path: '/',
                domain: undefined,
                secure: false,
                sameSite: undefined,
            },
            drivers: {
                memory: {},
                file: { path: join(temporaryFolder(), 'storage/sessions') },
                redis: { host: 'redis', port: 6379, prefix: 'session-', ttl: 86_400 },
            },
        },
        routes: (router) => router.get('/', (_request, response) => void response.json('hello')),
    });
    const browser = app.browser();
    expect(await browser.json('/')).toBe('hello');
    expect(browser.cookies.size, 'saveUninitialized gives a cookie to everybody').toBe(1);
});
