import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from './helpers/sessionApp.js';

const root = realpathSync(new URL('../../..', import.meta.url));

/** What git would take of a copy of the project's storage, with these files in it. */
function taken(files: readonly string[], change: (folder: string) => void = () => {}): string[] {
    const folder = temporaryFolder();
    const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, encoding: 'utf8' });
    git('init', '--quiet');
    cpSync(join(root, '.gitignore'), join(folder, '.gitignore'));
    for (const name of ['sessions', 'logs']) {
        mkdirSync(join(folder, 'storage', name), { recursive: true });
        writeFileSync(join(folder, 'storage', name, '.gitkeep'), '');
    }
    change(folder);
    for (const file of files) {
        mkdirSync(join(folder, file, '..'), { recursive: true });
        writeFileSync(join(folder, file), 'secret');
    }
    git('add', '--all');
    return git('ls-files').trim().split('\n');
}

/** Whoever has made the project theirs may let git take what they like. */
const isDelivered = readFileSync(join(root, 'README.md'), 'utf8').startsWith('# Sosise Skeleton');

const STORED = [
    'storage/passwords.txt',
    'storage/.hidden',
    'storage/uploads/me.png',
    'storage/uploads/deep/me.png',
    'storage/sessions/abc.json',
    'storage/sessions/.set-aside/abc.json',
    'storage/logs/app.txt',
];

test.skipIf(!isDelivered)(
    'git takes the folders of storage/ that a clone begins with, and nothing that is stored there',
    () => {
        expect(taken(STORED)).toEqual(['.gitignore', 'storage/logs/.gitkeep', 'storage/sessions/.gitkeep']);
    },
);

test.skipIf(!isDelivered)('also once they were removed, and made again', () => {
    const remove = (folder: string) => rmSync(join(folder, 'storage'), { recursive: true });
    expect(taken(STORED, remove)).toEqual(['.gitignore']);
});
