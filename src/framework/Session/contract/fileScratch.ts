import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { rm } from '../stores/fileCalls.js';
import { newOwnerText, parseOwner, standingOf } from '../stores/ProcessIdentity.js';
import { SessionFileNames } from '../stores/SessionFileNames.js';
import { filesIn, prepareFolder } from '../stores/sessionFolder.js';
import type { Scratch, ScratchOptions } from './Scratch.js';

/** What the name begins with; behind it stands whose it is. Names with dots are no session's. */
const BEGINS = '.contract-';

/** A folder inside the sessions folder: the same disk and the same rights. */
export async function fileScratch({ manager, name, options }: ScratchOptions): Promise<Scratch> {
    const folder = String(options['path']);
    prepareFolder(folder, new SessionFileNames(String(options['fileExtension'] ?? '.json')));
    await removeDead(folder);
    const scratch = join(folder, BEGINS + newOwnerText());
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

/** Whose process was killed before it could do it. */
async function removeDead(folder: string): Promise<void> {
    for await (const file of filesIn(folder)) {
        const owner = file.startsWith(BEGINS) ? parseOwner(file.slice(BEGINS.length)) : undefined;
        if (owner && standingOf(owner) === 'gone') {
            await rm(join(folder, file), { recursive: true, force: true });
        }
    }
}
