import { mkdirSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { ConsoleProject } from './consoleProject.js';
import { DevServer } from './DevServer.js';
import { findingsOn } from './helpers/axe.js';
import { type Browser, type BrowserContext, describeInChromium, openBrowser, type Page } from './helpers/chromium.js';
import { hasSqlite } from './helpers/ownTable.js';
import { RedisServer, whyNoRedis } from './helpers/redis.js';

const packages = join(realpathSync(new URL('../../..', import.meta.url)), 'node_modules');
const TEST = 'tests/app/auth.test.ts';
/** Where screenshots go, for people to look at; unset: none are made. */
const { SCREENSHOTS } = process.env;

/** A fresh copy in which ./artisan make:auth ran, and nothing else. */
async function projectWithLogin(): Promise<ConsoleProject> {
    const project = new ConsoleProject();
    project.copy('tests/helpers', 'vitest.config.ts', 'biome.json');
    const { vcs, ...config } = JSON.parse(project.get('biome.json')) as Record<string, unknown>;
    project.put('biome.json', JSON.stringify(config)); // there is no git here
    const { code, errors } = await project.artisan('make:auth');
    expect([code, errors]).toEqual([0, '']);
    return project;
}

async function program(project: ConsoleProject, path: string, ...args: string[]): Promise<string> {
    const { code, output, errors } = await project.run(process.execPath, join(packages, path), ...args);
    expect([path, code, output + errors]).toEqual([path, 0, expect.any(String)]);
    return output;
}

const ownTests = (project: ConsoleProject) => program(project, 'vitest/vitest.mjs', 'run', '--no-color', TEST);

test('what make:auth writes passes lint, type check and its own tests as it is', async () => {
    const project = await projectWithLogin();
    await program(project, '@biomejs/biome/bin/biome', 'ci', '--error-on-warnings', 'src', 'tests', 'public');
    await program(project, 'typescript/bin/tsc');
    expect(await ownTests(project)).toMatch(/6 passed/);
});

describe('its tests pass with the sessions of', () => {
    const drivers: [string, boolean, () => Promise<object> | object][] = [
        ['memory', true, () => ({})],
        ['database', hasSqlite, () => ({ url: 'storage/sessions.sqlite' })],
        ['redis', whyNoRedis() === undefined, redisOptions],
    ];
    async function redisOptions(): Promise<object> {
        const server = await RedisServer.start();
        onTestFinished(() => server.stop());
        return server.options;
    }

    test.each(drivers.filter(([, isThere]) => isThere))('%s', async (driver, _isThere, options) => {
        const project = await projectWithLogin();
        const session = { driver, drivers: { [driver]: await options() } };
        const own = project.get(TEST);
        project.put(TEST, own.replace('createTestApp()', `createTestApp({ session: ${JSON.stringify(session)} })`));
        expect(project.get(TEST)).not.toBe(own);
        expect(await ownTests(project)).toMatch(/6 passed/);
    });
});

test('two processes that register one address at once: one of them gets it, and no half file is left', async () => {
    const project = await projectWithLogin();
    project.put(
        'register.ts',
        `import FileUsers from './src/app/Auth/FileUsers.js';
const users = new FileUsers('users');
const found = await Promise.all(Array.from({ length: 50 }, (_, at) => users.create(\`\${at}@example.com\`, String(process.pid))));
console.log(found.filter(Boolean).length);
for (let at = 0; at < 50; at += 1) {
    if ((await users.findByEmail(\`\${at}@example.com\`))?.email !== \`\${at}@example.com\`) throw new Error('half a user');
}
`,
    );
    const run = () =>
        project.run(process.execPath, '--import', join(packages, 'tsx/dist/esm/index.mjs'), 'register.ts');
    const runs = await Promise.all([run(), run(), run()]);
    expect(runs.map(({ errors }) => errors)).toEqual(['', '', '']);
    expect(runs.reduce((sum, { output }) => sum + Number(output), 0)).toBe(50);
    const files = readdirSync(join(project.folder, 'users'));
    expect(files).toHaveLength(50);
    expect(files.filter((name) => !name.endsWith('.json'))).toEqual([]);
});

/** Says as little as a browser before 2020: neither where a request comes from, nor why it is sent. */
class OldBrowser {
    private cookie = '';

    public constructor(private readonly url: string) {}

    public async get(path: string): Promise<string> {
        return (await this.ask(path)).text();
    }

    /** Fills in the form of a page and sends it, all hidden fields included. */
    public async submit(page: string, action: string, fields: Record<string, string> = {}): Promise<number> {
        const [, form = ''] = (await this.get(page)).split(`<form method="post" action="${action}">`);
        const hidden = (form.split('</form>')[0] ?? '').matchAll(/type="hidden" name="(\w+)" value="([^"]*)"/g);
        return this.post(action, {
            ...Object.fromEntries(Array.from(hidden, ([, name, value]) => [name, value])),
            ...fields,
        });
    }

    public async post(path: string, fields: Record<string, string>): Promise<number> {
        return (await this.ask(path, { method: 'POST', body: new URLSearchParams(fields) })).status;
    }

    private async ask(path: string, options: RequestInit = {}): Promise<Response> {
        const headers = new Headers(this.cookie ? { cookie: this.cookie } : undefined);
        const answer = await fetch(this.url + path, { ...options, headers, redirect: 'manual' });
        const [set] = answer.headers.getSetCookie();
        this.cookie = set?.split(';', 1)[0] ?? this.cookie;
        return answer;
    }
}

