import { randomUUID } from 'node:crypto';
import { constants, copyFileSync, linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Makes a file whole in one step, and the folders that it needs. Throws EEXIST where it is there, unless it may be replaced. */
export function writeNew(file: string, content: string, mayReplace = false): void {
    const folder = dirname(file);
    mkdirSync(folder, { recursive: true });
    // Its ending hides it from the compiler and from what watches.
    const temporary = join(folder, `.${basename(file)}.${randomUUID()}.new`);
    writeFileSync(temporary, content, { flag: 'wx' });
    try {
        if (mayReplace) {
            renameSync(temporary, file);
        } else {
            createFrom(temporary, file);
        }
    } finally {
        rmSync(temporary, { force: true });
    }
}

/** Gives a file that is complete its name in one step, and never over one that appeared meanwhile: it throws EEXIST. */
export function createFrom(temporary: string, file: string): void {
    try {
        linkSync(temporary, file);
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
            throw error;
        }
        copyFileSync(temporary, file, constants.COPYFILE_EXCL); // a file system without links
    }
}
