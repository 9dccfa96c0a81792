import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readDocuments } from './docs/Markdown.js';
import { temporaryFolder } from './helpers/sessionApp.js';

const root = realpathSync(new URL('../../..', import.meta.url));
const guide = readDocuments(root).find(({ name }) => name === 'docs/upgrading.md');
const AUTHOR = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com'];
/** What belongs to the framework, by the guide's table. */
const ofFramework = [
    ...(guide?.prose ?? '').matchAll(/`((?:src|tests|docs|packages)\/[\w/]*\/|artisan|[\w.]+\.json|docs\/)`/g),
]
    .map(([, name = '']) => name)
    .filter((name) => !['package.json', 'sosise.json'].includes(name));

/** The skeleton as others publish it, with so much of it that a merge has work to do. */
function published(): { folder: string; git(...args: string[]): string } {
    const folder = temporaryFolder();
    for (const name of ['src', 'docs', 'artisan', 'package.json', 'sosise.json', 'packages/sosise/src', 'tests']) {
        cpSync(join(root, name), join(folder, name), { recursive: true });
    }
    const git = inFolder(folder);
    git('init', '--quiet', '--initial-branch', 'main');
    git('add', '--all');
    git('commit', '--quiet', '--message', 'A version');
    return { folder, git };
}

function inFolder(folder: string): (...args: string[]) => string {
    return (...args) => execFileSync('git', [...AUTHOR, ...args], { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
}

test('the table of docs/upgrading.md names what there is', () => {
    expect(ofFramework).toContain('packages/sosise/');
    expect(ofFramework.filter((name) => !existsSync(join(root, name)))).toEqual([]);
});

test('the commands of docs/upgrading.md bring a newer framework, and leave what is yours', () => {
    const skeleton = published();
    const own = temporaryFolder();
    execFileSync('git', ['clone', '--quiet', skeleton.folder, own]);
    const git = inFolder(own);
    writeFileSync(join(own, 'src/routes/api.ts'), '// mine\n');
    git('commit', '--quiet', '--all', '--message', 'Mine');

    writeFileSync(join(skeleton.folder, 'packages/sosise/src/Support/version.ts'), "export const VERSION = '9.9.9';\n");
    skeleton.git('commit', '--quiet', '--all', '--message', 'A newer one');

    const commands = (guide?.blocks ?? [])
        .filter(({ language }) => language === 'bash')
        .flatMap(({ code }) => code.trim().split('\n'))
        .filter((line) => line.startsWith('git '));
    expect(commands.length).toBe(3);
    for (const command of commands) {
        const args = command.split(' ').slice(1);
        git(...args.map((arg) => (arg.startsWith('https:') ? skeleton.folder : arg)));
    }
    expect(readFileSync(join(own, 'packages/sosise/src/Support/version.ts'), 'utf8')).toContain('9.9.9');
    expect(readFileSync(join(own, 'src/routes/api.ts'), 'utf8')).toBe('// mine\n');
});
