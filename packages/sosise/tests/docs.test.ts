import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import type { Response } from 'express';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { anchorsOf, readDocuments } from './docs/Markdown.js';
import counting from './fixtures/counting.js';
import checking from './fixtures/session-doc/checking.js';
import deleting from './fixtures/session-doc/deleting.js';
import IndexController from './fixtures/session-doc/IndexController.js';
import regenerating from './fixtures/session-doc/regenerating.js';
import storing from './fixtures/session-doc/storing.js';
import { ConfigRepository } from './helpers/inside/Config.js';
import { action } from './helpers/inside/Http.js';
import type { SessionConfig } from './helpers/inside/Session/Config.js';
import { sessionConfig } from './helpers/inside/Session.js';
import { createKernel, sessionApp, temporaryFolder } from './helpers/sessionApp.js';
import { PACKAGE, STOCK } from './stock.js';

const root = realpathSync(new URL('../../..', import.meta.url));
const documents = readDocuments(root);
const blocks = documents.flatMap((document) => document.blocks);
const snippets = blocks.filter(({ language }) => language === 'ts' || language === 'typescript');
// Undefined once the README is the user's own.
const readme = documents.find(({ name }) => name === 'README.md');

/** Folders that the README offers to make. */
const OPTIONAL = ['public/', 'views/'];
/** What an application of a version before the package has; only what tells how it goes on names it. */
const FORMER = /^(?:src|tests)\/framework\b|^tests\/(?:model|promises)$|^tests\/helpers\/testSessionStore\.ts$/;
const NAME_THE_FORMER = ['docs/upgrading.md', 'CHANGELOG.md'];

/** At which adults read; code and tables count as text here. */
const WORDS_A_MINUTE = 230;

type Lock = { packages: Record<string, { optionalDependencies?: Record<string, string> }> };

const scriptsOf = (folder: string) =>
    JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).scripts as Record<string, string>;
const scripts = scriptsOf(root);
const scriptsOfPackage = scriptsOf(PACKAGE);

