import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { classNameOf, kebabCase } from '../../src/framework/Console/make/names.js';
import { importPath } from '../../src/framework/Console/make/Target.js';
import { ConsoleProject } from './consoleProject.js';

const root = realpathSync(new URL('../..', import.meta.url));

describe('the name of a class', () => {
    test.each([
        ['user', 'UserController'],
        ['User', 'UserController'],
        ['UserController', 'UserController'],
        ['user-profile', 'UserProfileController'],
        ['user_profile', 'UserProfileController'],
        ['Admin/User', 'Admin/UserController'],
        ['admin/v2/user', 'Admin/V2/UserController'],
    ])('[%s] is %s', (given, path) => {
        const { folders, name } = classNameOf(given, 'Controller');
        expect([...folders, name].join('/')).toBe(path);
    });

    test.each([
        '',
        ' ',
        '/',
        'a/',
        '/a',
        '..',
        '../a',
        'a/../b',
        './a',
        'a\\b',
        '1a',
        'a b!',
        'a.ts',
        'ü',
        'constructor.x',
    ])('[%s] makes none', (given) => {
        expect(() => classNameOf(given, 'Controller')).toThrow(/^The name '.*' makes no class: .* UserController/s);
    });

    test.each([
        ['Controller', 'Controller', 'is only what stands behind the name'],
        ['promise', '', 'is one of JavaScript itself'],
        ['con/User', 'Controller', 'is one that Windows has taken'],
        ['nul', '', 'is one that Windows has taken'],
    ])('[%s] is refused for %s', (given, suffix, why) => {
        expect(() => classNameOf(given, suffix)).toThrow(why);
    });

    test.each([
        ['User', 'user'],
        ['UserProfile', 'user-profile'],
        ['HTMLPage', 'html-page'],
        ['V2Api', 'v2-api'],
    ])('%s is %s in addresses and config', (name, kebab) => {
        expect(kebabCase(name)).toBe(kebab);
    });
});

test.each([
    ['src/routes/api.ts', 'src/app/Http/Controllers/A.ts', '../app/Http/Controllers/A.js'],
    ['src/app/Http/Middlewares/Kernel.ts', 'src/app/Http/Middlewares/A.ts', './A.js'],
    ['src/app/Http/Controllers/Admin/A.ts', 'src/framework/index.ts', '../../../../framework/index.js'],
])('%s imports %s by %s', (from, to, path) => {
    expect(importPath(from, to)).toBe(path);
});

test('the driver in docs/drivers.md is the one that make:session-driver writes', async () => {
    const project = new ConsoleProject(['tsx', 'commander', 'dotenv']);
    expect(await project.artisan('make:session-driver map')).toMatchObject({ code: 0, errors: '' });
    expect(readFileSync(join(root, 'docs/drivers.md'), 'utf8')).toContain(project.get('src/app/Session/MapDriver.ts'));
    expect(project.has('tests')).toBe(false); // there were none, so none of these either
});

describe('./artisan make:controller', () => {
    test('writes over nothing without --force, also where two run at once', async () => {
        const project = new ConsoleProject(['tsx', 'commander', 'dotenv']);
        const runs = await Promise.all([1, 2, 3].map(() => project.artisan('make:controller User')));
        expect(runs.map(({ code }) => code).sort()).toEqual([0, 1, 1]);
        const file = 'src/app/Http/Controllers/UserController.ts';
        const written = project.get(file);

        project.put(file, 'mine');
        expect(await project.artisan('make:controller user')).toEqual({
            code: 1,
            output: '',
            errors: `${file} is there already, and nothing was written: choose another name, or --force to write over it.\n`,
        });
        expect(project.get(file)).toBe('mine');
        expect((await project.artisan('make:controller user --force')).code).toBe(0);
        expect(project.get(file)).toBe(written);
    });

    test('writes into the folder that sosise.json names, and imports from where that is', async () => {
        const project = new ConsoleProject(['tsx', 'commander', 'dotenv']);
        const manifest = project.get('sosise.json');
        project.put('sosise.json', manifest.replace('src/app/Http/Controllers', 'src/web'));
        const { output } = await project.artisan('make:controller Admin/User');
        expect(project.has('src/web/Admin/UserController.ts')).toBe(true);
        expect(output).toContain("\n    import UserController from '../web/Admin/UserController.js';\n");
        expect(output).toContain("\n    router.get('/admin/user', action(UserController, 'index'));\n");

        project.put('sosise.json', manifest.replace('src/app/Http/Controllers', 'web'));
        expect(await project.artisan('make:controller User')).toEqual({
            code: 1,
            output: '',
            errors: 'sosise.json puts controllers into web, and only src is compiled: name a folder inside it, such as "src/web".\n',
        });
    });

    test('without a name, or with one that can be none, ends with 2', async () => {
        const project = new ConsoleProject(['tsx', 'commander', 'dotenv']);
        const missing = await project.artisan('make:controller');
        expect([missing.code, missing.errors]).toEqual([
            2,
            expect.stringMatching(/^Missing required argument 'name': /),
        ]);
        expect((await project.artisan('make:controller ../User')).code).toBe(2);
        expect((await project.artisan('make:session-driver redis')).code).toBe(2);
    });
});
