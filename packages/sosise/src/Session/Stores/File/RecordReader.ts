import fs, { type Stats } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { codeOf, readAll, withoutPath } from '../../../Support/Files/fileCalls.js';
import type { StoredRecord } from '../../Drivers/SessionDriver.js';
import { DamagedRecordError } from '../../Record/DamagedRecordError.js';
import type { OpenFileCache } from './OpenFileCache.js';
import { isPadded, textOfPadded } from './paddedRecord.js';
import type { RecordCodec } from './RecordCodec.js';

/** The largest maxBytes there may be, encrypted, has 5,333,334 as base64. */
export const LARGEST_BYTES = 6 * 1024 * 1024;
/** O_NONBLOCK: opening a named pipe in a record's place must not wait for its other end. */
export const READ = fs.constants.O_RDONLY | (fs.constants.O_NOFOLLOW ?? 0) | (fs.constants.O_NONBLOCK ?? 0);
/** How often bytes with a wrong checksum have to be the same, each time a millisecond later than before: 50 ms in all. */
const READ_TRIES = 10;
/** The codes of failed opens of something other than a plain file. */
const NOT_A_FILE = new Set(['ELOOP', 'EMLINK', 'EISDIR', 'ENXIO', 'ENODEV']);
/** A record's file is for its owner only. Until it is written it has another mode, which tells it from one that was emptied. */
export const WRITTEN_MODE = 0o600;
export const UNWRITTEN_MODE = 0o400;

/** Whether a file was made for a record that is not written yet. */
export function isUnwritten({ size, mode }: Stats): boolean {
    return size === 0 && (mode & 0o777) === UNWRITTEN_MODE;
}

/** Reads records from their files, also while they are being written. */
export class RecordReader {
    public constructor(
        private readonly cache: OpenFileCache,
        private readonly codec: RecordCodec,
    ) {}

    /**
     * Undefined where there is none. A record that is being written is read again. One whose checksum stays wrong was changed by
     * hand, and is taken as it is; a file that stays empty was never written.
     */
    public async read(path: string, caches = true): Promise<StoredRecord | undefined> {
        let seen: Buffer | undefined;
        for (let tries = 1; ; tries += 1) {
            const found = await this.tryToRead(path, caches);
            if (!Buffer.isBuffer(found)) {
                return found;
            }
            if (!seen?.equals(found)) {
                seen = found;
                tries = 1;
            } else if (tries > READ_TRIES) {
                return found.length === 0 ? undefined : this.codec.decode(Buffer.from(found.toString().trimEnd()));
            }
            await pause(tries);
        }
    }

    /**
     * Four calls, of which two may wait for the disk: the other two only ask the kernel's memory, and are synchronous.
     * Gives the bytes where their checksum is not the one of their text, and none where they are still to be written.
     */
    private async tryToRead(path: string, caches: boolean): Promise<StoredRecord | undefined | Buffer> {
        const fd = await this.open(path);
        if (fd === undefined) {
            return undefined;
        }
        let isKept = false;
        try {
            const at = Date.now();
            const stats = fs.fstatSync(fd);
            checkShape(stats);
            if (isUnwritten(stats)) {
                return Buffer.alloc(0);
            }
            const bytes = await readAll(fd, stats.size);
            const hasPadding = isPadded(bytes);
            const text = hasPadding ? textOfPadded(bytes) : bytes;
            if (!text && this.codec.keepsText) {
                return bytes;
            }
            const stored = await this.codec.decode(text ?? bytes);
            isKept = caches && this.cache.keep(path, { fd, stats, isPadded: hasPadding, stored, at });
            return stored;
        } catch (error) {
            throw withoutPath(error);
        } finally {
            if (!isKept) {
                fs.closeSync(fd);
            }
        }
    }

    private async open(path: string): Promise<number | undefined> {
        try {
            return await this.cache.open(path, READ);
        } catch (error) {
            const code = codeOf(error) ?? '';
            if (code === 'ENOENT' || code === 'ENOTDIR') {
                return undefined;
            }
            throw NOT_A_FILE.has(code)
                ? new DamagedRecordError('a link, a folder or a device is in its place')
                : withoutPath(error);
        }
    }
}

function checkShape(stats: Stats): void {
    if (!stats.isFile()) {
        throw new DamagedRecordError('a folder or a device is in its place');
    }
    if (stats.size > LARGEST_BYTES) {
        throw new DamagedRecordError(`it is larger than ${LARGEST_BYTES} bytes`);
    }
}