describe('the documents', () => {
    test('every block has a language that is checked here', () => {
        const unknown = blocks.filter(
            ({ language }) => !['ts', 'typescript', 'bash', 'text', 'html'].includes(language),
        );
        expect(unknown.map(({ place, language }) => `${place} ${language}`)).toEqual([]);
        expect(snippets.length).toBeGreaterThan(20);
    });

    // The scripts of package.json are a user's own as soon as the README is.
    test.skipIf(!readme)('every command is a script of package.json or a program that the text explains', () => {
        const lines = blocks
            .filter(({ language }) => language === 'bash')
            .flatMap(({ code }) => code.trim().split('\n'));
        const commands = lines
            .flatMap((line) => line.split('&&'))
            .map((line) => line.replace(/^\s*([A-Z_]+=\S+\s+)*/, ''));
        const inProse = documents.flatMap(({ prose }) =>
            [...prose.matchAll(/`(npm [^`]*)`/g)].map(([, text = '']) => text),
        );
        for (const command of [...commands, ...inProse]) {
            const [program = '', verb = '', name = ''] = command.trim().split(/\s+/);
            expect(['npm', 'curl', 'node', 'git', 'sed', './artisan'], command).toContain(program);
            if (program === 'node') {
                expect(command).toBe(scripts['start']);
            }
            if (program === 'git') {
                expect(['remote', 'fetch', 'merge'], command).toContain(verb);
            }
            if (program === 'npm') {
                const ofPackage = / --workspace sosise(?: |$)/.test(command);
                expect(['install', 'ci', 'run', 'test', 'start', ...(ofPackage ? ['pack'] : [])], command).toContain(
                    verb,
                );
                expect(
                    ['install', 'ci', 'pack'].includes(verb) ||
                        (ofPackage ? scriptsOfPackage : scripts)[verb === 'run' ? name : verb],
                    command,
                ).toBeTruthy();
            }
        }
    });

    test('npm ci, which the README deploys with, finds every package in the lock file', () => {
        const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock;
        const locked = Object.keys(packages);
        const missing = Object.values(packages)
            .flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
            .filter((name) => !locked.some((path) => path.endsWith(`node_modules/${name}`)));
        expect(missing, 'npm ci refuses a lock file without these').toEqual([]);
    });

    test('a page that imports a package whose types are another package names that, too', () => {
        const typesOf = (folder: string) =>
            Object.keys(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).devDependencies).filter((name) =>
                name.startsWith('@types/'),
            );
        const apart = typesOf(PACKAGE).filter((name) => !typesOf(root).includes(name));
        expect(apart).toContain('@types/pg');
        const missing = documents.flatMap(({ name, text, blocks }) =>
            apart
                .filter((types) => blocks.some(({ code }) => code.includes(` from '${types.replace('@types/', '')}'`)))
                .filter((types) => !text.includes(types))
                .map((types) => `${name}: npm install --save-dev ${types}`),
        );
        expect(missing).toEqual([]);
    });

    test('every document of the folder is in the table of the README', { skip: !readme }, () => {
        const [table = ''] = /^## What to read[\s\S]*?(?=^## )/m.exec(readme?.prose ?? '') ?? [];
        const listed = [...table.matchAll(/\]\((docs\/[\w-]+\.md)\)/g)].map(([, name = '']) => name);
        const inDocs = documents.map(({ name }) => name).filter((name) => name.startsWith('docs/'));
        expect(inDocs.filter((name) => !listed.includes(name))).toEqual([]);
    });

    test.skipIf(!readme)('the pages to begin with are read in twenty minutes', () => {
        const pages = ['README.md', 'docs/sessions.md', 'docs/architecture.md'];
        const texts = documents.filter(({ name }) => pages.includes(name)).map(({ text }) => text);
        const words = texts.join(' ').split(/\s+/).length;
        expect(texts).toHaveLength(3);
        expect(words / WORDS_A_MINUTE).toBeLessThan(20);
    });

    test('what nginx is told overwrites every header of a proxy that is believed', () => {
        const { text = '' } = documents.find(({ name }) => name === 'docs/deploy.md') ?? {};
        const overwritten = [...text.matchAll(/^proxy_set_header (X-Forwarded-\w+) \$/gm)].map(([, name]) => name);
        expect(overwritten.sort()).toEqual(['X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto']);
    });

    test('every image says what it shows', () => {
        const images = documents.flatMap(({ prose }) => [...prose.matchAll(/!\[([^\]]*)\]/g)]);
        expect(images.filter(([, alt = '']) => alt.length < 20).map(([all]) => all)).toEqual([]);
    });

    test('every link and image leads somewhere', () => {
        const links = documents.flatMap(({ name, prose }) =>
            [...prose.matchAll(/\]\(([^)]+)\)/g)].map(([, link = '']) => ({ name, link })),
        );
        const leadsSomewhere = ({ name, link }: { name: string; link: string }) => {
            const [file = '', anchor] = link.split('#');
            const target = posix.join(posix.dirname(name), file || posix.basename(name));
            const found = documents.find((document) => document.name === target);
            return existsSync(join(root, target)) && (!anchor || (found && anchorsOf(found).includes(anchor)));
        };
        const broken = links.filter((link) => !leadsSomewhere(link)).map(({ name, link }) => `${name}: ${link}`);
        expect(broken).toEqual([]);
    });

    test('every file that is named exists, or is written by a block', () => {
        const written = new Set(blocks.map(({ path }) => path));
        for (const { name, prose } of documents) {
            for (const [, path = ''] of prose.matchAll(/`((?:src|tests|docs|storage|packages)\/[\w./-]*)`/g)) {
                const wasThere = NAME_THE_FORMER.includes(name) && FORMER.test(path);
                const mayMiss = path.startsWith('storage/sessions/') || wasThere || written.has(path);
                const isThere = [root, STOCK].some((folder) => existsSync(join(folder, path)));
                expect(mayMiss || isThere, `${name}: ${path}`).toBe(true);
            }
        }
    });

    test.skipIf(!readme)('the layout names folders and files that exist', () => {
        const layout = readme?.blocks.find(({ code }) => code.startsWith('src/config/'))?.code ?? '';
        for (const [, path = ''] of layout.matchAll(/^(\S+) /gm)) {
            expect(OPTIONAL.includes(path) || existsSync(join(root, path)), path).toBe(true);
        }
    });

    const noGnu = spawnSync('sed', ['--version'], { encoding: 'utf8' }).stdout?.includes('GNU') !== true;
    test.skipIf(noGnu)('the line of docs/upgrading.md turns imports of the folder into imports of the package', () => {
        const { blocks = [] } = documents.find(({ name }) => name === 'docs/upgrading.md') ?? {};
        const lines = blocks.flatMap(({ code }) => code.split('\n')).filter((line) => line.startsWith('sed '));
        expect(lines).toHaveLength(1);
        const folder = temporaryFolder();
        const put = (name: string, code: string) => {
            mkdirSync(dirname(join(folder, name)), { recursive: true });
            writeFileSync(join(folder, name), code);
            return () => readFileSync(join(folder, name), 'utf8');
        };
        const provider = put(
            'src/bootstrap/providers.ts',
            `import { HttpServiceProvider } from '../framework/index.js';
import AppServiceProvider from '../app/Providers/AppServiceProvider.js';
(await import('../framework/DevTools/DevToolsServiceProvider.js')).DevToolsServiceProvider,
`,
        );
        const entry = put('src/artisan.ts', "import { Artisan } from './framework/console.js';\n");
        const inTests = put(
            'tests/app/own.test.ts',
            `import { testSessionStore } from '../helpers/testSessionStore.js';
import { createTestApp } from '../helpers/createTestApp.js';
import { Logger } from "../../src/framework/index.js"; export * from '../../src/framework/index.js';
`,
        );
        const { status, stderr } = spawnSync('/bin/sh', ['-c', lines.join('\n')], { cwd: folder, encoding: 'utf8' });
        expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
        expect(provider()).toBe(`import { HttpServiceProvider } from 'sosise';
import AppServiceProvider from '../app/Providers/AppServiceProvider.js';
(await import('sosise/devtools')).DevToolsServiceProvider,
`);
        expect(entry()).toBe("import { Artisan } from 'sosise/console';\n");
        expect(inTests()).toBe(`import { testSessionStore } from 'sosise/testing';
import { createTestApp } from '../helpers/createTestApp.js';
import { Logger } from "sosise"; export * from 'sosise';
`);
    });

    test('the table of settings has every key, with its default', () => {
        const app = createKernel().app;
        const defaults = (sessionConfig.defaults as (environment: unknown) => SessionConfig)(app.environment);
        const rows = rowsOf('docs/settings.md');
        for (const [key = '', shown = ''] of rows) {
            expect(isKnown(key), `${key} is a key of src/config/session.ts`).toBe(true);
            if (/^`[^`]+`$/.test(shown) && key !== 'idle') {
                expect(literal(shown), key).toEqual(valueAt(defaults, key));
            } else if (shown === 'none') {
                expect(valueAt(defaults, key), key).toBeUndefined();
            }
        }
        expect(rows.map(([key]) => key).sort()).toEqual(keysOfSource());
    });

    test('the table of StoredSessions has every method', () => {
        const source = readFileSync(join(PACKAGE, 'src/Session/Admin/StoredSessions.ts'), 'utf8');
        const methods = [...source.matchAll(/^ {4}public (?:get |async |\*)*(\w+)\(/gm)].map(([, name]) => name);
        const listed = rowsOf('docs/console.md').map(([cell = '']) => cell.replace(/\(.*/, ''));
        expect(methods.filter((name = '') => name !== 'constructor' && !listed.includes(name))).toEqual([]);
        expect(methods.length).toBeGreaterThan(7);
    });

    test('the table of events has every event', async () => {
        const { channelNames } = await import('./helpers/inside/Session/Events.js');
        const listed = rowsOf('docs/monitoring.md').map(([name]) => name);
        expect(listed).toEqual(expect.arrayContaining([...channelNames]));
    });

    test('a session can have no key of the names that the guide lists, and these are all', async () => {
        const { RESERVED_KEYS } = await import('./helpers/inside/Session/Object.js');
        const guide = documents.find(({ name }) => name === 'docs/sessions.md')?.prose ?? '';
        const [sentence = ''] = /The session object itself uses [\s\S]*?\. Data/.exec(guide) ?? [];
        const listed = [...sentence.matchAll(/`(\w+)`/g)].map(([, key = '']) => key);
        expect(listed.sort()).toEqual([...RESERVED_KEYS].sort());
    });
});

describe.each(['file', 'memory'])('the snippets that users were promised, on %s', (driver) => {
    test('do what was said, over HTTP', async () => {
        const printed: unknown[] = [];
        let unanswered: Response | undefined;
        const print = vi.spyOn(console, 'log').mockImplementation((value) => void printed.push(value));
        onTestFinished(() => print.mockRestore());
        const app = await sessionApp({
            session: { driver },
            routes: (router) => {
                router.get('/', (_request, response, next) => {
                    unanswered = response;
                    next();
                });
                router.get('/', action(IndexController, 'index'));
                router.get('/check', checking);
                router.get('/count', counting);
                router.get('/store', storing);
                router.get('/delete', deleting);
                router.get('/regenerate', regenerating);
            },
        });
        const users = [
            { id: 1, name: 'Sharon' },
            { id: 2, name: 'Asif' },
        ];
        const browser = app.browser();

        const other = app.browser();
        expect([await other.json('/count'), await other.json('/count')]).toEqual([1, 2]);

        expect(await browser.json('/check')).toEqual({});
        await browser.visit('/store');
        expect(await browser.json('/check')).toEqual({ users });
        expect(printed).toEqual([users]);

        // It prints all data, and never answers.
        const visit = browser.visit('/');
        await vi.waitFor(() => expect(printed).toHaveLength(2));
        expect(Object.keys(printed.at(-1) as object)).toEqual(['cookie', 'users']);
        expect(unanswered?.writableEnded).toBe(false);
        unanswered?.end();
        await visit;

        await browser.visit('/delete');
        expect(await browser.json('/check')).toEqual({ users: null });

        await browser.visit('/store');
        const before = browser.copy();
        expect(await (await browser.visit('/regenerate')).text()).toBe('Session was regenerated');
        expect(await browser.json('/check')).toEqual({});
        expect(await before.json('/check')).toEqual({});
    });
});

/** The rows of a document's tables, as cells; the first cell without its backticks. */
function rowsOf(name: string): string[][] {
    const { prose = '' } = documents.find((document) => document.name === name) ?? {};
    return [...prose.matchAll(/^\| +`([^`]+)` +\| +(.*?) +\|/gm)].map(([, key = '', shown = '']) => [key, shown]);
}

/** A default as the table shows it. */
function literal(shown: string): unknown {
    const text = shown.replaceAll('`', '').replaceAll('_', '').replaceAll("'", '"');
    return JSON.parse(text);
}

function valueAt(config: SessionConfig, key: string): unknown {
    return key.split('.').reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], config);
}

