import { execFileSync } from 'node:child_process';
import {
    chmodSync,
    cpSync,
    existsSync,
    mkdirSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    realpathSync,
    rmSync,
    writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Ran } from './consoleProject.js';
import { DOCUMENTS, ownName, ownPackage, packageWithoutTests } from './helpers/inside/Console.js';
import { titleOf } from './helpers/inside/Support.js';
import { inThisProcess } from './inThisProcess.js';
import { copyStock, PACKAGE, PROJECT } from './stock.js';

const AUTHOR = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com'];
/** What a clone has beside the stock, in so far as the command looks at it. */
const OF_CLONE = [
    ...['package.json', 'tsconfig.json', 'biome.json', 'vitest.config.ts', 'Dockerfile', 'compose.yaml', '.gitignore'],
    ...['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', '.ci/run', '.github/workflows/ci.yml'],
    ...['example/server.ts', 'docs/upgrading.md', 'tests/app/index.test.ts', 'packages/sosise/package.json'],
];

let root: string;

beforeAll(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'own-')));
    copyStock(root);
    for (const name of OF_CLONE) {
        cpSync(join(PROJECT, name), join(root, name));
    }
    for (const name of ['tests/a.test.ts', 'scripts/bundle.js', 'scripts/mutate.js']) {
        put(`packages/sosise/${name}`, '');
    }
    git('init', '--quiet');
    commitAll();
    git('tag', 'clone');
});

beforeEach(() => {
    vi.stubEnv('SESSION_SECRET', undefined);
});

afterEach(() => vi.unstubAllEnvs());

afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Gives the clone what a test needs to be in it, until the test is over. */
function given(files: Readonly<Record<string, string | undefined>>): void {
    onTestFinished(() => {
        git('reset', '--quiet', '--hard', 'clone');
        git('clean', '--quiet', '-fdx');
    });
    for (const [name, content] of Object.entries(files)) {
        if (content === undefined) {
            rmSync(join(root, name), { recursive: true });
        } else {
            put(name, content);
        }
    }
}

function put(name: string, content: string): void {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
}

function git(...args: string[]): string {
    return execFileSync('git', [...AUTHOR, ...args], { cwd: root, encoding: 'utf8' });
}

function commitAll(): void {
    git('add', '--all');
    git('commit', '--quiet', '--allow-empty', '--message', 'A clone');
}

function artisan(line: string, entry = 'src/artisan.ts'): Promise<Ran> {
    return inThisProcess(
        {
            entryUrl: pathToFileURL(join(root, entry)).href,
            config: { session: async () => ({ default: {} }) },
            bootstrap: async () => {
                throw new Error('It boots nothing.');
            },
        },
        line,
    );
}

/** What a verb of the plan lists: files, each with its note. */
function planned({ output }: Ran, verb: string): Record<string, string> {
    const [, list = ''] = new RegExp(`^${verb}\n((?: {2}.+\n)+)`, 'm').exec(output) ?? [];
    return Object.fromEntries(
        [...list.matchAll(/^ {2}(\S+) +(.+)$/gm)].map(([, file = '', note = '']) => [file, note]),
    );
}

