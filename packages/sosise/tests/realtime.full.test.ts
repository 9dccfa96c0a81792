import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Browser, describeInChromium, openBrowser } from './helpers/chromium.js';
import { realtimeApp } from './realtimeApp.js';

const pages = (name: string) => ({
    routes: (router: import('express').Router) =>
        router.get('/page', (_request, response) => {
            response.send(`<title>${name}</title>`);
        }),
});

const LOGIN = "fetch('/login', { method: 'POST' }).then((answer) => answer.status)";
/** What a socket to an address hears first, or how it was closed. */
const hear = (url: string) => `new Promise((resolve) => {
    const socket = new WebSocket('${url.replace('http', 'ws')}/live');
    socket.onmessage = ({ data }) => resolve(data);
    socket.onclose = ({ code }) => resolve('closed: ' + code);
})`;
const READ_NEWS = `new Promise((resolve) => {
    const news = new EventSource('/news');
    news.onmessage = ({ data }) => { news.close(); resolve(data); };
})`;

describeInChromium('the pages of docs/realtime.md in a browser', () => {
    let browser: Browser;
    beforeAll(async () => {
        browser = await openBrowser();
    });
    afterAll(() => browser.close());

    test('a page of ours opens a socket and a stream for its user, under the policy that all pages have', async () => {
        const app = await realtimeApp(pages('ours'));
        const page = await browser.newPage();
        await page.goto(`${app.url}/page`);
        expect(await page.evaluate(hear(app.url))).toBe('closed: 1006'); // nobody has logged in
        expect(await page.evaluate(LOGIN)).toBe(200);
        expect(await page.evaluate(hear(app.url))).toBe('Welcome, 7');
        expect(await page.evaluate(READ_NEWS)).toMatch(/^\d{4}-/);
        await page.close();
    });

    test('a page on another port, which brings the cookie, opens none unless it is trusted', async () => {
        const other = await realtimeApp({ ...pages('theirs'), http: { securityHeaders: false } });
        for (const [trustedOrigins, heard] of [
            [[], 'closed: 1006'],
            [[other.url], 'Welcome, 7'],
        ] as const) {
            const app = await realtimeApp({ ...pages('ours'), http: { trustedOrigins } });
            const page = await browser.newPage();
            await page.goto(`${app.url}/page`);
            await page.evaluate(LOGIN);
            await page.goto(`${other.url}/page`);
            expect(await page.evaluate(hear(app.url))).toBe(heard);
            expect(JSON.stringify(app.log).includes('a WebSocket, and origin')).toBe(heard !== 'Welcome, 7');
            await page.close();
        }
    });
});
