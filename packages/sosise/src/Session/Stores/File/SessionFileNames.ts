import { createHash } from 'node:crypto';
import { ConfigError } from '../../../Exceptions/errors.js';
import { newOwnerText, type Owner, parseOwner } from '../../../Support/Files/ProcessIdentity.js';
import type { RecordKey } from '../../Record/storageKeys.js';

/** Keys that are file names as they are. */
export const PLAIN_KEY = /^[A-Za-z0-9_-]{1,128}$/;
/** No plain key has the tilde, so that a hashed name never is another key's. */
const HASHED_NAME = /^~[0-9a-f]{64}$/;
/** The folder inside the sessions folder for what is damaged. */
export const QUARANTINE = '.set-aside';
/** What folders begin with in which the driver is tried; behind it stands whose they are. */
const SCRATCH = '.contract-';

const TEMP_END = '.tmp';
/** What SessionFileLocks and FileLock make. */
const HELD_FILE = /^\..+\.(lock|lease|break)$/;

/**
 * What the files in a sessions folder are called. A record's name is its key where that is harmless, else a hash of it:
 * whatever a key holds, its file is in the folder and nobody else's. Everything that is no session begins with a dot.
 */
export class SessionFileNames {
    public constructor(public readonly extension: string) {
        if (!/^[^/\\\0]{0,64}$/.test(extension)) {
            throw new ConfigError(
                'drivers.file.fileExtension must be a plain file name ending such as ".json" (src/config/session.ts).',
            );
        }
    }

    /** The name of a key, without extension. A hashed name, as `keyOf` gives it for such a file, stands for itself. */
    public nameOf(key: RecordKey): string {
        return PLAIN_KEY.test(key) || HASHED_NAME.test(key)
            ? key
            : `~${createHash('sha256').update(key).digest('hex')}`;
    }

    public fileOf(name: string): string {
        return name + this.extension;
    }

    /** The key that a file in the folder belongs to (a hashed name where the key is not known); undefined for other files. */
    public keyOf(file: string): string | undefined {
        if (!file.endsWith(this.extension)) {
            return undefined;
        }
        const name = file.slice(0, file.length - this.extension.length);
        return PLAIN_KEY.test(name) || HASHED_NAME.test(name) ? name : undefined;
    }

    /** A new temporary file's name. It says whose it is, so that those of dead processes are found. */
    public temp(): string {
        return `.${newOwnerText()}${TEMP_END}`;
    }

    public isLock(file: string): boolean {
        return HELD_FILE.test(file);
    }

    /** Who made a temporary file; undefined where it is none of ours. */
    public ownerOfTemp(file: string): Owner | undefined {
        return file.startsWith('.') && file.endsWith(TEMP_END)
            ? parseOwner(file.slice(1, -TEMP_END.length))
            : undefined;
    }

    /** A new name for a folder in which the driver is tried. */
    public scratch(): string {
        return SCRATCH + newOwnerText();
    }

    /** Who made such a folder; undefined where it is none. */
    public ownerOfScratch(file: string): Owner | undefined {
        return file.startsWith(SCRATCH) ? parseOwner(file.slice(SCRATCH.length)) : undefined;
    }

    /** What session-file-store leaves when it is killed while writing: `<id>.json.<number>`. */
    public isStockTemp(file: string): boolean {
        const [, target] = /^(.+)\.\d+$/.exec(file) ?? [];
        return target !== undefined && this.extension !== '' && this.keyOf(target) !== undefined;
    }
}
