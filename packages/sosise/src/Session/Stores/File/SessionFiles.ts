import { randomBytes } from 'node:crypto';
import fs, { type Stats } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { type Deadline, Deadlines } from '../../../Support/Deadlines.js';
import { FileLock, NO_LINKS } from '../../../Support/Files/FileLock.js';
import {
    close,
    codeOf,
    fsync,
    link,
    lstat,
    mkdir,
    open,
    readAll,
    rename,
    rm,
    unlink,
    unlinkIfThere,
    withoutPath,
    writeAll,
} from '../../../Support/Files/fileCalls.js';
import { LockFilePool } from '../../../Support/Files/LockFilePool.js';
import { KeyedMutex } from '../../../Support/KeyedMutex.js';
import type { Lease } from '../../../Support/Lease.js';
import type { MaybePromise } from '../../../Support/MaybePromise.js';
import { Semaphore } from '../../../Support/Semaphore.js';
import type { StoredRecord } from '../../Drivers/SessionDriver.js';
import { DamagedRecordError } from '../../Record/DamagedRecordError.js';
import { isEndedRecord } from '../../Record/recordText.js';
import { OpenFileCache } from './OpenFileCache.js';
import { isPadded, padded, paddedTo, textInFile, textOfPadded } from './paddedRecord.js';
import type { EncodedRecord, RecordCodec } from './RecordCodec.js';
import { QUARANTINE, type SessionFileNames } from './SessionFileNames.js';

/** What a write may wait for others that write the same session, in ms. */
const WRITE_WAIT_MS = 1_500;
const AT_ONCE = { isOver: true };
/**
 * Changes of different sessions that are worked on at once. More would only share Node's four threads for file calls: all
 * would end late, each with a lock file of its own meanwhile. With 1,024 connections 845 → 2,075 changes a second, and none
 * that takes too long to be answered (Node 20; `npm run bench -- --growth`).
 */
const CHANGES_AT_ONCE = 32;
/** The largest maxBytes there may be, encrypted, has 5,333,334 as base64. */
const LARGEST_BYTES = 6 * 1024 * 1024;
/** O_NONBLOCK: opening a named pipe in a record's place must not wait for its other end. */
const READ = fs.constants.O_RDONLY | (fs.constants.O_NOFOLLOW ?? 0) | (fs.constants.O_NONBLOCK ?? 0);
/** The same for writing over what is there. */
const READ_AND_WRITE = READ | fs.constants.O_RDWR;
/** How often bytes with a wrong checksum have to be the same, each time a millisecond later than before: 50 ms in all. */
const READ_TRIES = 10;
/**
 * A file that is made for a record is empty for a moment. Whoever meets one that stays so for 50 ms may take its place; so
 * whoever took longer than half of that to make and fill his own looks, under the lock, whether it is still there.
 */
const FILLED_WITHIN_MS = 25;
/** Of a file for one record, for its owner only; and until that is written: so is told what is to come from what was emptied. */
const WRITTEN_MODE = 0o600;
const UNWRITTEN_MODE = 0o400;
/** What opening something says that is no plain file. */
const NOT_A_FILE = new Set(['ELOOP', 'EMLINK', 'EISDIR', 'ENXIO', 'ENODEV']);
/** Others were writing the same session for longer than a request may wait. */
export class StoreBusyError extends Error {
    public override readonly name = 'StoreBusyError';
    public readonly code = 'ELOCKED';

    public constructor() {
        super(`A session's file stayed locked for ${WRITE_WAIT_MS} ms by others that write it.`);
    }
}

/**
 * The records in one folder, by name. Each change is atomic: a record is linked, renamed or unlinked as a whole, or written
 * over in one step where it has room, and compared before that under a lock that holds between the processes of one host.
 */
export class SessionFiles {
    private readonly cache: OpenFileCache;
    private readonly tokens: LockFilePool;
    /**
     * Whether small records are written over in place: no new file, no rename, which makes ext4 write at once what it is to
     * replace. With the locks by `LockFilePool` 480 → 85 µs for a stored change (Node 20; requests: `npm run bench --
     * --driver=file --only=change`). Not where a write has to survive a power cut (`fsync`), and only on local file systems
     * of Linux.
     */
    private readonly overwrites: boolean;
    private readonly writers = new KeyedMutex();
    private readonly semaphore = new Semaphore(CHANGES_AT_ONCE);
    private readonly leases = new KeyedMutex();

