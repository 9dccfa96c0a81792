import {
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
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Ran } from './consoleProject.js';
import { inThisProcess } from './inThisProcess.js';
import { STOCK } from './stock.js';

const sources = realpathSync(new URL('../../..', import.meta.url));
const EVERY = ['command', 'controller', 'exception', 'middleware', 'provider', 'service', 'session-driver'];

let root: string;

beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'make-')));
    put('sosise.json', '{ "manifest": 1, "name": "shop" }');
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(name: string, content: string): void {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
}

function get(name: string): string {
    return readFileSync(join(root, name), 'utf8');
}

/** All files but sosise.json. */
function files(): string[] {
    return readdirSync(root, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name !== 'sosise.json')
        .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
        .sort();
}

/** Runs a command line in this process. */
async function artisan(line: string | string[], entry = 'src/artisan.ts'): Promise<Ran> {
    return inThisProcess(
        {
            entryUrl: pathToFileURL(join(root, entry)).href,
            config: { session: () => Promise.reject(new Error('No config is needed here.')) },
            bootstrap: () => Promise.reject(new Error('No application is needed here.')),
        },
        line,
    );
}

/** What a command line ends with that fails and writes nothing. */
async function refusalOf(line: string | string[], entry?: string): Promise<[number, string]> {
    const before = files();
    const { code, output, errors } = await artisan(line, entry);
    expect(output).toBe('');
    expect(files()).toEqual(before);
    return [code, errors];
}

describe('a name', () => {
    test.each([
        ['make:controller user', 'Http/Controllers/UserController'],
        ['make:controller user-profile', 'Http/Controllers/UserProfileController'],
        ['make:controller userProfile_v2', 'Http/Controllers/UserProfileV2Controller'],
        ['make:controller UserController', 'Http/Controllers/UserController'],
        ['make:controller usercontroller', 'Http/Controllers/UserController'],
        ['make:controller Admin/UserController', 'Http/Controllers/Admin/UserController'],
        ['make:controller admin-area/users/list', 'Http/Controllers/AdminArea/Users/ListController'],
        ['make:controller Admin\\User', 'Http/Controllers/Admin/UserController'],
        ['make:controller delete', 'Http/Controllers/DeleteController'],
        ['make:controller Map', 'Http/Controllers/MapController'],
        ['make:middleware auth', 'Http/Middlewares/AuthMiddleware'],
        ['make:provider mail', 'Providers/MailServiceProvider'],
        ['make:provider MailProvider', 'Providers/MailProvider'],
        ['make:exception card-declined', 'Exceptions/CardDeclinedException'],
        ['make:service Mailer', 'Services/Mailer'],
        ['make:command send-report', 'Console/Commands/SendReportCommand'],
        ['make:session-driver mongo', 'Session/MongoSessionDriver'],
        ['make:session-driver MongoDriver', 'Session/MongoDriver'],
    ])('is read kindly: [%s] makes %s', async (line, file) => {
        const { code, output, errors } = await artisan(line);
        expect([code, errors]).toEqual([0, '']);
        expect(files()).toEqual([`src/app/${file}.ts`]);
        expect(output).toMatch(new RegExp(`^src/app/${file}\\.ts was made\\.\\n\\nPaste `));
        expect(get(`src/app/${file}.ts`)).toContain(`export default class ${file.split('/').at(-1)} `);
    });

    test.each(['../x', '/abs', 'A//B', 'A/', '', '1a', 'a b', 'a.ts', 'é', '$a', '_a', 'C:\\x', 'a/../b', 'a\0'])(
        'that can be none is wrong use: [%s]',
        async (name) => {
            expect(await refusalOf(['make:controller', name])).toEqual([
                2,
                `'${name}' can't name a class: use letters, digits, - and _, with a letter first, as in UserController or Admin/UserController.\n`,
            ]);
        },
    );

    test.each([
        ['make:service Map', 'Map means something else in JavaScript: choose another name, such as Mailer.'],
        [
            'make:exception Exception',
            'Exception alone says too little: put what it is for before it, as in CardDeclinedException.',
        ],
        [
            'make:provider http',
            'The framework has a provider Http already: choose another name, such as MailServiceProvider.',
        ],
        [
            'make:session-driver RedisDriver',
            'The framework has a session driver Redis already: choose another name, such as MongoSessionDriver.',
        ],
        ['make:service', "Missing required argument 'name': ./artisan make:service --help shows how it is used."],
        ['make:service a --froce', "Unknown option '--froce': did you mean --force?"],
        ['make:servce a', 'There is no command make:servce: did you mean make:service?'],
        ['make', `There is no command make: there are make:auth, ${EVERY.map((kind) => `make:${kind}`).join(', ')}.`],
    ])('or line that means nothing is one sentence: [%s]', async (line, sentence) => {
        expect(await refusalOf(line)).toEqual([2, `${sentence}\n`]);
    });
});

