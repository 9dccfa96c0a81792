import fs from 'node:fs';
import { ConfigError } from '../../../Exceptions/errors.js';
import { FileLock } from '../../../Support/Files/FileLock.js';
import { codeOf, lstat, opendir, rm, unlinkIfThere } from '../../../Support/Files/fileCalls.js';
import { TOKENS } from '../../../Support/Files/LockFilePool.js';
import { type Owner, parseOwner, standingOf } from '../../../Support/Files/ProcessIdentity.js';
import { QUARANTINE, type SessionFileNames } from './SessionFileNames.js';

/** So many names are looked at to find out whether a folder holds sessions only. */
const LOOKED_AT = 50;
/** A file that a living process makes is finished within this time. */
export const TEMP_KEPT_MS = 600_000;

/** Makes the sessions folder, for its owner only, and says in a sentence why it can't be used. */
export function prepareFolder(folder: string, names: SessionFileNames): void {
    try {
        fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
        closeToOthers(folder, names);
        fs.accessSync(folder, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK);
    } catch (error) {
        throw new ConfigError(
            `The sessions folder ${folder} can't be used (${codeOf(error)}): make it writable for the user that runs the application, or name another in drivers.file.path (src/config/session.ts).`,
            { cause: error },
        );
    }
}

/** The names of all files in a folder, a few at a time from the disk. None where there is no folder. */
export async function* filesIn(folder: string): AsyncGenerator<string> {
    let entries: fs.Dir;
    try {
        entries = await opendir(folder);
    } catch (error) {
        if (codeOf(error) === 'ENOENT') {
            return;
        }
        throw error;
    }
    for await (const entry of entries) {
        yield entry.name;
    }
}

/** Removes what was quarantined before a time (ms since the epoch), and locks and temporary files of dead processes. */
export async function tidyFolder(folder: string, names: SessionFileNames, quarantinedBefore: number): Promise<void> {
    for await (const file of filesIn(`${folder}/${QUARANTINE}`)) {
        const [, time] = /-(\d+)-[0-9a-f]+$/.exec(file) ?? [];
        if (time && Number(time) < quarantinedBefore) {
            await rm(`${folder}/${QUARANTINE}/${file}`, { recursive: true, force: true });
        }
    }
    for await (const file of filesIn(`${folder}/${TOKENS}`)) {
        await tidyToken(`${folder}/${TOKENS}/${file}`, parseOwner(file)).catch(() => undefined);
    }
    for await (const file of filesIn(folder)) {
        if (file.startsWith('.') || names.isStockTemp(file)) {
            await tidyFile(folder, file, names).catch(() => undefined); // gone already, or for the next time
        }
    }
}

/** A process that misses its token makes another. */
async function tidyToken(path: string, owner: Owner | undefined): Promise<void> {
    const standing = owner ? standingOf(owner) : 'foreign';
    const isOld = async () => Date.now() - (await lstat(path)).mtimeMs > TEMP_KEPT_MS;
    if (standing === 'gone' || (standing === 'foreign' && (await isOld()))) {
        await unlinkIfThere(path);
    }
}

async function tidyFile(folder: string, file: string, names: SessionFileNames): Promise<void> {
    const path = `${folder}/${file}`;
    if (names.isLock(file)) {
        await FileLock.breakIfDead(path);
        return;
    }
    const tester = names.ownerOfScratch(file);
    if (tester) {
        await (standingOf(tester) === 'gone' && rm(path, { recursive: true, force: true }));
        return;
    }
    const owner = names.ownerOfTemp(file);
    const isDead = owner !== undefined && standingOf(owner) === 'gone';
    const isTemp = owner !== undefined || names.isStockTemp(file);
    if (isDead || (isTemp && Date.now() - (await lstat(path)).mtimeMs > TEMP_KEPT_MS)) {
        await unlinkIfThere(path);
    }
}

function closeToOthers(path: string, names: SessionFileNames): void {
    if (isClosedByStart(path, names)) {
        fs.chmodSync(path, 0o700);
    }
}

/**
 * Whether start-up closes a folder that others can enter: its names tell who comes and when, and those of old records are
 * session ids. A folder that holds other things too is left as it is.
 */
export function isClosedByStart(path: string, names: SessionFileNames): boolean {
    const { mode, uid } = fs.statSync(path);
    if ((mode & 0o077) === 0 || uid !== process.getuid?.() || (mode & 0o1000) !== 0) {
        return false;
    }
    const folder = fs.opendirSync(path);
    try {
        for (let seen = 0; seen < LOOKED_AT; seen += 1) {
            const name = folder.readSync()?.name ?? '.';
            if (!name.startsWith('.') && names.keyOf(name) === undefined && !names.isStockTemp(name)) {
                return false;
            }
        }
        return true;
    } finally {
        folder.closeSync();
    }
}
