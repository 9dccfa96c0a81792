import fs from 'node:fs';
import { type FileLock, NO_LINKS } from '../../../Support/Files/FileLock.js';
import { close, codeOf, fsync, link, open, rename, unlinkIfThere, writeAll } from '../../../Support/Files/fileCalls.js';
import { isEndedRecord } from '../../Record/recordText.js';
import type { OpenFileCache } from './OpenFileCache.js';
import { isPadded, padded, paddedTo, textInFile } from './paddedRecord.js';
import type { EncodedRecord, RecordCodec } from './RecordCodec.js';
import { LARGEST_BYTES, READ, WRITTEN_MODE } from './RecordReader.js';
import { StoreBusyError } from './SessionFileLocks.js';
import type { SessionFileNames } from './SessionFileNames.js';

const READ_AND_WRITE = READ | fs.constants.O_RDWR;

/** Puts records into their files, each in one step: by a link, a rename, or over the record before. */
export class RecordWriter {
    /**
     * Whether small records are written over in place: no new file, no rename, which makes ext4 write at once what it is to
     * replace. CPU of a stored change 114 in place of 538 µs on Node.js 24, 158 in place of 419 on 26, and it does not wait for
     * the disk (`npm run bench -- --driver=file --only=change`, and false here). Not where a write has to survive a power cut
     * (`fsync`), and only on local file systems of Linux.
     */
    public readonly overwrites: boolean;

    public constructor(
        private readonly folder: string,
        private readonly names: SessionFileNames,
        private readonly cache: OpenFileCache,
        codec: RecordCodec,
        private readonly syncs: boolean,
    ) {
        this.overwrites = cache.isOn && !cache.isLayered && codec.keepsText && !syncs;
    }

    /** The bytes of a record that is small enough to be written in place. */
    public paddedBytesOf({ content }: EncodedRecord): Buffer | undefined {
        return this.overwrites && typeof content === 'string' ? padded(content) : undefined;
    }

    /**
     * A new record needs no lock: linking a name to a finished file is atomic, and fails where the name is taken.
     * Holders of the lock replace or remove records; none of them makes one where there was none.
     */
    public async link(path: string, record: EncodedRecord): Promise<'linked' | 'taken' | 'no links'> {
        const temp = await this.writeTemp(this.bytesOf(record));
        try {
            fs.closeSync(temp.fd);
            await link(temp.path, path);
        } catch (error) {
            const code = codeOf(error) ?? '';
            if (code === 'EEXIST') {
                return 'taken';
            }
            if (NO_LINKS.has(code)) {
                return 'no links';
            }
            throw error;
        } finally {
            await unlinkIfThere(temp.path).catch(() => undefined); // tidying finds it again
        }
        await this.syncFolder();
        return 'linked';
    }

    /** Puts a new record in the place of what is there, in one step. To be called under the lock. */
    public async moveIn(path: string, record: EncodedRecord, lock: FileLock): Promise<void> {
        const bytes = this.bytesOf(record);
        const temp = await this.writeTemp(bytes);
        let isOpen = true;
        try {
            if (!this.cache.isOn) {
                isOpen = false;
                await close(temp.fd); // network file systems say only now that they are full
            }
            if (!(await lock.isOurs())) {
                throw new StoreBusyError();
            }
            this.cache.forgetLinked(path);
            await rename(temp.path, path);
            if (!isEndedRecord(record.stored.record)) {
                // a walk that prunes would push out those in use
                this.cache.keepWritten(path, temp.fd, isPadded(bytes), record.stored);
            }
        } catch (error) {
            await unlinkIfThere(temp.path).catch(() => undefined);
            throw error;
        } finally {
            if (isOpen) {
                fs.closeSync(temp.fd);
            }
        }
        await this.syncFolder();
    }

    /**
     * Writes a record over the one of a version, in its own file. To be called under the lock. False: it has another version;
     * undefined: it can't be done here. Only what may wait for the disk is asynchronous: the file was read a moment ago.
     */
    public async overwrite(
        path: string,
        { stored }: EncodedRecord,
        ifVersion: unknown,
        lock: FileLock,
    ): Promise<boolean | undefined> {
        const fd = openHere(path);
        if (fd === undefined) {
            return undefined;
        }
        try {
            const { size, nlink } = fs.fstatSync(fd);
            const bytes = nlink === 1 ? paddedTo(size, stored.record) : undefined; // a backup may share its file
            const current = bytes && textInFile(fd);
            if (!bytes || !current) {
                return undefined;
            }
            if (current !== ifVersion) {
                return false;
            }
            if (!(await lock.isOurs())) {
                throw new StoreBusyError();
            }
            await writeAll(fd, bytes, 0);
            this.cache.keepContent(path, fd, stored);
            return true;
        } finally {
            fs.closeSync(fd);
        }
    }

    private bytesOf(record: EncodedRecord): Buffer {
        const { content } = record;
        return typeof content === 'string' ? (this.paddedBytesOf(record) ?? Buffer.from(content)) : content;
    }

    private async writeTemp(bytes: Buffer): Promise<{ fd: number; path: string }> {
        if (bytes.length > LARGEST_BYTES) {
            throw new Error(`A session of ${bytes.length} bytes is too large to be stored in a file.`);
        }
        const path = `${this.folder}/${this.names.temp()}`;
        const fd = await this.cache.open(path, 'wx', WRITTEN_MODE);
        try {
            await writeAll(fd, bytes, 0);
            if (this.syncs) {
                await fsync(fd);
            }
            return { fd, path };
        } catch (error) {
            await close(fd).catch(() => undefined);
            await unlinkIfThere(path).catch(() => undefined);
            this.cache.clear(); // files that others replaced take space for as long as they are held open here
            throw error;
        }
    }

    /** That a name points to a new file has to reach the disk too. */
    private async syncFolder(): Promise<void> {
        if (!this.syncs || process.platform === 'win32') {
            return;
        }
        const fd = await open(this.folder, 'r');
        try {
            await fsync(fd);
        } finally {
            await close(fd);
        }
    }
}

/** Opens a file to be written over. Undefined where that is not possible: the other way of writing says what is wrong. */
function openHere(path: string): number | undefined {
    try {
        return fs.openSync(path, READ_AND_WRITE);
    } catch {
        return undefined;
    }
}
