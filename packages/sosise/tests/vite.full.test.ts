import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CopiedApp } from './docs/CopiedApp.js';
import { type Block, readDocuments } from './docs/Markdown.js';
import { type Browser, describeInChromium, openBrowser } from './helpers/chromium.js';
import { npmPackages } from './helpers/npmPackages.js';
import { freePort } from './helpers/redis.js';
import { PROJECT } from './stock.js';

/** What docs/frontends.md says of Vite, with Vite. */
const { blocks = [] } = readDocuments(PROJECT).find(({ name }) => name === 'docs/frontends.md') ?? {};
const OF_VITE = /^(?:client\/|src\/routes\/api\.ts$|.*\/ClientController\.ts$)/;

const INDEX =
    '<!doctype html><html lang="en"><title>Shop</title><p id="visits"></p><script type="module" src="/main.js"></script></html>';
const MAIN = `import './style.css';
const answer = await fetch('/api/visits', { method: 'POST' });
document.querySelector('#visits').textContent = 'visit ' + (await answer.json()).data;
`;

/** A fresh project with the front end of the document, sessions on, and the application at this port. */
function shop(port: number): { copied: CopiedApp; vite: string; version: string } {
    const copied = new CopiedApp(PROJECT);
    onTestFinished(() => copied.remove());
    for (const block of blocks.filter(({ path }) => path && OF_VITE.test(path))) {
        copied.apply({ ...block, code: block.code.replace('localhost:10000', `localhost:${port}`) });
    }
    copied.write('client/index.html', INDEX);
    copied.write('client/main.js', MAIN);
    copied.write('client/style.css', 'p { color: teal }\n');
    copied.apply({ ...(blocks[0] as Block), path: 'src/config/session.ts', code: '    enabled: true,\n' });
    const { vite: version = '' } = npmPackages(join(copied.folder, 'client'), 'vite');
    return { copied, version, vite: join(copied.folder, 'client/node_modules/vite/bin/vite.js') };
}

/** Counts two visits in a browser, in one session. */
async function countsVisits(browser: Browser, url: string): Promise<void> {
    const visitor = await browser.newContext();
    const page = await visitor.newPage();
    for (const visit of ['visit 1', 'visit 2']) {
        await page.goto(url);
        await page.getByText(visit, { exact: true }).waitFor();
    }
    await visitor.close();
}

describeInChromium('a front end built by Vite', () => {
    test('is served in production, with the session, and its own addresses get its page', async () => {
        const { copied, vite, version } = shop(0);
        console.log(`vite ${version}`);
        execFileSync(process.execPath, [vite, 'build', 'client'], { cwd: copied.folder, stdio: 'pipe' });
        const app = await copied.start('src/server.ts', {
            NODE_ENV: 'production',
            SESSION_SECURE: 'false',
            SESSION_SECRET: 'k7fTq2mX9bZ4rW8vN1pL6sD3gH5jK0aC',
        });
        onTestFinished(() => app.stop());
        const browser = await openBrowser();
        onTestFinished(() => browser.close());
        await countsVisits(browser, `${app.url}/`);
        await countsVisits(browser, `${app.url}/orders/7`);
        expect((await fetch(`${app.url}/api/nothing`)).status).toBe(404);
    });

    test('is developed beside the application: Vite passes requests on, with the session', async () => {
        const port = await freePort();
        const { copied, vite } = shop(port);
        const app = await copied.start('src/server.ts', { LISTEN_PORT: String(port) });
        onTestFinished(() => app.stop());
        const at = await freePort();
        const args = [vite, 'client', '--port', String(at), '--strictPort'];
        const server = spawn(process.execPath, args, { cwd: copied.folder, stdio: ['ignore', 'pipe', 'inherit'] });
        onTestFinished(async () => {
            server.kill('SIGTERM');
            await once(server, 'exit');
        });
        await new Promise<void>((resolve) => {
            let output = '';
            server.stdout.on('data', (bytes: Buffer) => {
                output += String(bytes);
                if (output.includes('Local')) {
                    resolve();
                }
            });
        });
        const url = `http://localhost:${at}`;
        const browser = await openBrowser();
        onTestFinished(() => browser.close());
        await countsVisits(browser, `${url}/`);

        // Browsers say no Sec-Fetch-Site to addresses of plain http other than localhost: the Origin alone has to do.
        const post = (headers: Record<string, string>) => fetch(`${url}/api/visits`, { method: 'POST', headers });
        const cookie = (await post({ origin: url })).headers.getSetCookie()[0]?.split(';')[0] ?? '';
        expect((await post({ origin: url, cookie })).status).toBe(200);
        expect((await post({ origin: 'http://evil.example', cookie })).status).toBe(403);
    });
});