/** Whether the rules know a key: with a wrong value they say what is allowed, not that there is no such key. */
function isKnown(key: string): boolean {
    const [outer = '', inner] = key.split('.');
    const wrong = { [outer]: inner === undefined ? Symbol(key) : { [inner]: Symbol(key) } };
    try {
        const { environment } = createKernel().app;
        new ConfigRepository({ environment, definitions: [sessionConfig], files: { session: wrong }, overrides: {} });
    } catch (error) {
        return !String(error).includes('is not a known key');
    }
    return false;
}

/** The keys that the types name. */
function keysOfSource(): string[] {
    const source = readFileSync(join(PACKAGE, 'src/Session/Config/SessionConfig.ts'), 'utf8');
    const keys = (name: string) => {
        const [, body = ''] = new RegExp(`interface ${name} \\{\\n([\\s\\S]*?)^\\}`, 'm').exec(source) ?? [];
        return [...body.matchAll(/^ {4}(\w+)\??:/gm)].map(([, key = '']) => key);
    };
    const cookie = keys('SessionCookieConfig').map((key) => `cookie.${key}`);
    const registry = keys('SessionLimit').map((key) => `registry.${key}`);
    return [...keys('SessionConfig').filter((key) => key !== 'cookie'), ...cookie, ...registry].sort();
}
