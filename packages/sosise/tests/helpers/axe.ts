import { createRequire } from 'node:module';
import type { Browser, Page } from './chromium.js';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

interface Violation {
    readonly id: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** What axe finds wrong on an address, as `rule: element`. `options` are those of a browser's context. */
export async function findings(browser: Browser, url: string, options: object): Promise<string[]> {
    const context = await browser.newContext({ ...options, bypassCSP: true });
    const page = await context.newPage();
    await page.goto(url);
    const found = await findingsOn(page);
    await context.close();
    return found;
}

/** The same on a page as it stands. Its context has to have `bypassCSP`: policies let in nothing of others. */
export async function findingsOn(page: Page): Promise<string[]> {
    await page.addScriptTag({ path: AXE });
    const found = await page.evaluate<Violation[]>('axe.run().then((result) => result.violations)');
    return found.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`));
}
