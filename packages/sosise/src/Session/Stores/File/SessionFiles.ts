import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { codeOf, lstat, mkdir, rename, rm, unlink, withoutPath, writeAll } from '../../../Support/Files/fileCalls.js';
import type { Lease } from '../../../Support/Lease.js';
import type { MaybePromise } from '../../../Support/MaybePromise.js';
import type { StoredRecord } from '../../Drivers/SessionDriver.js';
import type { OpenFileCache } from './OpenFileCache.js';
import type { EncodedRecord, RecordCodec } from './RecordCodec.js';
import { isUnwritten, RecordReader, UNWRITTEN_MODE, WRITTEN_MODE } from './RecordReader.js';
import { RecordWriter } from './RecordWriter.js';
import { SessionFileLocks } from './SessionFileLocks.js';
import { QUARANTINE, type SessionFileNames } from './SessionFileNames.js';

/**
 * A new record's file is empty for a moment. A process that finds one empty for 50 ms may take its place. So a process that
 * needed more than half of that to fill its file checks, under the lock, that the file is still in place.
 */
const FILLED_WITHIN_MS = 25;

/**
 * The records in one folder, by name. Each change is atomic: a record is linked, renamed or unlinked as a whole, or written
 * over in one step where it is padded, and compared before that under a lock that holds between the processes of one host.
 */
export class SessionFiles {
    private readonly locks: SessionFileLocks;
    private readonly reader: RecordReader;
    private readonly writer: RecordWriter;

    public constructor(
        private readonly folder: string,
        private readonly names: SessionFileNames,
        private readonly cache: OpenFileCache,
        codec: RecordCodec,
        syncs: boolean,
    ) {
        this.locks = new SessionFileLocks(folder);
        this.reader = new RecordReader(this.cache, codec);
        this.writer = new RecordWriter(folder, names, this.cache, codec, syncs);
    }

    public read(path: string): Promise<StoredRecord | undefined> {
        return this.reader.read(path);
    }

    /** Reads without caching the file: for walks through all of them. */
    public readOnce(name: string): Promise<StoredRecord | undefined> {
        return this.reader.read(this.pathOf(name), false);
    }

    /** Replaces a record of a version, or stores one where none is. Gives its version; undefined: there is another one, or none. */
    public async write(name: string, record: EncodedRecord, ifVersion: unknown): Promise<unknown> {
        const isWritten = await this.locks.changing(name, () =>
            ifVersion === undefined ? this.create(name, record) : this.swap(name, record, ifVersion),
        );
        return isWritten ? record.stored.version : undefined;
    }

    /** Stores a record whatever is there. */
    public put(name: string, record: EncodedRecord): Promise<void> {
        return this.locks.changing(name, () =>
            this.locks.locked(name, (lock) => this.writer.moveIn(this.pathOf(name), record, lock)),
        );
    }

    /** Removes a record of a version. False: it has another now, or is gone. */
    public remove(name: string, ifVersion: unknown): Promise<boolean> {
        return this.changeLocked(name, async (path) => {
            const stored = await this.current(path);
            if (!stored || stored.version !== ifVersion) {
                return false;
            }
            this.cache.forgetLinked(path);
            await unlink(path);
            return true;
        });
    }

    /** Removes whatever is there. */
    public discard(name: string): Promise<void> {
        return this.changeLocked(name, async (path) => {
            this.cache.forget(path);
            await rm(path, { recursive: true, force: true });
        });
    }

    /** Removes what a process left that was killed while it made a record. */
    public removeUnwritten(name: string): Promise<void> {
        return this.changeLocked(name, async (path) => {
            if (isUnwritten(await lstat(path))) {
                await unlink(path);
            }
        });
    }

    public lock(name: string, waitMs: number): Promise<Lease | undefined> {
        return this.locks.lease(name, waitMs);
    }

    /** Moves what is in a record's place to quarantine: a link itself, a folder with what is in it. */
    public async setAside(name: string): Promise<boolean> {
        const path = this.pathOf(name);
        const quarantine = `${this.folder}/${QUARANTINE}`;
        this.cache.forget(path);
        try {
            await mkdir(quarantine, { recursive: true, mode: 0o700 });
            await rename(path, `${quarantine}/${name}-${Date.now()}-${randomBytes(6).toString('hex')}`);
            return true;
        } catch (error) {
            if (codeOf(error) !== 'ENOENT') {
                throw withoutPath(error);
            }
            return false;
        }
    }

