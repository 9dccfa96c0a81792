import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { temporaryFolder } from '../helpers/sessionApp.js';
import { copyStock, PROJECT as project } from '../stock.js';
import { readDocuments } from './Markdown.js';
import { kindOf, withKeys } from './snippets.js';

export interface ProjectFolder {
    /** Writes a file, in place of one that is there. */
    put(path: string, content: string): void;
    load<Module>(path: string): Promise<Module>;
}

/**
 * A fresh project, in this process: the framework is the same one, so that what is imported from the copy works with
 * applications of the test.
 */
export function projectFolder(): ProjectFolder & { get(path: string): string } {
    const folder = temporaryFolder();
    copyStock(folder);
    symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'), 'dir');
    return {
        get: (path) => readFileSync(join(folder, path), 'utf8'),
        put: (path, content) => {
            mkdirSync(dirname(join(folder, path)), { recursive: true });
            writeFileSync(join(folder, path), content);
        },
        load: <Module>(path: string) => import(join(folder, path)) as Promise<Module>,
    };
}

/** The same with what a document adds to it. */
export function guideFolder(name: string): ProjectFolder {
    const folder = projectFolder();
    const blocks = readDocuments(project).find((document) => document.name === name)?.blocks ?? [];
    for (const block of blocks.filter(({ path, language }) => path && language === 'ts')) {
        const path = block.path as string;
        const kind = kindOf(block);
        if (kind === 'file') {
            folder.put(path, block.code);
        } else if (kind === 'keys') {
            folder.put(path, withKeys(folder.get(path), block.code));
        }
    }
    return folder;
}
