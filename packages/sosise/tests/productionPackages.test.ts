import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from './helpers/sessionApp.js';

const module = new URL('../bin/productionPackages.js', import.meta.url).href;
const { missingPackages } = (await import(module)) as { missingPackages(root: string): string[] };

const MANIFEST = {
    name: 'shop',
    dependencies: { express: '1' },
    optionalDependencies: { '@scope/fast': '1' },
    devDependencies: { zod: '1' },
};

/** What is said about a project with these files, by their names below `src` and without an ending. */
function saidOf(files: Record<string, string>): string[] {
    const root = temporaryFolder();
    const write = (path: string, content: string) => {
        mkdirSync(dirname(join(root, path)), { recursive: true });
        writeFileSync(join(root, path), content);
    };
    write('package.json', JSON.stringify(MANIFEST));
    for (const [name, code] of Object.entries(files)) {
        write(`src/${name}.ts`, '');
        write(`build/${name}.js`, code);
    }
    write('build/app/Gone.js', "import 'zod';"); // its source was deleted
    return missingPackages(root);
}

describe('npm run build', () => {
    test('names what production would not find, the file that needs it, and the command that installs it', () => {
        const said = saidOf({ 'app/Todo': "import { z } from 'zod';\nexport { a } from '@acme/a/b.js';" });
        expect(said).toEqual([
            'src/app/Todo.ts needs zod, which package.json does not install in production: npm install --save-prod zod',
            'src/app/Todo.ts needs @acme/a, which package.json does not install in production: npm install --save-prod @acme/a',
        ]);
    });

    test('is content with what production has: its packages, those of Node.js, and files', () => {
        const code = [
            'express',
            '@scope/fast/x',
            'node:fs',
            'fs/promises',
            './x.js',
            '#inner',
            'data:text/javascript,1',
        ]
            .map((name) => `import '${name}';`)
            .join('\n');
        expect(saidOf({ 'app/Fine': code })).toEqual([]);
    });

    test('looks at modules of all kinds, and refuses what is for tests', () => {
        const root = temporaryFolder();
        mkdirSync(join(root, 'build'));
        mkdirSync(join(root, 'src'));
        writeFileSync(join(root, 'package.json'), JSON.stringify({ dependencies: { sosise: '1' } }));
        writeFileSync(join(root, 'src/one.mts'), '');
        writeFileSync(join(root, 'src/two.ts'), '');
        writeFileSync(join(root, 'build/one.mjs'), "import { z } from 'zod';");
        writeFileSync(join(root, 'build/two.js'), "import { startTestApp } from 'sosise/testing';");
        expect(missingPackages(root)).toEqual([
            expect.stringContaining('src/one.mts needs zod'),
            'src/two.ts imports sosise/testing, which is for tests, and needs vitest: production has it not.',
        ]);
    });

    test('lets packages be loaded on demand that may be missing', () => {
        expect(saidOf({ 'app/Lazy': "await import('zod');" })).toEqual([]);
    });
});