describe('the plan', () => {
    test('says what is made, changed, replaced and removed, and changes nothing where nobody can be asked', async () => {
        const ran = await artisan('app:own tea-shop');
        expect([ran.code, ran.errors]).toEqual([0, '']);
        expect(Object.keys(planned(ran, 'Makes'))).toEqual(['packages/sosise-0.1.0.tgz', '.env']);
        expect(planned(ran, 'Changes')).toMatchObject({
            'package.json':
                'name tea-shop; sosise from packages/sosise-0.1.0.tgz; without the scripts example, test:full, promises, bench',
            'sosise.json': 'name tea-shop',
            'tests/app/index.test.ts': 'the name',
            'vitest.config.ts': "without the framework's tests",
            'compose.yaml': 'where the documentation is',
        });
        expect(Object.keys(planned(ran, 'Replaces'))).toEqual([
            'README.md',
            'CHANGELOG.md',
            '.github/workflows/ci.yml',
        ]);
        expect(Object.keys(planned(ran, 'Removes'))).toEqual([
            'CONTRIBUTING.md',
            'SECURITY.md',
            'docs',
            'example',
            '.ci',
            'packages/sosise',
        ]);
        expect(ran.output).toMatch(/\nNothing was changed: nobody can be asked here\. Add --yes to do it\.\n$/);
        expect(git('status', '--porcelain')).toBe('');
        expect(existsSync(join(root, '.env'))).toBe(false);
    });

    test('with --keep-sources keeps the package, without what checks it, and moves the documentation there', async () => {
        const ran = await artisan('app:own shop --keep-sources --dry-run');
        expect(Object.keys(planned(ran, 'Makes'))).toEqual(['packages/sosise/docs', '.env']);
        expect(Object.keys(planned(ran, 'Removes'))).toEqual(
            expect.arrayContaining(['docs', 'packages/sosise/tests', 'packages/sosise/scripts/mutate.js']),
        );
        expect(planned(ran, 'Removes')).not.toHaveProperty(['packages/sosise/scripts/bundle.js']);
        expect(ran.output).toMatch(/\nNothing was changed: this was the plan\.\n$/);
    });

    test('keeps pages of your own, and a secret that is there', async () => {
        given({
            'README.md': '# Shop\n\nSells tea.\n',
            'CHANGELOG.md': '# Changelog\n',
            '.env': 'SESSION_SECRET=Own-5tQw8nLz2vXk7mRj4hFp9sDc3yGb6aUe\n',
        });
        commitAll();
        const ran = await artisan('app:own shop');
        expect(Object.keys(planned(ran, 'Keeps'))).toEqual(['.env', 'README.md', 'CHANGELOG.md']);
        expect(Object.keys(planned(ran, 'Replaces'))).toEqual(['.github/workflows/ci.yml']);
    });

    test('leaves alone what you wrote in place of the name', async () => {
        given({ 'src/app/Http/Controllers/IndexController.ts': '// mine\n' });
        commitAll();
        expect(planned(await artisan('app:own shop'), 'Changes')).not.toHaveProperty([
            'src/app/Http/Controllers/IndexController.ts',
        ]);
    });
});

describe('it refuses', () => {
    async function refusalOf(line: string, entry?: string): Promise<string> {
        const { code, output, errors } = await artisan(line, entry);
        expect([code === 0, output]).toEqual([false, '']);
        return errors;
    }

    test('while something is not committed, also a new file', async () => {
        given({ 'src/mine.ts': '' });
        expect(await refusalOf('app:own shop --yes')).toBe(
            "Git has to be able to undo this, and src/mine.ts is not committed: run git add --all && git commit --message 'My changes' first, or git stash --include-untracked.\n",
        );
        put('src/routes/api.ts', '');
        expect(await refusalOf('app:own shop --yes')).toContain('2 files are not committed');
        expect((await artisan('app:own shop --dry-run')).code).toBe(0);
    });

    test('where the application is its own already', async () => {
        given({ 'packages/sosise': undefined });
        commitAll();
        expect(await refusalOf('app:own shop --yes')).toBe(
            'This application is its own already, and is called sosise-skeleton. For another name, change name in package.json and sosise.json.\n',
        );
    });

    test('where the built application runs', async () => {
        expect(await refusalOf('app:own shop', 'build/artisan.js')).toContain('run app:own in the clone');
    });

    test('without git, unless it is told that nothing has to be undone', async () => {
        vi.stubEnv('GIT_DIR', join(root, 'nowhere'));
        const { code, output } = await artisan('app:own shop');
        expect(code).toBe(0);
        expect(output).toMatch(/Git does not keep this folder, so that nothing could undo it: .* or add --yes\.\n$/);
        expect(existsSync(join(root, 'example'))).toBe(true);
    });
});

test('what fails in the middle says how to undo it, and that undoes it', async () => {
    given({});
    put('.git/bin/npm', '#!/bin/sh\necho "npm $1: no space left"\nif [ "$1" = install ]; then exit 1; fi\n');
    chmodSync(join(root, '.git/bin/npm'), 0o755);
    vi.stubEnv('PATH', `${join(root, '.git/bin')}:${process.env['PATH']}`);
    const { code, errors } = await artisan('app:own shop --yes');
    expect(code).toBe(1);
    expect(errors).toMatch(/^It came to no end: npm install .* failed:\nnpm install: no space left\n/);
    expect(git('status', '--porcelain')).toContain(' M package.json\n');
    const [, undo = ''] = /\nUndo what was done with: (.*)\n$/.exec(errors) ?? [];
    execFileSync('/bin/sh', ['-c', undo.replace(' && npm install', '')], { cwd: root, stdio: 'pipe' });
    expect(git('status', '--porcelain')).toBe('');
});

