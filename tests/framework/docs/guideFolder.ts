import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { temporaryFolder } from '../../helpers/sessionApp.js';
import { readDocuments } from './Markdown.js';
import { kindOf, withEntry, withKeys } from './snippets.js';

const project = new URL('../../..', import.meta.url).pathname;

/**
 * A copy of the project with what a document adds to it, in this process: the framework is the same one, so that what is
 * imported from the copy works with applications of the test.
 */
export function guideFolder(name: string): { load<Module>(path: string): Promise<Module> } {
    const folder = temporaryFolder();
    for (const entry of readdirSync(join(project, 'src')).filter((entry) => entry !== 'framework')) {
        cpSync(join(project, 'src', entry), join(folder, 'src', entry), { recursive: true });
    }
    symlinkSync(join(project, 'src/framework'), join(folder, 'src/framework'), 'dir');
    symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'), 'dir');
    const blocks = readDocuments(project).find((document) => document.name === name)?.blocks ?? [];
    for (const block of blocks.filter(({ path, language }) => path && language === 'ts')) {
        const path = join(folder, block.path as string);
        const kind = kindOf(block);
        if (kind === 'statements') {
            continue; // run where they are tested
        }
        mkdirSync(dirname(path), { recursive: true });
        const written = {
            file: () => block.code,
            keys: () => withKeys(readFileSync(path, 'utf8'), block.code),
            entry: () => withEntry(readFileSync(path, 'utf8'), block.code),
        };
        writeFileSync(path, written[kind]());
    }
    return { load: <Module>(path: string) => import(join(folder, path)) as Promise<Module> };
}
