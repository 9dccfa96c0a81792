import { execFile } from 'node:child_process';
import {
    cpSync,
    existsSync,
    mkdirSync,
    mkdtempSync,
    readFileSync,
    realpathSync,
    rmSync,
    symlinkSync,
    writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Block, readDocuments } from './docs/Markdown.js';
import { asModule, kindOf, withKeys } from './docs/snippets.js';
import { copyStock, PACKAGE } from './stock.js';

const root = realpathSync(new URL('../../..', import.meta.url));
const snippets = readDocuments(root)
    .flatMap(({ blocks }) => blocks)
    .filter(({ language }) => language === 'ts' || language === 'typescript');

test('every TypeScript block compiles under strict', async () => {
    const project = compileFolder();
    snippets.forEach((block, index) => {
        project.write(`block-${index}`, block);
    });
    expect(await project.compile()).toBe('');
});

/**
 * A fresh project, and every block in a folder of its own, laid over it by `rootDirs`, so that the imports of a block find
 * its neighbours and the framework.
 */
function compileFolder() {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sosise-snippets-')));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const fresh = join(folder, 'fresh');
    copyStock(fresh);
    cpSync(join(root, 'tests/helpers'), join(fresh, 'tests/helpers'), { recursive: true });
    cpSync(join(PACKAGE, 'tests/fixtures/session-doc'), join(fresh, 'session-doc'), { recursive: true });
    const roots = [fresh];
    const replaced: string[] = [];
    const put = (name: string, content: string) => {
        mkdirSync(dirname(join(folder, name)), { recursive: true });
        writeFileSync(join(folder, name), content);
    };
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir');
    put('package.json', '{ "type": "module" }');
    put('handlebars.d.ts', EXPRESS_HANDLEBARS);
    if (!existsSync(join(root, 'node_modules/@types/connect-pg-simple'))) {
        put('packages.d.ts', CONNECT_PG_SIMPLE);
    }
    return {
        write(name: string, block: Block): void {
            const { path = 'src/app/Http/Controllers/Snippet.ts', code } = block;
            const kind = kindOf(block);
            roots.push(join(folder, name));
            if (path.endsWith('.d.ts')) {
                replaced.push(join(fresh, path));
            }
            const old = () => readFileSync(join(fresh, path), 'utf8');
            const contents = {
                file: () => code,
                keys: () => withKeys(old(), code),
                statements: () => asModule(block),
            };
            put(`${name}/${path}`, contents[kind]());
            put(`${name}/place.txt`, block.place);
        },
        async compile(): Promise<string> {
            const settings = {
                extends: join(root, 'tsconfig.json'),
                compilerOptions: { rootDirs: roots, typeRoots: [join(root, 'node_modules/@types')] },
                include: [join(fresh, 'src'), join(fresh, 'session-doc'), folder],
                exclude: [...replaced, join(fresh, 'tests/helpers')],
            };
            put('tsconfig.json', JSON.stringify(settings));
            const tsc = join(root, 'node_modules/typescript/bin/tsc');
            return await new Promise((resolve) => {
                execFile(
                    process.execPath,
                    [tsc, '-p', folder, '--pretty', 'false'],
                    { cwd: folder },
                    (_error, output) => {
                        resolve(output.replace(/\S*block-\d+/g, (name) => `${placeOf(folder, name)} ${name}`));
                    },
                );
            });
        },
    };
}

function placeOf(folder: string, name: string): string {
    return readFileSync(join(folder, name.slice(name.lastIndexOf('block-')), 'place.txt'), 'utf8');
}

/** As express-handlebars says it, which views.full.test.ts installs. */
const EXPRESS_HANDLEBARS = `declare module 'express-handlebars' {
    type Done = (error: Error | null, text?: string) => void;
    export function engine(config?: { defaultLayout?: string | false }): (path: string, data: object, done?: Done) => void;
}
`;

/** As @types/connect-pg-simple says it. */
const CONNECT_PG_SIMPLE = `declare module 'connect-pg-simple' {
    import session from 'express-session';
    interface PGStoreOptions { conString?: string | undefined; createTableIfMissing?: boolean | undefined }
    class PGStore extends session.Store {
        constructor(options?: PGStoreOptions);
        get(sid: string, callback: (error: unknown, found?: session.SessionData | null) => void): void;
        set(sid: string, data: session.SessionData, callback?: (error?: unknown) => void): void;
        destroy(sid: string, callback?: (error?: unknown) => void): void;
    }
    function connect(makesSessions: typeof session): typeof PGStore;
    export = connect;
}
`;