test('the new README copies to the server what docs/deploy.md names', () => {
    const [, table = ''] = readFileSync(join(PROJECT, 'docs/deploy.md'), 'utf8').split('## What goes to the server');
    const named = [...(table.split('\n## ', 1)[0] ?? '').matchAll(/^\| `.*?\|/gm)].flatMap(([cell]) =>
        [...cell.matchAll(/`(.+?)\/?`/g)].map(([, name]) => name),
    );
    const readme = readFileSync(join(PACKAGE, 'src/Console/Own/stubs/README.md.stub'), 'utf8');
    const made = ['node_modules', 'packages']; // by npm ci there; and only where the framework is one file
    expect(named).toContain('views');
    expect(named.filter((name) => !made.includes(name ?? '') && !readme.includes(`\`${name}\``))).toEqual([]);
});

describe('a name', () => {
    test.each(['shop', 'tea-shop', 'tea.shop', 'shop_2', '7eleven'])('may be %s', (name) => {
        expect(ownName(name, [])).toBe(name);
    });

    test.each([
        ['My Shop', 'between them.'],
        ['@acme/shop', 'between them.'],
        ['-shop', 'between them.'],
        ['../shop', 'between them.'],
        ['茶', 'between them.'],
        ['', 'between them.'],
        ['a'.repeat(215), '215 characters'],
        ['express', 'something else'],
        ['http', 'something else'],
        ['node_modules', 'something else'],
        ['sosise', 'something else'],
        ['sosise-skeleton', 'something else'],
    ])('can not be %s', (name, hint) => {
        expect(() => ownName(name, ['express'])).toThrow(hint);
    });

    test('is a heading in words', () => {
        expect(['shop', 'tea-shop', 'tea.shop_2'].map(titleOf)).toEqual(['Shop', 'Tea Shop', 'Tea Shop 2']);
    });
});

describe('the package.json', () => {
    const current = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8'));
    const wish = { name: 'shop', description: current.description, packed: 'packages/sosise-9.9.9.tgz' };

    test('has no workspace, script or description of the clone', () => {
        const own = ownPackage(current, { ...wish, hasWorkspaces: false });
        expect(own).toMatchObject({ name: 'shop', dependencies: { sosise: 'file:packages/sosise-9.9.9.tgz' } });
        expect(Object.keys(own)).not.toEqual(expect.arrayContaining(['workspaces']));
        expect(own.description).toBeUndefined();
        expect(own.scripts).toMatchObject({ test: 'vitest run', typecheck: 'tsc' });
        expect(JSON.stringify(own.scripts)).not.toMatch(/workspace|example|packages/);
        expect(own.devDependencies).toEqual(current.devDependencies);
    });

    test('keeps scripts, a description and workspaces of your own', () => {
        const yours = { ...current, description: 'Sells tea', scripts: { ...current.scripts, seed: 'tsx seed.ts' } };
        const own = ownPackage(yours, { ...wish, hasWorkspaces: true });
        expect(own).toMatchObject({
            description: 'Sells tea',
            workspaces: ['packages/*'],
            scripts: { seed: 'tsx seed.ts' },
        });
    });

    test("of the framework keeps the packages of its sources' types, and none of its tests", () => {
        const left = packageWithoutTests(JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')));
        expect(left.devDependencies).toMatchObject({ redis: expect.any(String), '@types/pg': expect.any(String) });
        expect(left.devDependencies).not.toHaveProperty('playwright-core');
        expect(Object.keys(left.scripts ?? {})).toEqual(['prepack', 'postpack', 'typecheck']);
    });
});

test('it knows every page of docs', () => {
    const files = readdirSync(join(PROJECT, 'docs'), { recursive: true, encoding: 'utf8' })
        .map((name) => name.replaceAll('\\', '/'))
        .filter((name) => name.includes('.'));
    expect([...DOCUMENTS].sort()).toEqual(files.sort());
});

test.each(['.github/workflows/ci.yml', 'packages/sosise/src/Console/Own/stubs/ci.yml.stub'])(
    '%s runs scripts that there are',
    (file) => {
        const { scripts } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8'));
        const lines = readFileSync(join(PROJECT, file), 'utf8').matchAll(/- run: npm (?:run )?([\w:]+)/g);
        const names = [...lines].map(([, name = '']) => name);
        expect(names).toEqual(expect.arrayContaining(['ci', 'lint', 'typecheck', 'test', 'build']));
        expect(names.filter((name) => name !== 'ci' && !scripts[name])).toEqual([]);
    },
);
