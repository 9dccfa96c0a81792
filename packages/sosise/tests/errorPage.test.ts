import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Request, Response } from 'express';
import { ConfigError, Exception, ExceptionHandler } from 'sosise';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { DevelopmentErrorPage, DevToolsServiceProvider, hideSecrets } from './helpers/inside/DevTools.js';
import { ErrorPage } from './helpers/inside/Http/Errors.js';
import { sessionApp } from './helpers/sessionApp.js';
import { type HttpApp, type HttpAppOptions, httpApp } from './httpApp.js';

const HTML = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const ATTACK = '<script>alert("x")</script>';
const ESCAPED = '&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;';

let running: HttpApp[] = [];

afterEach(async () => {
    vi.unstubAllEnvs();
    await Promise.all(running.map(({ close }) => close()));
    running = [];
});

type Thrower = (root: string, request: Request, response: Response) => unknown;

/** An application whose routes throw what they are told to, with a controller of the user's in its folder. */
async function throwing(thrower: Thrower, options: HttpAppOptions = {}): Promise<HttpApp> {
    let root = '';
    const app = await httpApp({
        environment: 'development',
        providers: [DevToolsServiceProvider],
        prepare: (folder) => {
            root = folder;
            put(folder, 'src/app/Cart.ts', CART);
            put(folder, '.env', 'SECRET_OF_ENV=hunter2hunter2\n');
        },
        routes: (router) =>
            router.all('/*path', async (request, response) => {
                throw await thrower(root, request, response);
            }),
        ...options,
    });
    running.push(app);
    return app;
}

const CART = [
    '// line one',
    'export default class Cart {',
    '    public async store(request) {',
    `        const markup = '${ATTACK}';`,
    "        const apiKey = 'live_0123456789';",
    "        request.session['cart'] = markup;",
    '    }',
    '}',
    '// line nine',
    '// line ten',
    '// line eleven',
    '// line twelve',
    '// line thirteen',
].join('\n');

function put(folder: string, name: string, content: string): void {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), content);
}

/** An error with frames of the framework and packages around one of the user's. */
function at<E extends Error>(root: string, error: E, place = 'src/app/Cart.ts:6:17'): E {
    error.stack = [
        `${error.name}: ${error.message}`,
        `    at deep (${root}/node_modules/some-package/index.js:1:1)`,
        '    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)',
        `    at async Cart.store (${root}/${place})`,
        `    at async handler (file://${root}/packages/sosise/src/Http/action.ts:40:20)`,
    ].join('\n');
    return error;
}

async function pageOf(
    { url }: HttpApp,
    path = '/carts',
    init: RequestInit = {},
): Promise<{ status: number; page: string; headers: Headers }> {
    const response = await fetch(`${url}${path}`, { ...init, headers: { ...HTML, ...init.headers } });
    return { status: response.status, page: await response.text(), headers: response.headers };
}