test('with csrf.tokens its forms bring one: a browser that says nothing of itself can use each of them, and without one none', async () => {
    const project = await projectWithLogin();
    const http = project.get('src/config/http.ts');
    project.put('src/config/http.ts', http.replace('csrf: { exempt: [] }', 'csrf: { exempt: [], tokens: true }'));
    const server = await DevServer.start(project.folder);
    onTestFinished(() => server.stop());
    const browser = new OldBrowser(server.url);
    const ada = { email: 'ada@example.com', password: 'a long sentence' };
    expect(await browser.submit('/register', '/register', ada)).toBe(303);
    expect(await browser.submit('/account', '/account/logout-others')).toBe(303);
    expect(await browser.submit('/account/password', '/account/password', { password: 'another sentence' })).toBe(303);
    expect(await browser.post('/logout', {})).toBe(403);
    expect(await browser.submit('/account', '/logout')).toBe(303);
    expect(await browser.submit('/login', '/login', { ...ada, password: 'another sentence' })).toBe(303);
    expect(await browser.get('/account')).toContain(ada.email);
});

describeInChromium('in Chromium', () => {
    let browser: Browser;
    let server: DevServer;
    let project: ConsoleProject;

    beforeAll(async () => {
        browser = await openBrowser();
    });

    afterAll(() => browser?.close());

    const press = async (page: Page, button: string) => {
        await Promise.all([page.waitForEvent('load'), page.getByRole('button', { name: button, exact: true }).click()]);
    };
    const notice = (page: Page) => page.textContent('[role=status]');
    const pathOf = (page: Page) => page.url().slice(server.url.length);

    async function open(options: object): Promise<Page> {
        const context: BrowserContext = await browser.newContext(options);
        onTestFinished(() => context.close());
        const page = await context.newPage();
        await page.goto(`${server.url}/account`);
        return page;
    }

    async function fill(page: Page, fields: Record<string, string>): Promise<void> {
        for (const [name, value] of Object.entries(fields)) {
            await page.fill(`[name=${name}]`, value);
        }
    }

    test('a person registers, logs in and out, ends other sessions and changes the password; axe finds nothing', async () => {
        project = await projectWithLogin();
        server = await DevServer.start(project.folder);
        onTestFinished(() => server.stop());

        for (const colorScheme of ['light', 'dark'] as const) {
            const email = `${colorScheme}@example.com`;
            const look = { colorScheme, bypassCSP: true, viewport: { width: 390, height: 844 } };
            const clean = async (page: Page, name: string) => {
                if (SCREENSHOTS !== undefined) {
                    mkdirSync(SCREENSHOTS, { recursive: true });
                    await page.screenshot({
                        path: join(SCREENSHOTS, `auth-${name}-${colorScheme}.png`),
                        fullPage: true,
                    });
                }
                expect(await findingsOn(page), `${name}, ${colorScheme}`).toEqual([]);
            };
            const home = await open(look);
            expect(pathOf(home)).toBe('/login?next=%2Faccount');
            await clean(home, 'login');

            await home.click('text=Register');
            await fill(home, { email, password: 'short' });
            await press(home, 'Register');
            expect(await home.textContent('.error')).toBe('Please choose a password of 8 to 200 characters.');
            expect([await home.inputValue('[name=email]'), await home.inputValue('[name=password]')]).toEqual([
                email,
                '',
            ]);
            await clean(home, 'register');
            await fill(home, { password: 'a long sentence' });
            await press(home, 'Register');
            expect(pathOf(home)).toBe('/account');

            const phone = await open(look);
            await fill(phone, { email: email.toUpperCase(), password: 'a wrong sentence' });
            await press(phone, 'Log in');
            expect([pathOf(phone), await phone.textContent('.error')]).toEqual([
                '/login?next=%2Faccount',
                'E-mail address or password is wrong.',
            ]);
            await clean(phone, 'login-refused');
            await fill(phone, { password: 'a long sentence' });
            await phone.check('[name=remember]');
            await press(phone, 'Log in');
            expect(pathOf(phone)).toBe('/account');
            const [cookie] = await phone.context().cookies();
            expect((cookie?.expires ?? 0) - Date.now() / 1000).toBeGreaterThan(29 * 86_400);

            await home.reload();
            expect(await home.locator('li').count()).toBe(2);
            await clean(home, 'account');
            await press(home, 'Log out my other browsers');
            expect(await notice(home)).toBe('Other browsers that were logged out: 1.');
            await phone.reload();
            expect([pathOf(phone), await notice(phone)]).toEqual([
                '/login?next=%2Faccount',
                'You were logged out in another browser.',
            ]);

            await home.click('text=Change the password');
            await clean(home, 'password');
            await fill(home, { password: 'another sentence' });
            await press(home, 'Change the password');
            expect(await notice(home)).toBe('Your password was changed, and your other browsers were logged out.');
            await press(home, 'Log out');
            expect(pathOf(home)).toBe('/login');
            await fill(home, { email, password: 'another sentence' });
            await press(home, 'Log in');
            expect(pathOf(home)).toBe('/account');
        }

        const complaints: string[] = [];
        const plain = await open({});
        plain.on('console', (message) => complaints.push(message.text()));
        await plain.reload();
        const radius = "getComputedStyle(document.querySelector('main')).borderRadius";
        expect(await plain.evaluate(radius), 'the style sheet').not.toBe('0px');
        expect(complaints.filter((text) => !/favicon/.test(text))).toEqual([]);
        const [file = ''] = readdirSync(join(project.folder, 'storage/users'));
        expect(JSON.parse(readFileSync(join(project.folder, 'storage/users', file), 'utf8'))).toEqual({
            id: file.replace('.json', ''),
            email: expect.stringMatching(/^(?:light|dark)@example\.com$/),
            passwordHash: expect.stringMatching(/^\$scrypt\$ln=17,/),
        });
    });
});