describe('what is there', () => {
    const file = 'src/app/Services/Mailer.ts';

    test('is kept without --force, and replaced whole with it', async () => {
        put(file, 'mine');
        expect(await refusalOf('make:service Mailer')).toEqual([
            1,
            `${file} is there already: choose another name, or replace it with --force.\n`,
        ]);
        expect(get(file)).toBe('mine');

        expect((await artisan('make:service Mailer --force')).code).toBe(0);
        expect(get(file)).toContain('export default class Mailer {');
        expect(files()).toEqual([file]);
    });

    test('is told in one sentence where it can not be written to', async () => {
        put('src/app/Services', 'a file');
        const [code, sentence] = await refusalOf('make:service Mailer');
        expect([code, sentence]).toEqual([
            1,
            expect.stringMatching(/^src\/app\/Services\/Mailer\.ts can't be written \(E\w+\): its folder .*\n$/),
        ]);
        rmSync(join(root, 'src/app/Services'));
        mkdirSync(join(root, file), { recursive: true });
        const [forced, other] = await refusalOf('make:service Mailer --force');
        expect([forced, other]).toEqual([1, expect.stringMatching(/can't be written \(E\w+\)/)]);
    });

    test("of a driver's test is the user's, also with --force", async () => {
        put('tests/app/Shop/MongoSessionDriver.test.ts', 'mine');
        await artisan('make:session-driver Shop/Mongo');
        const { code, output } = await artisan('make:session-driver Shop/Mongo --force');
        expect([code, output]).toEqual([0, expect.not.stringContaining('tests/')]);
        expect(get('tests/app/Shop/MongoSessionDriver.test.ts')).toBe('mine');
        rmSync(join(root, 'tests/app/Shop'), { recursive: true });
        await artisan('make:session-driver Shop/Mongo --force');
        expect(get('tests/app/Shop/MongoSessionDriver.test.ts')).toContain("testSessionStore('mongo', ");
    });
});

describe('the folder', () => {
    test.each([
        ['src/web/pages', "from 'sosise'"],
        ['src', "from 'sosise'"],
    ])('is the one that sosise.json names, and imports follow it: %s', async (middlewares, framework) => {
        put('sosise.json', JSON.stringify({ manifest: 1, name: 'shop', paths: { middlewares } }));
        expect((await artisan('make:middleware user')).code).toBe(0);
        expect(get(`${middlewares}/UserMiddleware.ts`)).toContain(framework);
    });

    test('is imported from where the lines are pasted', async () => {
        const paths = { controllers: 'src/web', providers: 'src/providers', middlewares: 'src/between' };
        put('sosise.json', JSON.stringify({ manifest: 1, name: 'shop', paths }));
        put('src/providers/AppServiceProvider.ts', '');
        put('src/between/Kernel.ts', '');
        expect((await artisan('make:controller Admin/User')).output).toBe(
            `src/web/Admin/UserController.ts was made.

Paste into src/routes/api.ts, with this path or one of your own:

import UserController from '../web/Admin/UserController.js';

router.get('/admin/users', action(UserController, 'index'));
`,
        );
        expect((await artisan('make:service Mailer')).output).toContain(
            "Paste into src/providers/AppServiceProvider.ts:\n\nimport Mailer from '../app/Services/Mailer.js';\n",
        );
        expect((await artisan('make:middleware Auth')).output).toContain(
            "Paste into src/between/Kernel.ts:\n\nimport AuthMiddleware from './AuthMiddleware.js';\n",
        );
    });

    test('of a middleware: for all routes, for a group, or for one', async () => {
        expect((await artisan('make:middleware Admin')).output).toMatch(
            /into its list, in the order they are to run, for all routes:\n\n {4}AdminMiddleware,\n\nPaste into src\/routes\/api\.ts instead, for a group of routes, or for one:\n\nimport \{ middleware \} from 'sosise';\nimport AdminMiddleware from '\.\.\/app\/Http\/Middlewares\/AdminMiddleware\.js';\n\nrouter\.use\('\/admin', middleware\(AdminMiddleware\)\); .*\nrouter\.get\('\/', middleware\(AdminMiddleware\), action\(IndexController, 'index'\)\);\n$/,
        );
    });

    test('has to be one that is compiled', async () => {
        put('sosise.json', '{ "manifest": 1, "name": "shop", "paths": { "services": "lib/services" } }');
        expect(await refusalOf('make:service Mailer')).toEqual([
            1,
            'sosise.json: paths.services is lib/services, and only what is in src is compiled: name a folder in there.\n',
        ]);
    });
});

test.each(EVERY)('make:%s writes nothing where the built application runs', async (kind) => {
    expect(await refusalOf(`make:${kind} Shop`, 'build/artisan.js')).toEqual([
        1,
        'Generators write TypeScript, which the built application does not read: run them in development, where all packages are installed and NODE_ENV is not production.\n',
    ]);
    expect(existsSync(join(root, 'src'))).toBe(false);
});

describe('make:auth', () => {
    const PROVIDERS = 'src/bootstrap/providers.ts';
    const CONFIG = 'src/config/session.ts';
    const WRITTEN = [
        'public/auth.css',
        'src/app/Auth/FileUsers.ts',
        'src/app/Auth/LoginLimit.ts',
        'src/app/Auth/Users.ts',
        'src/app/Auth/forms.ts',
        'src/app/Auth/pages.ts',
        'src/app/Http/Controllers/Auth/AccountController.ts',
        'src/app/Http/Controllers/Auth/AuthController.ts',
        'src/app/Providers/AuthServiceProvider.ts',
        'src/routes/auth.ts',
        'tests/app/auth.test.ts',
    ];
    const stock = (name: string) => readFileSync(join(STOCK, name), 'utf8');

    beforeEach(() => {
        put(PROVIDERS, stock(PROVIDERS));
        put(CONFIG, stock(CONFIG));
        put('tests/helpers/createTestApp.ts', '');
    });

    /** Without comments and empty lines: those that it has added. */
    const linesIn = (name: string) =>
        get(name)
            .split('\n')
            .filter((line) => !stock(name).split('\n').includes(line) && !/^\s*(?:\/\/|$)/.test(line));

    test('writes a login and wires it: nothing is left to paste', async () => {
        const { code, output, errors } = await artisan('make:auth');
        expect([code, errors]).toEqual([0, '']);
        expect(files()).toEqual([...WRITTEN, PROVIDERS, CONFIG, 'tests/helpers/createTestApp.ts'].sort());
        expect(output).not.toContain('Paste');
        expect(output).toMatch(/open \/register in a browser\.\n$/);
        expect(linesIn(PROVIDERS)).toEqual([
            "import AuthServiceProvider from '../app/Providers/AuthServiceProvider.js';",
            '    AuthServiceProvider,',
        ]);
        expect(linesIn(CONFIG)).toEqual([
            '    enabled: true,',
            "    loginPage: '/login',",
            '    registry: { address: true, browser: true },',
        ]);
        const all = WRITTEN.map(get).join('');
        expect(all).not.toContain('{{');
        const changed = [PROVIDERS, CONFIG].map(
            (name) => get(name).split('\n').length - stock(name).split('\n').length,
        );
        expect(all.split('\n').length - 1 + changed.reduce((sum, lines) => sum + lines)).toBeLessThan(500);
    });

    test('writes over nothing without --force, and wires nothing twice', async () => {
        put('src/routes/auth.ts', 'mine');
        expect(await refusalOf('make:auth')).toEqual([
            1,
            'src/routes/auth.ts is there already: ./artisan make:auth --force replaces it.\n',
        ]);
        expect(get(PROVIDERS)).toBe(stock(PROVIDERS));
        expect((await artisan('make:auth --force')).code).toBe(0);
        const before = [PROVIDERS, CONFIG].map(get);
        const [, refusal] = await refusalOf('make:auth');
        expect(refusal).toMatch(
            /^public\/auth\.css, .*, tests\/app\/auth\.test\.ts are there already: .* replaces them/,
        );
        expect((await artisan('make:auth --force')).code).toBe(0);
        expect([PROVIDERS, CONFIG].map(get)).toEqual(before);
    });

    test('says what to paste where its place can not be told, and leaves those files alone', async () => {
        put(PROVIDERS, 'export default [AppServiceProvider];\n');
        put(CONFIG, 'export default { ...common };\n');
        const { code, output } = await artisan('make:auth');
        expect([code, get(PROVIDERS), get(CONFIG)]).toEqual([
            0,
            'export default [AppServiceProvider];\n',
            'export default { ...common };\n',
        ]);
        expect(output).toContain(
            'Paste into src/config/session.ts, in place of enabled:\n\n    enabled: true,\n\n    // Where requireLogin()',
        );
        expect(output).toContain(
            "Paste into src/bootstrap/providers.ts, the last line into its list:\n\nimport AuthServiceProvider from '../app/Providers/AuthServiceProvider.js';\n\n    AuthServiceProvider,\n",
        );
    });

    test('leaves what a config sets already', async () => {
        put(CONFIG, "export default {\n    enabled: true,\n    loginPage: '/enter',\n};\n");
        await artisan('make:auth');
        expect(get(CONFIG)).toMatch(/^ {4}enabled: true,\n\n.*\n {4}registry: .*\n {4}loginPage: '\/enter',\n\};/m);
        expect(get(CONFIG)).not.toContain("'/login'");
    });

    test('goes by the folders of sosise.json, and writes no test where there are none', async () => {
        rmSync(join(root, 'tests'), { recursive: true });
        const paths = { controllers: 'src/web', providers: 'src/providers', public: 'assets' };
        put('sosise.json', JSON.stringify({ manifest: 1, name: 'shop', paths }));
        expect((await artisan('make:auth')).code).toBe(0);
        expect(files()).toEqual(expect.arrayContaining(['assets/auth.css', 'src/web/Auth/AuthController.ts']));
        expect(files().filter((name) => name.startsWith('tests'))).toEqual([]);
        expect(get('src/web/Auth/AuthController.ts')).toContain("from '../../app/Auth/Users.js'");
        expect(get(PROVIDERS)).toContain("from '../providers/AuthServiceProvider.js'");
    });

    test('docs/security.md shows the class that keeps users as it is written', async () => {
        await artisan('make:auth');
        const guide = readFileSync(join(sources, 'docs/security.md'), 'utf8');
        expect(guide).toContain(`\`\`\`ts\n// src/app/Auth/Users.ts\n${get('src/app/Auth/Users.ts')}\`\`\`\n`);
    });

    test('writes nothing where the built application runs', async () => {
        const [code, sentence] = await refusalOf('make:auth', 'build/artisan.js');
        expect([code, sentence]).toEqual([1, expect.stringMatching(/^Generators write TypeScript/)]);
    });
});

test.each([
    ['SendReport', 'report:send'],
    ['PruneOldOrders', 'old-orders:prune'],
    ['report', 'app:report'],
    ['GenerateKey', 'app:generate-key'], // key:generate is the framework's
    ['ImportHTMLPages', 'html-pages:import'],
])('the command %s is called %s', async (name, signature) => {
    const { output } = await artisan(`make:command Reports/${name}`);
    expect(output).toMatch(
        new RegExp(`\n    '${signature}': \\(\\) => import\\('./Commands/Reports/\\w+Command\\.js'\\),\n`),
    );
    expect(get(files()[0] ?? '')).toContain(`public readonly signature = '${signature}';`);
});

test.each([
    ['user', '/users'],
    ['Category', '/categories'],
    ['Box', '/boxes'],
    ['Day', '/days'],
    ['News', '/news'],
    ['AdminArea/UserProfile', '/admin-area/user-profiles'],
])('the controller %s answers at %s', async (name, path) => {
    expect((await artisan(`make:controller ${name}`)).output).toContain(`router.get('${path}', action(`);
});

test('a controller with --resource has a route for each method', async () => {
    const { output } = await artisan('make:controller user --resource');
    const routes = [...output.matchAll(/^router\.(\w+)\('(.+)', action\(UserController, '(\w+)'\)\);$/gm)];
    expect(routes.map(([, ...parts]) => parts.join(' '))).toEqual([
        'get /users index',
        'post /users store',
        'get /users/:id show',
        'put /users/:id update',
        'delete /users/:id destroy',
    ]);
    for (const [, , , method] of routes) {
        expect(get('src/app/Http/Controllers/UserController.ts')).toContain(`    public async ${method}(`);
    }
});

test('docs/drivers.md shows the driver, and its test, that are written', async () => {
    put('tests/helpers/createTestApp.ts', '');
    await artisan('make:session-driver MapDriver');
    const guide = readFileSync(join(sources, 'docs/drivers.md'), 'utf8');
    for (const file of ['src/app/Session/MapDriver.ts', 'tests/app/MapDriver.test.ts']) {
        expect(guide).toContain(`\`\`\`ts\n// ${file}\n${get(file)}\`\`\`\n`);
    }
});