describe('in development, a browser that goes to an address reads of an unexpected error', () => {
    test('its message, its code, and the lines around the place in the user’s own file', async () => {
        const app = await throwing((root) => at(root, Object.assign(new TypeError('It broke'), { code: 'E_BROKE' })));

        const { status, page, headers } = await pageOf(app);

        expect(status).toBe(500);
        expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
        expect(headers.get('cache-control')).toBe('no-store');
        expect(headers.get('vary')).toBe('Accept');
        expect(page).toContain('<h1>It broke</h1>');
        expect(page).toContain('TypeError');
        expect(page).toContain('E_BROKE');
        expect(page).toContain('src/app/Cart.ts:6:17');
        expect(page).toMatch(/<span class="line it"><span class="number">6<\/span> {8}request\.session/);
        expect(page).toContain('// line one');
        expect(page).toContain('// line eleven');
        expect(page).not.toContain('// line twelve');
        expect(page).toMatch(/<h2>Stack<\/h2><details><summary>2 calls of/);
        expect(page).toContain(headers.get('x-request-id'));
    });

    test('what caused it, and what caused that, even in a circle', async () => {
        const app = await throwing((root) => {
            const first = at(root, new Error('The disk is full'), 'src/app/Cart.ts:2:1');
            const second = new Error('The order was not stored', { cause: first });
            first.cause = second;
            return new AggregateError([new RangeError('one part'), 'a thrown text'], 'Nothing works', {
                cause: second,
            });
        });

        const { page } = await pageOf(app);

        for (const message of [
            'Nothing works',
            'one part',
            'a thrown text',
            'The order was not stored',
            'The disk is full',
        ]) {
            expect(page).toContain(message);
        }
        expect(page).toMatch(/<span class="line it"><span class="number">2<\/span>export default class Cart/);
    });

    test('the request, its secrets hidden, and of body and query the keys alone', async () => {
        const app = await throwing(() => new Error('x'));

        const { page } = await pageOf(app, '/carts?code=query-value', {
            method: 'POST',
            headers: {
                'content-type': 'application/json',
                cookie: 'sosise=cookie-value',
                authorization: 'Bearer authorization-value',
                'x-api-key': 'key-value',
                referer: 'http://localhost/login?token=referer-value',
                'x-plain': 'plain-value',
            },
            body: JSON.stringify({ card: 'body-value', amounts: [1, 2] }),
        });

        expect(page).toContain('<strong>POST</strong> /carts</span>');
        expect(page).toContain('plain-value');
        expect(page).toContain('<dt>card</dt><dd>string, 10 characters</dd>');
        expect(page).toContain('<dt>amounts</dt><dd>list of 2, 5 bytes</dd>');
        expect(page).toContain('<dt>code</dt><dd>string, 11 characters</dd>');
        expect(page).not.toMatch(/(cookie|authorization|key|referer|body|query)-value/);
    });

    test('markup as text, wherever it comes from', async () => {
        const app = await throwing((root, request) => {
            request.body = { [ATTACK]: ATTACK };
            return at(root, Object.assign(new Error(ATTACK), { name: ATTACK, code: ATTACK }));
        });

        const { page } = await pageOf(app, `/${encodeURI(ATTACK)}?${encodeURIComponent(ATTACK)}=1`, {
            headers: { 'x-attack': ATTACK },
        });

        expect(page).not.toContain('<script>alert');
        expect(page).not.toMatch(/<script(?!>\(\(\)=>)/);
        expect(page.split(ESCAPED).length).toBeGreaterThan(5);
    });

    test('no secret: of the environment, of an address, of the code', async () => {
        vi.stubEnv('SESSION_SECRET', 'secret-of-the-environment');
        const app = await throwing((root) =>
            at(
                root,
                new Error(
                    'secret-of-the-environment, postgres://shop:db-password@db:5432/shop, SOME_TOKEN=tok12345, password=hunter22',
                ),
            ),
        );

        const { page } = await pageOf(app);

        expect(page).not.toMatch(/secret-of-the|db-password|tok12345|live_0123456789|hunter22/);
        expect(page).toContain('postgres://shop:[redacted]@db:5432/shop');
        expect(page).toContain('[redacted]');
    });

    test('no file but code, whatever a message or a stack pretends', async () => {
        const app = await throwing((root) => {
            const error = new Error(`x\n    at store (${root}/src/app/Cart.ts:1:1)\n    at store (${root}/.env:1:1)`);
            error.stack = `Error: ${error.message}\n    at env (${root}/.env:1:1)\n    at up (${root}/src/../.env:1:1)`;
            return error;
        });

        const { page } = await pageOf(app);

        expect(page).not.toContain('hunter2');
        expect(page).not.toContain('line it');
    });

    test('whatever was thrown', async () => {
        const strange = Object.assign(new Error(''), { stack: 42, cause: null });
        for (const thrown of [
            strange,
            Object.assign(new Error('bad stack'), { stack: undefined }),
            { status: 502 },
            'text',
        ]) {
            const { page, status } = await pageOf(await throwing(() => thrown));
            expect(status).toBe((thrown as { status?: number }).status ?? 500);
            expect(page).toContain('<h1>');
        }
    });

    test('a policy without unsafe parts, and after a GET a script that loads the page again', async () => {
        const app = await throwing(() => new Error('x'));

        const [got, posted] = [await pageOf(app), await pageOf(app, '/carts', { method: 'POST' })];

        expect(got.headers.get('content-security-policy')).toMatch(/script-src 'sha256-/);
        expect(got.headers.get('content-security-policy')).not.toContain('unsafe');
        expect(got.page).toContain('/__sosise/instance');
        expect(posted.page).not.toContain('<script');
    });
});

describe('the page knows what mends', () => {
    const fixOf = async (thrower: Thrower) => {
        const app = await throwing(thrower);
        const { page } = await pageOf(app);
        const { context } = await app.log.line(/./s);
        const text = /<h2>What mends it<\/h2>(.*?)<\/section>/s.exec(page)?.[1] ?? '';
        const { data } = (await (await fetch(`${app.url}/carts`)).json()) as { data: { fix?: string } };
        expect(data.fix, 'for clients of the API').toBe(context['fix']);
        return { page: text, log: context['fix'] as string | undefined };
    };

    test.each<[string, Thrower, RegExp]>([
        [
            'a session that is read while sessions are off',
            (root) => at(root, new TypeError("Cannot set properties of undefined (setting 'cart')")),
            /enabled: true,/,
        ],
        [
            'increment() while sessions are off',
            () => new Error('increment needs a session: set enabled to true in src/config/session.ts.'),
            /enabled: true,/,
        ],
        [
            'the missing package of a driver',
            () =>
                new ConfigError(
                    'Session driver [redis] needs packages that are not installed: npm install connect-redis redis --save-prod',
                ),
            /npm install connect-redis redis --save-prod/,
        ],
        [
            'a missing package, as a cause',
            () =>
                new Error('No mail', {
                    cause: Object.assign(new Error("Cannot find package '@acme/mail' imported from /x.ts"), {
                        code: 'ERR_MODULE_NOT_FOUND',
                    }),
                }),
            /npm install @acme\/mail --save-prod/,
        ],
        [
            'a missing file',
            () =>
                Object.assign(new Error("Cannot find module '/src/a' imported from /x.ts"), {
                    code: 'ERR_MODULE_NOT_FOUND',
                }),
            /end in \.js/,
        ],
        [
            'an answer that is given twice',
            () =>
                Object.assign(new Error('Cannot set headers after they are sent to the client'), {
                    code: 'ERR_HTTP_HEADERS_SENT',
                }),
            /return response\.json/,
        ],
        [
            'a service that is not there',
            () => Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' }),
            /127\.0\.0\.1:5432/,
        ],
    ])('%s', async (_name, thrower, fix) => {
        const { page, log } = await fixOf(thrower);

        expect(page).toMatch(fix);
        expect(log).toMatch(fix);
    });

    test('and says nothing where it does not know', async () => {
        const { page, log } = await fixOf((root) =>
            at(root, new TypeError("Cannot read properties of undefined (reading 'x')"), 'src/app/Cart.ts:2:1'),
        );

        expect(page).toBe('');
        expect(log).toBeUndefined();
    });

    test('a second answer leaves the first as it is, and the log says what to do', async () => {
        const app = await throwing((_root, _request, response) => {
            response.send('first');
            response.send('second');
        });

        const { page, status } = await pageOf(app);

        expect([status, page]).toEqual([200, 'first']);
        const { context } = await app.log.line(/Cannot set headers/);
        expect(context['fix']).toMatch(/Return after answering/);
    });

    test('a route that never answers', async () => {
        const app = await throwing(() => new Promise(() => undefined), { http: { answerTimeoutMs: 50 } });

        const { page, status } = await pageOf(app);

        expect(status).toBe(503);
        expect(page).toContain('Answer on every way through the route');
    });
});

describe('the session on the page', () => {
    const broken = (change: (request: Request) => void) =>
        sessionApp({
            environment: 'development',
            routes: (router) => {
                router.get('/store', (request, response) => {
                    request.session['cart'] = ['session-value'];
                    response.json('stored');
                });
                router.get('/broken', async (request) => {
                    change(request);
                    throw new Error('broken');
                });
            },
            boot: (app) => void app.container.instance(ErrorPage, new DevelopmentErrorPage(app)),
        });

    test('is shown by its keys, with the kind and size of each value', async () => {
        const app = await broken((request) => {
            request.session['name'] = 'session-value';
        });
        const browser = app.browser();
        await browser.visit('/store');

        const page = await (await browser.visit('/broken', { headers: HTML })).text();

        expect(page).toContain('<dt>cart</dt><dd>list of 1, 17 bytes</dd>');
        expect(page).toContain('<dt>name</dt><dd>string, 13 characters</dd>');
        expect(page).not.toContain('session-value');
        expect(page).not.toContain(browser.cookies.get('sosise'));
    });

    test('is neither begun nor read where the route left it alone', async () => {
        const app = await broken(() => undefined);
        const browser = app.browser();

        const response = await browser.visit('/broken', { headers: HTML });

        expect(await response.text()).toContain('This request did not look at its session.');
        expect(browser.received).toEqual([]);
        expect(response.headers.get('vary')).toBe('Accept'); // an answer that used the session varies by Cookie
    });

    test('has ended, where the route ended it', async () => {
        const app = await broken((request) => void request.session.destroy());

        const page = await (await app.browser().visit('/broken', { headers: HTML })).text();

        expect(page).toContain('It has ended.');
    });
});

describe('clients of the API get JSON', () => {
    test.each([
        ['curl', { accept: '*/*' }],
        ['who asks for JSON first', { accept: 'application/json, text/html;q=0.5' }],
        ['a script of a page', { accept: 'text/html', 'sec-fetch-dest': 'empty' }],
    ])('%s', async (_name, headers) => {
        const app = await throwing((root) => at(root, new Error('It broke')));

        const response = await fetch(`${app.url}/carts`, { headers });

        expect(response.status).toBe(500);
        expect(response.headers.get('vary')).toBe('Accept');
        expect(await response.json()).toMatchObject({
            code: 500,
            message: 'It broke',
            data: { error: { name: 'Error' } },
        });
    });

    test('a Handler may still answer by itself, and a page that fails gives way to JSON', async () => {
        class Own extends ExceptionHandler {
            public override render(_error: Error, _request: Request, response: Response) {
                response.status(418).send('mine');
            }
        }
        const own = await pageOf(await throwing(() => new Error('x'), { Handler: Own }));
        expect([own.status, own.page]).toEqual([418, 'mine']);

        class Failing extends ErrorPage {
            public send(): void {
                throw new Error('The page is broken');
            }
            public fixOf() {
                return undefined;
            }
        }
        const app = await throwing(() => new Error('It broke'));
        app.app.container.instance(ErrorPage, new Failing());
        const { page, status } = await pageOf(app);
        expect(status).toBe(500);
        expect(JSON.parse(page)).toMatchObject({ code: 500, message: 'It broke' });
        expect(await app.log.line(/error page failed/)).toMatchObject({ level: 'error' });
    });
});

describe('everywhere else a browser gets a plain page', () => {
    test.each(['production', 'staging', 'test'])(
        'in %s an unexpected error shows its status and request id',
        async (environment) => {
            const app = await throwing(
                (root) => at(root, new Error('secret detail', { cause: new Error('secret cause') })),
                {
                    environment,
                },
            );

            const { status, page, headers } = await pageOf(app);

            expect(status).toBe(500);
            expect(page).toContain('<h1>Internal Server Error</h1>');
            expect(page).toContain('Something went wrong on our side.');
            expect(page).toContain(headers.get('x-request-id'));
            expect(page).not.toMatch(/secret|Cart\.ts|node_modules|<script/);
            expect(headers.get('content-security-policy')).toMatch(/default-src 'none'.*style-src 'sha256-/);
        },
    );

    test('expected errors say what their envelope says, in development too', async () => {
        const declined = new Exception(`The card ${ATTACK} was declined`, { status: 402 });
        for (const environment of ['production', 'development']) {
            const { status, page } = await pageOf(await throwing(() => declined, { environment }));

            expect(status).toBe(402);
            expect(page).toContain('<h1>Payment Required</h1>');
            expect(page).toContain(`The card ${ESCAPED} was declined`);
            expect(page).not.toMatch(/Stack|Cart\.ts/);
        }
    });

    test('an address without a route is a 404, and in development the page names the file of the routes', async () => {
        const routes = () => undefined;
        const [open, hidden] = [
            await throwing(() => undefined, { routes }),
            await throwing(() => undefined, { routes, environment: 'production' }),
        ];

        const [here, there] = [await pageOf(open, '/nowhere'), await pageOf(hidden, '/nowhere')];

        expect([here.status, there.status]).toEqual([404, 404]);
        expect(here.page).toContain('src/routes/api.ts');
        expect(there.page).toContain('<h1>Not Found</h1>');
        expect(there.page).not.toContain('src/');
    });
});

test('secrets are hidden in text, and the rest stays', () => {
    const hide = (text: string) => hideSecrets(text, { API_KEY: 'abcdefgh12', HOME: '/home/mia', PIN_TOKEN: '1234' });

    expect(hide('key abcdefgh12 of /home/mia, 1234')).toBe('key [redacted] of /home/mia, 1234');
    expect(hide("password: 'hunter2'")).toBe("password: '[redacted]'");
    expect(hide('password: request.body.password')).toBe('password: request.body.password');
    expect(hide('Authorization: Bearer abc.def.ghi')).toBe('Authorization: Bearer [redacted]');
});
