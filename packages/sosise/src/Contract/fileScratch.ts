import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { SessionFileNames } from '../Session/Stores/File/SessionFileNames.js';
import { prepareFolder } from '../Session/Stores/File/sessionFolder.js';
import { rm } from '../Support/Files/fileCalls.js';
import type { Scratch, ScratchOptions } from './Scratch.js';

/** A folder inside the sessions folder: the same disk and the same rights. */
export async function fileScratch({ manager, name, options }: ScratchOptions): Promise<Scratch> {
    const folder = String(options['path']);
    const names = new SessionFileNames(String(options['fileExtension'] ?? '.json'));
    prepareFolder(folder, names);
    // Where this process is killed, the next pruning removes it.
    const scratch = join(folder, names.scratch());
    mkdirSync(scratch, { mode: 0o700 });
    let opened = 0;
    return {
        where: `in a folder of its own inside ${folder}: live sessions are not touched`,
        open: async () => {
            opened += 1;
            const path = join(scratch, String(opened));
            const reopen = () => manager.create(name, { ...options, path });
            return { store: await reopen(), reopen };
        },
        close: () => rm(scratch, { recursive: true, force: true, maxRetries: 3 }),
    };
}