    public constructor(
        private readonly folder: string,
        private readonly names: SessionFileNames,
        private readonly codec: RecordCodec,
        private readonly syncs: boolean,
    ) {
        this.cache = new OpenFileCache(folder);
        this.tokens = new LockFilePool(folder);
        this.overwrites = this.cache.isOn && !this.cache.isLayered && codec.keepsText && !syncs;
    }

    public read(name: string): MaybePromise<StoredRecord | undefined> {
        const path = this.pathOf(name);
        return this.cache.look(path) ?? this.readFile(path);
    }

    /** Reads without caching the file: for walks through all of them. */
    public readOnce(name: string): Promise<StoredRecord | undefined> {
        return this.readFile(this.pathOf(name), false);
    }

    /** Stores a record where none is. False: there is one. */
    public create(name: string, record: EncodedRecord): Promise<boolean> {
        const bytes = this.overwrites && typeof record.content === 'string' ? padded(record.content) : undefined;
        return this.changing(name, (deadline) =>
            bytes ? this.writeNew(name, record, bytes, deadline) : this.linkIn(name, record, deadline),
        );
    }

    /** Replaces a record of a version. False: it has another now, or is gone. */
    public replace(name: string, record: EncodedRecord, ifVersion: unknown): Promise<boolean> {
        return this.changing(name, async (deadline, hadToWait) => {
            const known = hadToWait ? this.cache.look(this.pathOf(name)) : undefined;
            if (known && known.version !== ifVersion) {
                return false; // another request was first: no need to lock to find out
            }
            return this.swap(name, record, deadline, ifVersion);
        });
    }

    /** Stores a record whatever is there. */
    public put(name: string, record: EncodedRecord): Promise<void> {
        return this.changing(name, (deadline) =>
            this.locked(name, deadline, (lock) => this.moveIn(this.pathOf(name), record, lock)),
        );
    }

    /** Removes a record of a version. False: it has another now, or is gone. */
    public remove(name: string, ifVersion: unknown): Promise<boolean> {
        const path = this.pathOf(name);
        return this.changing(name, (deadline) =>
            this.locked(name, deadline, async () => {
                const stored = await this.current(path);
                if (!stored || stored.version !== ifVersion) {
                    return false;
                }
                this.cache.forgetLinked(path);
                await unlink(path);
                return true;
            }),
        );
    }

    /** Removes whatever is there. */
    public discard(name: string): Promise<void> {
        const path = this.pathOf(name);
        return this.changing(name, (deadline) =>
            this.locked(name, deadline, async () => {
                this.cache.forget(path);
                await rm(path, { recursive: true, force: true });
            }),
        );
    }

    /** Removes what a process left that was killed while it made a record. */
    public removeUnwritten(name: string): Promise<void> {
        const path = this.pathOf(name);
        return this.changing(name, (deadline) =>
            this.locked(name, deadline, async () => {
                if (isUnwritten(await lstat(path))) {
                    await unlink(path);
                }
            }),
        );
    }

    /** Waits for a session's lease: in order within this process, with other processes by trying again. */
    public async lock(name: string, waitMs: number): Promise<Lease | undefined> {
        const deadline = Deadlines.of(waitMs).start();
        const local = await this.leases.lease(name, waitMs);
        if (!local) {
            deadline.end();
            return undefined;
        }
        let lock: FileLock | undefined;
        try {
            lock = await this.inFolder(() => this.acquire(this.names.leaseOf(name), deadline));
        } catch (error) {
            throw withoutPath(error);
        } finally {
            deadline.end();
            if (!lock) {
                await local.release();
            }
        }
        return lock && leaseOf(lock, local);
    }

    /** Moves what is in a record's place out of the way: a link itself, a folder with what is in it. */
    public async setAside(name: string): Promise<boolean> {
        const path = this.pathOf(name);
        const aside = `${this.folder}/${QUARANTINE}`;
        this.cache.forget(path);
        try {
            await mkdir(aside, { recursive: true, mode: 0o700 });
            await rename(path, `${aside}/${name}-${Date.now()}-${randomBytes(6).toString('hex')}`);
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
        this.tokens.close();
    }

    private acquire(file: string, deadline: Pick<Deadline, 'isOver'>): Promise<FileLock | undefined> {
        return FileLock.acquire(`${this.folder}/${file}`, deadline, this.tokens);
    }

    private pathOf(name: string): string {
        return `${this.folder}/${this.names.fileOf(name)}`;
    }

    private current(path: string): MaybePromise<StoredRecord | undefined> {
        return this.cache.look(path) ?? this.readFile(path, false);
    }

    /** A record that is being written is read again. One that stays as it is was changed by hand, and is taken so; or never came. */
    private async readFile(path: string, caches = true): Promise<StoredRecord | undefined> {
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
        const fd = await this.openToRead(path);
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
            const isRoomy = isPadded(bytes);
            const text = isRoomy ? textOfPadded(bytes) : bytes;
            if (!text && this.codec.keepsText) {
                return bytes;
            }
            const stored = await this.codec.decode(text ?? bytes);
            isKept = caches && this.cache.keep(path, { fd, stats, isPadded: isRoomy, stored, at });
            return stored;
        } catch (error) {
            throw withoutPath(error);
        } finally {
            if (!isKept) {
                fs.closeSync(fd);
            }
        }
    }

