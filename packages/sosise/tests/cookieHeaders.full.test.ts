import { readdirSync } from 'node:fs';
import { sign } from 'cookie-signature';
import { authenticatedUser, login, logout } from 'sosise';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Browser, describeInChromium, openBrowser, type Page } from './helpers/chromium.js';
import { SECRET, type SessionAppOptions, sessionApp } from './helpers/sessionApp.js';

const dead = encodeURIComponent(`s:${sign('of-long-ago', SECRET)}`);

/** An application on shop.test and all hosts below it, which may play another application there and set any cookie. */
async function shop(session: object = {}) {
    const app = await sessionApp({
        session,
        routes: (router) => {
            router.get('/other-application', (request, response) => {
                response.set('Set-Cookie', request.query['set'] as string[]).send('set');
            });
            router.get(['/login', '/admin/login'], async (request, response) => {
                await login(request, String(request.query['user']));
                response.send('welcome');
            });
            router.get('/logout', async (request, response) => {
                await logout(request);
                response.send('bye');
            });
            router.get(/.*/, (request, response) => {
                response.send(request.session ? (authenticatedUser(request) ?? 'nobody') : 'no session');
            });
        },
    } as SessionAppOptions);
    const { port } = new URL(app.url);
    const at = (path: string, host = 'shop.test') => `http://${host}:${port}${path}`;
    const setting = (...lines: string[]) =>
        `/other-application?${lines.map((line) => `set=${encodeURIComponent(line)}`).join('&')}`;
    return { app, at, setting };
}

describeInChromium('in Chromium', () => {
    let browser: Browser;

    beforeAll(async () => {
        browser = await openBrowser({ hosts: ['shop.test', '*.shop.test'] });
    });

    afterAll(async () => {
        await browser?.close();
    });

    async function visitor(): Promise<{
        page: Page;
        read(url: string): Promise<string>;
        cookies(): Promise<string[]>;
    }> {
        const context = await browser.newContext();
        onTestFinished(() => context.close());
        const page = await context.newPage();
        const read = async (url: string) => {
            await page.goto(url);
            return (await page.textContent('body')) ?? '';
        };
        const cookies = async () =>
            (await context.cookies()).map(({ name, domain, path }) => `${name} ${domain} ${path}`);
        return { page, read, cookies };
    }

    test('a sibling host gives no visitor its own session by a cookie without a name', async () => {
        const { app, at, setting } = await shop();
        const attacker = app.browser();
        await attacker.visit('/login?user=attacker');
        await attacker.visit('/'); // the application knows the cookie now
        const value = decodeURIComponent(attacker.cookies.get('sosise') as string);
        const mia = await visitor();
        await mia.read(at(setting(`=${value}; Domain=shop.test; Path=/`), 'evil.shop.test'));
        expect(await mia.cookies()).toEqual([' .shop.test /']);
        expect(await mia.read(at('/'))).toBe('nobody');
    });

    test('who has a cookie of another application, or of an earlier config, logs in and stays so', async () => {
        const { at, setting } = await shop();
        const mia = await visitor();
        await mia.read(
            at(
                setting(
                    'sosise=another; Domain=shop.test; Path=/',
                    `sosise=${dead}; Path=/admin`,
                    `sosise=${dead}; Domain=shop.test; Path=/admin`,
                ),
            ),
        );
        expect(await mia.read(at('/admin/login?user=mia'))).toBe('welcome');
        for (const path of ['/', '/admin/users', '/admin', '/']) {
            expect(await mia.read(at(path)), path).toBe('mia');
        }
        expect(await mia.read(at('/logout'))).toBe('bye');
        expect(await mia.read(at('/admin'))).toBe('nobody');
        expect(await mia.read(at('/login?user=tom'))).toBe('welcome');
        expect(await mia.read(at('/admin'))).toBe('tom');
    });

    test('a former cookie that the config names is gone with the next login', async () => {
        const formerCookies = [{ domain: 'shop.test' }, { name: 'connect.sid', path: '/app' }, { name: '__Old' }];
        const { at, setting } = await shop({ formerCookies });
        const mia = await visitor();
        const former = ['sosise=x; Domain=shop.test; Path=/', 'connect.sid=x; Path=/', '__Old=x; Path=/'];
        await mia.read(at(setting(...former, 'connect.sid=x; Path=/app')));
        expect(await mia.cookies()).toHaveLength(4);
        await mia.read(at('/login?user=mia'));
        expect((await mia.cookies()).sort()).toEqual(['connect.sid shop.test /', 'sosise shop.test /']);
        expect(await mia.read(at('/'))).toBe('mia');
    });

    test('a path that begins like that of the cookie gets no session, and leaves no record', async () => {
        const { app, at } = await shop({ cookie: { path: '/admin' } });
        const mia = await visitor();
        expect(await mia.read(at('/administrator'))).toBe('no session');
        await mia.read(at('/admin/login?user=mia'));
        const records = readdirSync(app.folder).length;
        for (const [path, text] of [
            ['/admin', 'mia'],
            ['/admin/users', 'mia'],
            ['/admin?page=2', 'mia'],
            ['/admin-2', 'no session'],
        ] as const) {
            expect(await mia.read(at(path)), path).toBe(text);
        }
        expect(readdirSync(app.folder)).toHaveLength(records);
    });
});