    public close(): void {
        this.cache.clear();
        this.locks.close();
    }

    private pathOf(name: string): string {
        return `${this.folder}/${name}${this.names.extension}`;
    }

    private current(path: string): MaybePromise<StoredRecord | undefined> {
        return this.cache.look(path) ?? this.reader.read(path, false);
    }

    private changeLocked<T>(name: string, work: (path: string) => Promise<T>): Promise<T> {
        const path = this.pathOf(name);
        return this.locks.changing(name, () => this.locks.locked(name, () => work(path)));
    }

    private create(name: string, record: EncodedRecord): Promise<boolean> {
        const bytes = this.writer.paddedBytesOf(record);
        return bytes ? this.writeNew(name, record, bytes) : this.linkNew(name, record);
    }

    /** Compare-and-swap, under the lock. */
    private swap(name: string, record: EncodedRecord, ifVersion: unknown): Promise<boolean> {
        const path = this.pathOf(name);
        return this.locks.locked(name, async (lock) => {
            const isWritten = this.writer.overwrites
                ? await this.writer.overwrite(path, record, ifVersion, lock)
                : undefined;
            if (isWritten !== undefined) {
                return isWritten;
            }
            if ((await this.current(path))?.version !== ifVersion) {
                return false;
            }
            await this.writer.moveIn(path, record, lock);
            return true;
        });
    }

    private async linkNew(name: string, record: EncodedRecord): Promise<boolean> {
        const result = await this.writer.link(this.pathOf(name), record);
        if (result === 'taken') {
            return this.takePlace(name, record);
        }
        return result === 'linked' || this.swap(name, record, undefined);
    }

    /**
     * A new record with a checksum is written in its place: until it is whole, readers know that it is not there yet. A file
     * beside it, linked to its place and unlinked, takes two more trips to the disk: CPU of a new record 96 in place of 62 µs on
     * Node.js 24, 148 in place of 97 on 26. A process that is killed meanwhile leaves an empty file.
     */
    private async writeNew(name: string, record: EncodedRecord, bytes: Buffer): Promise<boolean> {
        const path = this.pathOf(name);
        const since = performance.now(); // before the file is there: this process may be stopped right after that
        let fd: number;
        try {
            fd = await this.cache.open(path, 'wx', UNWRITTEN_MODE);
        } catch (error) {
            if (codeOf(error) !== 'EEXIST') {
                throw error;
            }
            return this.takePlace(name, record);
        }
        let mode = UNWRITTEN_MODE;
        try {
            await writeAll(fd, bytes, 0);
            mode = WRITTEN_MODE;
            const isQuick = performance.now() - since < FILLED_WITHIN_MS;
            return isQuick || (await this.locks.locked(name, async () => isInPlace(fd, path)));
        } catch (error) {
            await this.withdraw(name, fd).catch(() => undefined); // an empty file may be replaced
            this.cache.clear(); // files that others replaced take space for as long as they are held open here
            throw error;
        } finally {
            // Not waited for: a record that is there counts, whatever the mode of its file.
            fs.fchmod(fd, mode, () => fs.closeSync(fd));
        }
    }

    /** Stores a new record where something is: only where that was never written. */
    private async takePlace(name: string, record: EncodedRecord): Promise<boolean> {
        return isUnwritten(await lstat(this.pathOf(name))) && this.swap(name, record, undefined);
    }

    /** Removes a file that could not be written, unless another has taken its place. */
    private withdraw(name: string, fd: number): Promise<void> {
        const path = this.pathOf(name);
        return this.locks.locked(name, async () => {
            if (isInPlace(fd, path)) {
                await unlink(path);
            }
        });
    }
}

/** Whether an open file is the one that its name stands for. */
function isInPlace(fd: number, path: string): boolean {
    const [own, there] = [fs.fstatSync(fd), fs.lstatSync(path, { throwIfNoEntry: false })];
    return own.ino === there?.ino && own.dev === there.dev;
}
