import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type ConfigOverrides, Logger } from 'sosise';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { projectFolder } from './docs/guideFolder.js';
import { readDocuments } from './docs/Markdown.js';
import { kindOf, withKeys } from './docs/snippets.js';
import { Browser } from './helpers/Browser.js';
import { startTestApp, type TestApp, type TestClient } from './helpers/inside/Testing.js';
import { npmPackages } from './helpers/npmPackages.js';
import { PROJECT } from './stock.js';

/** docs/recipes.md, as written there, all recipes in one application. */

type CreateApplication = Parameters<typeof startTestApp>[0];

const blocks = readDocuments(PROJECT).find(({ name }) => name === 'docs/recipes.md')?.blocks ?? [];

/** What the recipes talk to is no package of the project. */
const servers = mkdtempSync(join(tmpdir(), 'sosise-recipes-'));
const load: (name: string) => unknown = createRequire(join(servers, 'package.json'));
beforeAll(() => {
    const installed = npmPackages(servers, 'oidc-provider', 'smtp-server');
    for (const name of ['multer', 'nodemailer', 'openid-client']) {
        const file = join(PROJECT, 'node_modules', name, 'package.json');
        installed[name] = (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
    }
    console.log(installed);
});
afterAll(() => rmSync(servers, { recursive: true, force: true }));

interface Line {
    readonly message: string;
    readonly context: Record<string, unknown>;
}

/** A fresh project to which everything was added that the page shows; its errors in the log. */
async function start(config: ConfigOverrides = {}): Promise<TestApp & { errors: Line[] }> {
    const folder = projectFolder();
    const edit = (path: string, ...changes: [string, string][]) =>
        folder.put(
            path,
            changes.reduce((code, [from, to]) => code.replace(from, () => to), folder.get(path)),
        );
    for (const block of blocks) {
        const { path, code } = block;
        if (path) {
            folder.put(path, kindOf(block) === 'file' ? code : withKeys(folder.get(path), code));
        }
    }
    const routers = ['pictures', 'orders', 'basket', 'oauth'];
    const imports = routers.map((name) => `import ${name} from '../../routes/${name}.js';\n`).join('');
    edit(
        'src/app/Providers/AppServiceProvider.ts',
        ['import routes', `${imports}import routes`],
        ["'routes', routes", `'routes', routes, ${routers}`],
    );
    edit(
        'src/bootstrap/providers.ts',
        ['import App', "import OutboxServiceProvider from '../app/Providers/OutboxServiceProvider.js';\nimport App"],
        ['    AppServiceProvider,', '    OutboxServiceProvider,\n    AppServiceProvider,'],
    );
    const { createApplication } = await folder.load<{ createApplication: CreateApplication }>('src/bootstrap/app.ts');
    const errors: Line[] = [];
    const app = await startTestApp(
        createApplication,
        { session: { enabled: true }, ...config },
        {
            booted: ({ container }) => {
                const logger = new Logger({ level: 'critical', console: false });
                vi.spyOn(logger, 'error').mockImplementation((message, context = {}) => {
                    errors.push({ message, context });
                });
                container.instance(Logger, logger);
            },
        },
    );
    onTestFinished(() => app.close());
    return { ...app, errors };
}

describe('uploads', () => {
    const PNG = Buffer.from('89504e470d0a1a0a', 'hex');
    const MB = 1024 * 1024;

    const upload = async (
        client: TestClient,
        bytes: Buffer,
        { type = 'image/png', field = 'picture', headers = {} } = {},
    ) => {
        const form = new FormData();
        form.append(field, new Blob([new Uint8Array(bytes)], { type }), '../../../evil.ts');
        const sent = new Response(form);
        const kind = { 'content-type': sent.headers.get('content-type') ?? '' };
        return client.post('/picture', {
            body: Buffer.from(await sent.arrayBuffer()),
            headers: { ...kind, ...headers },
        });
    };
    const stored = ({ app }: TestApp) => readdirSync(app.path('storage', 'uploads'));

    test('a picture is stored under a name made here, and shown to its visitor only', async () => {
        const app = await start();
        const visitor = app.client();
        const picture = Buffer.concat([PNG, randomBytes(4 * MB)]);
        (await upload(visitor, picture)).assertStatus(201).assertJson({ data: { bytes: picture.length } });
        expect(stored(app)).toEqual([expect.stringMatching(/^[\da-f-]{36}\.png$/)]);
        const shown = await visitor.get('/picture');
        expect([shown.headers.get('content-type'), shown.body.equals(picture)]).toEqual(['image/png', true]);
        (await app.client().get('/picture')).assertStatus(404);
    });

    test('one that is too large is a 413 in the envelope, and nothing of it stays', async () => {
        const app = await start();
        (await upload(app.client(), Buffer.concat([PNG, randomBytes(6 * MB)])))
            .assertStatus(413)
            .assertJson({ code: 413, message: 'A picture has 5 MB at most.', data: null });
        expect(stored(app)).toEqual([]);
        expect(app.errors).toEqual([]);
    });

    test('what is no picture is a 415, by its type or by its bytes, and nothing of it stays', async () => {
        const app = await start();
        const script = Buffer.from('<script>alert(1)</script>');
        (await upload(app.client(), script, { type: 'text/html' })).assertStatus(415);
        (await upload(app.client(), script)).assertStatus(415);
        (await upload(app.client(), Buffer.alloc(0))).assertStatus(415);
        expect(stored(app)).toEqual([]);
    });

    test('no file is a 422, and one in a field of another name a 400', async () => {
        const app = await start();
        (await app.client().post('/picture', { form: {} })).assertStatus(422);
        (await upload(app.client(), PNG, { field: 'other' })).assertStatus(400);
        expect(stored(app)).toEqual([]);
    });

    test('what another site sends in the name of a visitor is a 403, and is not stored', async () => {
        const app = await start();
        const visitor = app.client();
        (await upload(visitor, PNG)).assertStatus(201);
        const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://other-site.example' };
        (await upload(visitor, PNG, { headers })).assertStatus(403);
        expect(stored(app)).toHaveLength(1);
    });

    test('of one whose client goes away in the midst of it nothing stays', async () => {
        const app = await start();
        const sending = request(`${app.url}/picture`, {
            method: 'POST',
            headers: { 'content-type': 'multipart/form-data; boundary=b', 'content-length': MB },
        });
        sending.on('error', () => undefined);
        const part = 'Content-Disposition: form-data; name="picture"; filename="a"\r\nContent-Type: image/png';
        sending.write(Buffer.concat([Buffer.from(`--b\r\n${part}\r\n\r\n`), PNG, randomBytes(MB / 2)]));
        await expect.poll(() => stored(app)).toHaveLength(1);
        sending.destroy();
        await expect.poll(() => stored(app)).toEqual([]);
    });
});

interface SmtpServer {
    readonly server: { address(): AddressInfo };
    listen(port: number, host: string, listening: () => void): void;
    close(closed: () => void): void;
}

type SmtpServerClass = new (options: {
    authOptional: boolean;
    closeTimeout: number;
    disabledCommands: string[];
    onData(stream: Readable, session: unknown, done: (error?: Error) => void): void;
}) => SmtpServer;

describe('mail after the answer', () => {
    /** A mail server; each mail waits for `accepts`. */
    async function mailServer(accepts: () => Promise<void> = async () => undefined) {
        const { SMTPServer } = load('smtp-server') as { SMTPServer: SmtpServerClass };
        const mails: string[] = [];
        let begun = 0;
        const server = new SMTPServer({
            authOptional: true,
            closeTimeout: 1,
            disabledCommands: ['STARTTLS'],
            onData: async (stream, _session, done) => {
                const mail = await text(stream);
                begun += 1;
                accepts().then(() => {
                    mails.push(mail);
                    done();
                }, done);
            },
        });
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        onTestFinished(() => new Promise<void>((resolve) => server.close(resolve)));
        const { port } = server.server.address();
        return { mails, begun: () => begun, smtp: { host: '127.0.0.1', port, from: 'shop@example.com' } };
    }

    /** What waits until it is told to go on. */
    function gate() {
        let open = () => {};
        const opened = new Promise<void>((resolve) => {
            open = resolve;
        });
        return { open, wait: () => opened };
    }

    test('nobody waits for the mail server, and a stop waits for the mail', async () => {
        const { wait, open } = gate();
        const { smtp, mails, begun } = await mailServer(wait);
        const app = await start({ smtp });
        (await app.client().post('/orders')).assertStatus(201);
        await expect.poll(begun).toBe(1);
        expect(mails).toEqual([]);
        const stopped = app.close();
        open();
        await stopped;
        expect(mails).toHaveLength(1);
        expect(mails[0]).toMatch(/^From: shop@example\.com\r\nTo: ada@example\.com\r\nSubject: Your order\r\n/m);
        expect(app.errors).toEqual([]);
    });

    test('a stop waits no longer than requests may take, and the log says what was not sent', async () => {
        const { smtp, begun } = await mailServer(() => new Promise(() => undefined));
        const app = await start({ smtp, http: { shutdownTimeoutMs: 50 } });
        await app.client().post('/orders');
        await expect.poll(begun).toBe(1);
        await app.close();
        expect(app.errors).toEqual([{ message: 'Mails were not sent before the stop', context: { count: 1 } }]);
    });

    test('a mail that is refused is in the log, and the answer is the same', async () => {
        const { smtp } = await mailServer(() => Promise.reject(new Error('No room.')));
        const app = await start({ smtp });
        (await app.client().post('/orders')).assertStatus(201);
        await expect.poll(() => app.errors).toMatchObject([{ message: 'A mail was not sent' }]);
        expect(String(app.errors[0]?.context['error'])).toContain('No room.');
    });

    test('an answer that is no success sends none', async () => {
        const { smtp, begun } = await mailServer();
        const app = await start({ smtp, session: { enabled: true, maxBytes: 1 } });
        expect((await app.client().post('/orders')).status).toBeGreaterThanOrEqual(500);
        await app.close();
        expect(begun()).toBe(0);
    });
});

describe('an API for another origin', () => {
    const FRONT_END = 'http://localhost:5173';
    const put = (origin: string) => ({ method: 'PUT', body: { item: 'tea' }, headers: { origin } });

    test('the front end may ask, send the cookie, and read the answer', async () => {
        const { url } = await start();
        const browser = new Browser(url);
        const asked = await browser.visit('/api/basket', {
            method: 'OPTIONS',
            headers: {
                origin: FRONT_END,
                'access-control-request-method': 'PUT',
                'access-control-request-headers': 'content-type',
            },
        });
        expect(asked.headers.get('access-control-allow-origin')).toBe(FRONT_END);
        expect(asked.headers.get('access-control-allow-credentials')).toBe('true');
        expect(asked.headers.get('access-control-allow-methods')).toContain('PUT');
        expect(asked.headers.get('access-control-allow-headers')?.toLowerCase()).toContain('content-type');
        const stored = await browser.visit('/api/basket', put(FRONT_END));
        expect(stored.status).toBe(200);
        const read = await browser.visit('/api/basket', { headers: { origin: FRONT_END } });
        expect(read.headers.get('access-control-allow-origin')).toBe(FRONT_END);
        expect(await read.json()).toMatchObject({ data: { item: 'tea' } });
    });

    test('what the page has for the front end does so', async () => {
        const { url } = await start();
        const code = blocks.find((block) => block.code.includes("credentials: 'include'"))?.code ?? '';
        const here = (address: string, { headers, ...init }: RequestInit) =>
            fetch(address.replace('http://localhost:10000', url), {
                ...init,
                headers: { ...(headers as Record<string, string>), origin: FRONT_END },
            });
        const run = new Function('fetch', `return (async () => { ${code}\nreturn data; })()`) as (
            fetched: typeof here,
        ) => Promise<unknown>;
        expect(await run(here)).toEqual({ item: 'tea' });
    });

    test('any other origin reads nothing, and changes nothing', async () => {
        const { url } = await start();
        const browser = new Browser(url);
        await browser.visit('/api/basket', put(FRONT_END));
        const other = await browser.visit('/api/basket', { ...put('https://other.example'), body: { item: 'milk' } });
        expect([other.status, other.headers.get('access-control-allow-origin')]).toEqual([403, null]);
        expect(await browser.json('/api/basket')).toMatchObject({ data: { item: 'tea' } });
    });
});

interface Provider {
    callback(): (request: unknown, response: unknown) => void;
}

describe('a login by OAuth', () => {
    const CALLBACK = 'http://localhost:10000/oauth/callback';
    const ATTEMPT = /^oauth:/;

    /** An OpenID provider that insists on PKCE, with its own pages to log in and to consent. */
    async function openIdProvider() {
        for (const level of ['info', 'warn'] as const) {
            const quiet = vi.spyOn(console, level).mockImplementation(() => undefined); // it tells that it is for trials
            onTestFinished(() => quiet.mockRestore());
        }
        const { default: ProviderClass } = load('oidc-provider') as {
            default: new (issuer: string, config: object) => Provider;
        };
        const server = createServer().listen(0, 'localhost');
        await once(server, 'listening');
        onTestFinished(() => void server.close().closeAllConnections());
        const issuer = `http://localhost:${(server.address() as AddressInfo).port}`;
        const [clientId, clientSecret] = ['shop', 'a secret of the shop and the provider'];
        const provider = new ProviderClass(issuer, {
            clients: [
                {
                    client_id: clientId,
                    client_secret: clientSecret,
                    redirect_uris: [CALLBACK],
                    token_endpoint_auth_method: 'client_secret_post',
                },
            ],
            pkce: { required: () => true },
            cookies: { keys: ['a key of the provider'] },
            findAccount: (_context: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
        });
        server.on('request', provider.callback());
        const oauth = { issuer, clientId, clientSecret, callback: CALLBACK };
        return { oauth, browser: new Browser(issuer) };
    }

    /** What a person does at the provider. Gives the path of the application that it leads back to. */
    async function pass(browser: Browser, from: string, answer: 'agree' | 'cancel' = 'agree'): Promise<string> {
        for (let address = from, step = 0; step < 12; step += 1) {
            const page = await browser.visit(address);
            const to = page.headers.get('location');
            if (to?.startsWith(CALLBACK)) {
                return to.slice(new URL(CALLBACK).origin.length);
            }
            if (to) {
                address = to;
                continue;
            }
            const [, prompt = ''] = /name="prompt" value="(\w+)"/.exec(await page.text()) ?? [];
            if (answer === 'cancel') {
                address = `${page.url}/abort`;
                continue;
            }
            const body = new URLSearchParams({ prompt, login: 'ada', password: 'any' });
            const sent = await browser.visit(page.url, { method: 'POST', body });
            address = sent.headers.get('location') ?? '';
        }
        throw new Error('The provider leads nowhere.');
    }

    const begin = async (client: TestClient, next = '/me') => {
        const path = `/oauth/login?next=${encodeURIComponent(next)}`;
        return (await client.visit(path, { follow: false })).headers.get('location') ?? '';
    };
    const back = (client: TestClient, path: string) =>
        client.crossSite('http://localhost').visit(path, { follow: false });
    const attemptsOf = async (client: TestClient) =>
        Object.keys((await client.session()) ?? {}).filter((key) => ATTEMPT.test(key));

    test('leads to the provider and back to the page, under a new session id', async () => {
        const { oauth, browser } = await openIdProvider();
        const app = await start({ oauth });
        const visitor = app.client();
        await visitor.put('/api/basket', { json: { item: 'tea' } });
        const before = await visitor.copy();
        const address = new URL(await begin(visitor));
        expect(address.origin).toBe(oauth.issuer);
        expect(Object.fromEntries(address.searchParams)).toMatchObject({
            code_challenge_method: 'S256',
            nonce: expect.any(String),
            state: expect.any(String),
        });
        const path = await pass(browser, address.href);
        (await back(visitor, path)).assertRedirect('/me');
        (await visitor.get('/me')).assertJson({ data: 'ada' });
        (await visitor.get('/api/basket')).assertJson({ data: { item: 'tea' } });
        (await before.get('/me')).assertStatus(401);
        expect(await attemptsOf(visitor)).toEqual([]);
        (await back(visitor, path)).assertStatus(400); // once only
    });

    test('two tabs at once both succeed', async () => {
        const { oauth, browser } = await openIdProvider();
        const app = await start({ oauth });
        const visitor = app.client();
        await visitor.put('/api/basket', { json: { item: 'tea' } });
        const [first, second] = (await Promise.all([begin(visitor, '/me?tab=1'), begin(visitor, '/me?tab=2')])) as [
            string,
            string,
        ];
        expect(await attemptsOf(visitor)).toHaveLength(2);
        const [one, two] = [await pass(browser, first), await pass(browser, second)];
        (await back(visitor, two)).assertRedirect('/me?tab=2');
        (await back(visitor, one)).assertRedirect('/me?tab=1');
        expect(await visitor.user()).toBe('ada');
    });

    test('a callback counts in the session that began it, and for ten minutes', async () => {
        const { oauth, browser } = await openIdProvider();
        const app = await start({ oauth });
        const [visitor, thief] = [app.client(), app.client()];
        const path = await pass(browser, await begin(visitor));
        await begin(thief);
        (await back(thief, path)).assertStatus(400);
        expect(await thief.user()).toBeUndefined();
        app.travel('11 minutes');
        (await back(visitor, path)).assertStatus(400);
        expect(await visitor.user()).toBeUndefined();
    });

    test('one whose nonce or verifier is not that of the attempt logs nobody in', async () => {
        const { oauth, browser } = await openIdProvider();
        const app = await start({ oauth });
        for (const key of ['nonce', 'verifier']) {
            const visitor = app.client();
            const path = await pass(browser, await begin(visitor));
            await visitor.inRequest(({ session }) => {
                const [name = ''] = Object.keys(session).filter((one) => ATTEMPT.test(one));
                (session[name] as Record<string, string>)[key] = 'x'.repeat(43);
            });
            expect((await back(visitor, path)).status).toBeGreaterThanOrEqual(400);
            expect(await visitor.user()).toBeUndefined();
        }
    });

    test('a person who cancels gets a 401', async () => {
        const { oauth, browser } = await openIdProvider();
        const app = await start({ oauth });
        const visitor = app.client();
        const path = await pass(browser, await begin(visitor), 'cancel');
        expect(path).toContain('error=access_denied');
        (await back(visitor, path)).assertStatus(401);
    });

    test('no more than five attempts are kept, and no address leads away from here', async () => {
        const { oauth, browser } = await openIdProvider();
        const app = await start({ oauth });
        const visitor = app.client();
        for (const _ of [1, 2, 3, 4, 5, 6]) {
            await begin(visitor);
        }
        const last = await begin(visitor, '//evil.example/me');
        expect(await attemptsOf(visitor)).toHaveLength(5);
        (await back(visitor, await pass(browser, last))).assertRedirect('/');
    });

    test('a provider that is away is asked again by the next visitor', async () => {
        const { oauth } = await openIdProvider();
        const app = await start({ oauth: { ...oauth, issuer: 'http://localhost:1' } });
        (await app.client().get('/oauth/login')).assertStatus(500);
        (await app.client().get('/oauth/login')).assertStatus(500);
        expect(app.errors).toHaveLength(2);
    });
});