    private async openToRead(path: string): Promise<number | undefined> {
        try {
            return await this.openFile(path, READ);
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

    private async openFile(path: string, flags: number | string, mode = WRITTEN_MODE): Promise<number> {
        try {
            return await open(path, flags, mode);
        } catch (error) {
            // Too many open files: those that are only kept for speed go first.
            if ((codeOf(error) === 'EMFILE' || codeOf(error) === 'ENFILE') && this.cache.clear()) {
                return open(path, flags, mode);
            }
            throw error;
        }
    }

    /** One writer of a name at a time in this process: what its lock file then meets are other processes only. */
    private async changing<T>(name: string, work: (deadline: Deadline, hadToWait: boolean) => Promise<T>): Promise<T> {
        const hasToWait = !this.writers.tryEnter(name);
        if (hasToWait && !(await this.writers.enter(name, WRITE_WAIT_MS))) {
            throw new StoreBusyError();
        }
        await this.semaphore.enter();
        const deadline = Deadlines.of(WRITE_WAIT_MS).start();
        try {
            return await this.inFolder(() => work(deadline, hasToWait));
        } catch (error) {
            throw withoutPath(error);
        } finally {
            deadline.end();
            this.semaphore.leave();
            this.writers.leave(name);
        }
    }

    /** Does something in the folder; where that is missing, it is made anew and the same is done again. */
    private async inFolder<T>(work: () => Promise<T>): Promise<T> {
        try {
            return await work();
        } catch (error) {
            if (codeOf(error) !== 'ENOENT') {
                throw error;
            }
        }
        await mkdir(this.folder, { recursive: true, mode: 0o700 });
        return work();
    }

    private async locked<T>(name: string, deadline: Deadline, work: (lock: FileLock) => Promise<T>): Promise<T> {
        const file = this.names.lockOf(name);
        // What another process holds is waited for without a slot: other sessions must not wait for it too.
        const lock =
            (await this.acquire(file, AT_ONCE)) ?? (await this.semaphore.outside(() => this.acquire(file, deadline)));
        if (!lock) {
            throw new StoreBusyError();
        }
        let isDone = false;
        try {
            const result = await work(lock);
            isDone = true;
            return result;
        } finally {
            await lock.release(!isDone);
        }
    }

    private swap(name: string, record: EncodedRecord, deadline: Deadline, ifVersion: unknown): Promise<boolean> {
        const path = this.pathOf(name);
        return this.locked(name, deadline, async (lock) => {
            const isWritten = this.overwrites ? await this.overwrite(path, record, ifVersion, lock) : undefined;
            if (isWritten !== undefined) {
                return isWritten;
            }
            if ((await this.current(path))?.version !== ifVersion) {
                return false;
            }
            await this.moveIn(path, record, lock);
            return true;
        });
    }

    /**
     * Writes a record over the one of a version, in its own file. To be called under the lock. False: it has another version;
     * undefined: it can't be done here. Only what may wait for the disk is asynchronous: the file was read a moment ago.
     */
    private async overwrite(
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
            if ((await this.codec.decode(current)).version !== ifVersion) {
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

    /**
     * A new record with a checksum is written in its place: until it is whole, readers know that it is not there yet. A file
     * beside it, linked to its place and unlinked, takes two more trips to the disk: 40 of 240 µs of CPU for a request (Node 20;
     * `npm run bench -- --driver=file --only=new`). A process that is killed meanwhile leaves an empty file.
     */
    private async writeNew(name: string, record: EncodedRecord, bytes: Buffer, deadline: Deadline): Promise<boolean> {
        const path = this.pathOf(name);
        const since = performance.now(); // before the file is there: this process may be stopped right after that
        let fd: number;
        try {
            fd = await this.openFile(path, 'wx', UNWRITTEN_MODE);
        } catch (error) {
            if (codeOf(error) !== 'EEXIST') {
                throw error;
            }
            return this.takePlace(name, record, deadline);
        }
        let mode = UNWRITTEN_MODE;
        try {
            await writeAll(fd, bytes, 0);
            mode = WRITTEN_MODE;
            const isQuick = performance.now() - since < FILLED_WITHIN_MS;
            return isQuick || (await this.locked(name, deadline, async () => isInPlace(fd, path)));
        } catch (error) {
            await this.withdraw(name, fd, deadline).catch(() => undefined); // what is empty gives place
            this.cache.clear(); // files that others replaced take space for as long as they are held open here
            throw error;
        } finally {
            // Not waited for: a record that is there counts, whatever the mode of its file.
            fs.fchmod(fd, mode, () => fs.closeSync(fd));
        }
    }

    /** Stores a new record where something is: only where that was never written. */
    private async takePlace(name: string, record: EncodedRecord, deadline: Deadline): Promise<boolean> {
        return isUnwritten(await lstat(this.pathOf(name))) && this.swap(name, record, deadline, undefined);
    }

    /** Removes a file that could not be written, unless another has taken its place. */
    private withdraw(name: string, fd: number, deadline: Deadline): Promise<void> {
        const path = this.pathOf(name);
        return this.locked(name, deadline, async () => {
            if (isInPlace(fd, path)) {
                await unlink(path);
            }
        });
    }

    /**
     * A new record needs no lock: linking a name to a finished file is atomic, and fails where the name is taken.
     * Holders of the lock replace or remove records; none of them makes one where there was none.
     */
    private async linkIn(name: string, record: EncodedRecord, deadline: Deadline): Promise<boolean> {
        const temp = await this.writeTemp(this.bytesOf(record));
        try {
            fs.closeSync(temp.fd);
            await link(temp.path, this.pathOf(name));
        } catch (error) {
            const code = codeOf(error) ?? '';
            if (code === 'EEXIST') {
                return await this.takePlace(name, record, deadline);
            }
            if (NO_LINKS.has(code)) {
                return await this.swap(name, record, deadline, undefined);
            }
            throw error;
        } finally {
            await unlinkIfThere(temp.path).catch(() => undefined); // tidying finds it again
        }
        await this.syncFolder();
        return true;
    }

    /** Puts a new record in the place of what is there, in one step. To be called under the lock. */
    private async moveIn(path: string, record: EncodedRecord, lock: FileLock): Promise<void> {
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
                // a walk that prunes would cool down those in use
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

    private bytesOf({ content }: EncodedRecord): Buffer {
        if (typeof content !== 'string') {
            return content;
        }
        return (this.overwrites ? padded(content) : undefined) ?? Buffer.from(content);
    }

    private async writeTemp(bytes: Buffer): Promise<{ fd: number; path: string }> {
        if (bytes.length > LARGEST_BYTES) {
            throw new Error(`A session of ${bytes.length} bytes is too large to be stored in a file.`);
        }
        const path = `${this.folder}/${this.names.temp()}`;
        const fd = await this.openFile(path, 'wx');
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

/** The lock between processes and the one within this process, released together. */
function leaseOf(lock: FileLock, local: Lease): Lease {
    let isReleased = false;
    return {
        release: () => {
            isReleased = true;
            return lock.release().finally(() => local.release());
        },
        isHeld: () => !isReleased && lock.isOurs(),
    };
}

/** Opens a file to be written over. Undefined where that is not possible: the other way of writing says what is wrong. */
function openHere(path: string): number | undefined {
    try {
        return fs.openSync(path, READ_AND_WRITE);
    } catch {
        return undefined;
    }
}

/** Whether an open file is the one that its name stands for. */
function isInPlace(fd: number, path: string): boolean {
    const [own, there] = [fs.fstatSync(fd), fs.lstatSync(path, { throwIfNoEntry: false })];
    return own.ino === there?.ino && own.dev === there.dev;
}

/** Whether a file was made here for a record, and nothing was written into it. One that was emptied is none: it has the other mode. */
export function isUnwritten({ size, mode }: Stats): boolean {
    return size === 0 && (mode & 0o777) === UNWRITTEN_MODE;
}

function checkShape(stats: Stats): void {
    if (!stats.isFile()) {
        throw new DamagedRecordError('a folder or a device is in its place');
    }
    if (stats.size > LARGEST_BYTES) {
        throw new DamagedRecordError(`it is larger than ${LARGEST_BYTES} bytes`);
    }
}
