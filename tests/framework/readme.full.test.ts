import { realpathSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { CopiedApp, type RunningApp } from './docs/CopiedApp.js';
import { Curl } from './docs/Curl.js';
import { type Block, readDocuments } from './docs/Markdown.js';

const root = realpathSync(new URL('../..', import.meta.url));
const documents = readDocuments(root);
const snippets = documents.flatMap((document) => document.blocks).filter(({ language }) => language === 'ts');
const readme = documents.find(({ name }) => name === 'README.md') as (typeof documents)[number];

describe('the README, followed to the letter in a fresh copy', () => {
    const copy = () => {
        const copied = new CopiedApp(root);
        onTestFinished(() => copied.remove());
        return copied;
    };
    const start = async (copied: CopiedApp) => {
        const app = await copied.start();
        onTestFinished(() => app.stop());
        return app;
    };
    const curls = (block: Block | undefined) => (block?.code ?? '').trim().split('\n');
    const [first, others] = readme.blocks.filter(({ code }) => code.startsWith('curl'));
    const step = (path: string, text: string) =>
        readme.blocks.find((block) => block.path === path && block.code.includes(text)) as Block;

    /** The cart's requests of the README, in their order. */
    const tryCart = async (app: RunningApp) => {
        const curl = new Curl(app.url);
        const [store = '', check = '', remove = '', regenerate = ''] = curls(others);
        expect(await curl.run(check)).toMatchObject({ code: 1000, data: null });
        expect(curl.cookies).toEqual({});
        expect(await curl.run(store)).toMatchObject({ data: { item: 'tea', amount: 1 } });
        expect(await curl.run(check)).toMatchObject({ data: { item: 'tea', amount: 1 } });
        expect(await curl.run(remove)).toMatchObject({ data: null });
        expect(await curl.run(check)).toMatchObject({ data: null });
        const { sosise: old } = curl.cookies;
        expect(await curl.run(regenerate)).toMatchObject({ code: 1000 });
        expect(curl.cookies['sosise']).not.toBe(old);
    };

    test("sessions are off at first, then on with files, then in memory, then in a driver of one's own", async () => {
        const copied = copy();

        const fresh = await start(copied);
        const shown = readme.blocks.find(({ code }) => code.startsWith('{'))?.code ?? '';
        expect(await new Curl(fresh.url).run(curls(first)[0] as string)).toEqual(JSON.parse(shown));
        expect(fresh.output()).toContain('Sessions     off');
        expect(fresh.output()).toContain('.env was made');
        await fresh.stop();

        copied.apply(step('src/config/session.ts', 'enabled:'));
        copied.apply(step('src/app/Http/Controllers/CartController.ts', ''));
        copied.apply(step('src/routes/api.ts', ''));
        const onFiles = await start(copied);
        expect(onFiles.output()).toContain('Sessions     on, driver file');
        await tryCart(onFiles);
        expect(copied.sessionFiles()).toBeGreaterThan(0);
        await onFiles.stop();

        const files = copied.sessionFiles();
        copied.apply(step('src/config/session.ts', 'memory'));
        const inMemory = await start(copied);
        expect(inMemory.output()).toContain('Sessions     on, driver memory');
        await tryCart(inMemory);
        expect(copied.sessionFiles()).toBe(files);
        await inMemory.stop();

        const drivers = snippets.filter(
            ({ document, code }) => document === 'docs/drivers.md' && code.includes('MapDriver'),
        );
        for (const block of drivers) {
            copied.apply(block);
        }
        copied.apply({ ...step('src/config/session.ts', 'memory'), code: "    driver: 'map',\n" });
        const inMap = await start(copied);
        await tryCart(inMap);
        expect(inMap.output()).toContain('sessions are in a Map of this process');
        await inMap.stop();
    });
});
