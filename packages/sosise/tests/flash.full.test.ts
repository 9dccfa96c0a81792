import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import { type Browser, describeInChromium, openBrowser, type Page } from './helpers/chromium.js';
import { flash, flashed, oldInput, validationErrors } from './helpers/inside/Session.js';
import { validate } from './helpers/inside/Validation.js';
import { sessionApp } from './helpers/sessionApp.js';

const profile = z.object({ email: z.email('That is no address.'), password: z.string().min(8, 'Too short.') });

/** A form with its page, and what each request said that it is for. */
async function profileApp(): Promise<{ url: string; purposes: string[] }> {
    const purposes: string[] = [];
    const { url } = await sessionApp({
        // Speculation rules are inline scripts.
        http: { securityHeaders: { contentSecurityPolicy: false } },
        routes: (router) => {
            router.use((request, response, next) => {
                const { 'sec-purpose': purpose, 'sec-fetch-mode': mode, 'sec-fetch-dest': dest } = request.headers;
                response.on('finish', () => purposes.push(`${purpose ?? 'now'} ${mode} ${dest} ${request.path}`));
                next();
            });
            router.get('/profile', (request, response) => {
                const status = flashed(request, 'status') ?? 'nothing new';
                response.type('html').send(`<!doctype html><title>Profile</title><p id="status">${status}</p>
                    <p id="errors">${Object.entries(validationErrors(request)).flat(2).join(' | ')}</p>
                    <form method="post"><input name="email" value="${oldInput(request, 'email') ?? ''}">
                    <input name="password" value="${oldInput(request, 'password') ?? ''}"><button>Save</button></form>`);
            });
            router.post('/profile', async (request, response) => {
                const { email } = await validate(request, profile);
                flash(request, 'status', `Saved ${email}`);
                response.redirect('/');
            });
            router.get('/', (_request, response) => response.redirect('/profile'));
            router.post('/news', (request, response) => {
                flash(request, 'status', 'News');
                response.json(null);
            });
        },
    });
    return { url, purposes };
}

/** A page asks for another in every way but for going there. */
const RULES = '{"prefetch": [{"source": "list", "urls": ["/profile?speculation"], "eagerness": "immediate"}]}';
const PARTS = `<link rel="prefetch" href="/profile?link"><img src="/profile?image"><iframe src="/profile?frame"></iframe>
    <script type="speculationrules">${RULES}</script>`;
const ASKING = `(async () => {
    await fetch('/news', { method: 'POST' });
    await fetch('/profile?fetch');
    document.body.append(document.createRange().createContextualFragment(${JSON.stringify(PARTS)}));
})()`;

async function fieldsOf(page: Page): Promise<Record<string, string | null>> {
    return {
        status: await page.textContent('#status'),
        errors: await page.textContent('#errors'),
        email: await page.inputValue('[name=email]'),
        password: await page.inputValue('[name=password]'),
    };
}

describeInChromium('in Chromium', () => {
    let browser: Browser;

    beforeAll(async () => {
        browser = await openBrowser();
    });

    afterAll(async () => {
        await browser?.close();
    });

    async function pageAt(url: string): Promise<Page> {
        const context = await browser.newContext();
        onTestFinished(() => context.close());
        const page = await context.newPage();
        await page.goto(url);
        return page;
    }

    test('a refused form comes back with its errors and its input, once; an accepted one tells so, once', async () => {
        const { url } = await profileApp();
        const page = await pageAt(`${url}/profile`);
        const save = async (email: string, password: string) => {
            await page.fill('[name=email]', email);
            await page.fill('[name=password]', password);
            await Promise.all([page.waitForNavigation(), page.click('button')]);
        };
        await save('mia', 'short');
        expect(page.url()).toBe(`${url}/profile`);
        const errors = 'email | That is no address. | password | Too short.';
        expect(await fieldsOf(page)).toEqual({ status: 'nothing new', errors, email: 'mia', password: '' });

        await save('mia@example.com', 'long enough');
        expect(await fieldsOf(page)).toEqual({ status: 'Saved mia@example.com', errors: '', email: '', password: '' });
        await page.reload();
        expect((await fieldsOf(page))['status']).toBe('nothing new');
    });

    test('nothing that a page asks for, or gets ready, takes what is flashed for the next', async () => {
        const { url, purposes } = await profileApp();
        const page = await pageAt(`${url}/profile`);
        await page.evaluate(ASKING);
        await vi.waitFor(
            () => {
                const said = purposes.filter((purpose) => purpose.endsWith('/profile')).slice(1);
                expect(said.sort()).toEqual([
                    'now cors empty /profile',
                    'now navigate iframe /profile',
                    'now no-cors image /profile',
                    'prefetch navigate document /profile',
                    'prefetch no-cors empty /profile',
                ]);
            },
            { timeout: 10_000, interval: 20 },
        );
        await page.goto(`${url}/profile`);
        expect((await fieldsOf(page))['status']).toBe('News');
        await page.goto(`${url}/profile`);
        expect((await fieldsOf(page))['status']).toBe('nothing new');
    });
});
