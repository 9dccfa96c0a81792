import fs, { type Stats } from 'node:fs';
import { codeOf, open } from '../../../Support/Files/fileCalls.js';
import type { StoredRecord } from '../../Drivers/SessionDriver.js';
import { textInFile } from './paddedRecord.js';

const MOST_FILES = 4_096;
const MOST_CHARACTERS = 4_000_000;
const LARGEST = 65_536;
/** File systems are given times as coarse as this: a file this young could still change without its time changing. */
const COARSE_MS = 20;
/** For so long what was read or written is surely still in memory, and can be read again without waiting for a disk. */
const IN_MEMORY_MS = 10_000;
const OVERLAYFS = 0x794c7630;
/** Local file systems where an inode's number belongs to one file for as long as it is held open. */
const LOCAL = new Set([
    0xef53, // ext2, ext3, ext4
    0x58465342, // xfs
    0x9123683e, // btrfs
    0x01021994, // tmpfs
    OVERLAYFS,
    0x2fc12fc1, // zfs
    0xf2f52010, // f2fs
    0xca451a4e, // bcachefs
]);

interface OpenFile {
    readonly fd: number;
    readonly stored: StoredRecord;
    /** Another record may be written over it. */
    readonly isPadded: boolean;
    /** What the file was like before its content was looked at. */
    stats: Stats;
    /** When that was, in ms since the epoch. */
    at: number;
    /** Looked up since the last eviction: then it stays. */
    wasUsed: boolean;
}

/**
 * Session files that were read or written lately, held open. While a file is held open no other file can get its inode, and
 * whoever changes it changes its times: so one `lstat` that finds all as it was proves that the record is still the one known
 * here. Only times are coarse: a record that was written over just before it was read could be so again without a trace,
 * and is compared with what is known. These calls can be synchronous: the kernel keeps the directory entry of an open file
 * in memory, and the content of one that was written moments ago, so no disk is waited for.
 *
 * Gain: CPU of a read 4 µs, where opening and reading, two trips through the thread pool, is 43 (Node.js 24; 3 and 26 on 26).
 * Measure it again with `npm run bench` and LARGEST = 0. Only on local file systems of Linux.
 */
export class OpenFileCache {
    private readonly files = new Map<string, OpenFile>();
    private readonly most: number;
    private characters = 0;
    /** A file that is written to for the first time may become another one, which those who hold it open do not see. */
    public readonly isLayered: boolean;

    public constructor(folder: string) {
        const type = process.platform === 'linux' ? fs.statfsSync(folder).type >>> 0 : 0;
        this.isLayered = type === OVERLAYFS;
        this.most = LOCAL.has(type) ? Math.min(MOST_FILES, Math.floor(openFilesLimit() / 8)) : 0;
    }

    public get isOn(): boolean {
        return this.most > 0;
    }

    /** Opens any file of the folder. Where too many are open, those that are only kept for speed are closed first. */
    public async open(path: string, flags: number | string, mode?: number): Promise<number> {
        try {
            return await open(path, flags, mode);
        } catch (error) {
            if ((codeOf(error) === 'EMFILE' || codeOf(error) === 'ENFILE') && this.clear()) {
                return open(path, flags, mode);
            }
            throw error;
        }
    }

    /** The record of a file, if it is known and unchanged. */
    public look(path: string): StoredRecord | undefined {
        const file = this.files.get(path);
        if (!file) {
            return undefined;
        }
        if (!isUnchanged(path, file)) {
            this.drop(path, file);
            return undefined;
        }
        file.wasUsed = true;
        return file.stored;
    }

    /** Takes over an open file whose record was just read. False: it did not, and the caller has to close the file. */
    public keep(path: string, read: Omit<OpenFile, 'wasUsed'>): boolean {
        const file = { ...read, wasUsed: false };
        const isSettled = file.at - file.stats.ctimeMs > COARSE_MS;
        return (isSettled || file.isPadded) && this.hold(path, file);
    }

    /** Keeps a file that was just written and moved to its place. The caller closes the file as it was opened. */
    public keepWritten(path: string, writeFd: number, isPadded: boolean, stored: StoredRecord): void {
        if (this.most === 0) {
            return;
        }
        let fd: number;
        try {
            // The same file, but for reading only: files open for writing would keep a disk from being made read-only.
            fd = fs.openSync(`/proc/self/fd/${writeFd}`, 'r');
        } catch {
            return;
        }
        if (!this.hold(path, { fd, stats: fs.fstatSync(fd), isPadded, stored, at: Date.now(), wasUsed: false })) {
            fs.closeSync(fd);
        }
    }

    /** A record was written over, by way of `writeFd`. */
    public keepContent(path: string, writeFd: number, stored: StoredRecord): void {
        const file = this.files.get(path);
        const stats = fs.fstatSync(writeFd);
        if (file && file.stats.ino === stats.ino && file.stats.dev === stats.dev) {
            this.characters += stored.record.length - file.stored.record.length;
            this.files.set(path, { fd: file.fd, stats, isPadded: true, stored, at: Date.now(), wasUsed: true });
        }
    }

    private hold(path: string, file: OpenFile): boolean {
        const { stats, stored } = file;
        if (this.most === 0 || stored.record.length > LARGEST || stats.ino > Number.MAX_SAFE_INTEGER) {
            return false;
        }
        this.forget(path);
        this.files.set(path, file);
        this.characters += stored.record.length;
        while (this.files.size > this.most || this.characters > MOST_CHARACTERS) {
            this.evict();
        }
        return true;
    }

    /** Lets go of a file that is still in its place, before it is replaced or removed: then the close frees no blocks. */
    public forgetLinked(path: string): void {
        const file = this.files.get(path);
        if (file) {
            this.take(path, file);
            fs.closeSync(file.fd);
        }
    }

    /** Lets go of a file. */
    public forget(path: string): void {
        const file = this.files.get(path);
        if (file) {
            this.drop(path, file);
        }
    }

    /** Lets go of all files. True if there were any. */
    public clear(): boolean {
        const hadFiles = this.files.size > 0;
        for (const [path, file] of this.files) {
            this.drop(path, file);
        }
        return hadFiles;
    }

    /** Evicts the file that came first, unless it was used since: then it goes to the end. */
    private evict(): void {
        const [path, file] = this.files.entries().next().value as [string, OpenFile];
        if (file.wasUsed) {
            file.wasUsed = false;
            this.files.delete(path);
            this.files.set(path, file);
        } else {
            this.drop(path, file);
        }
    }

    private take(path: string, file: OpenFile): void {
        this.files.delete(path);
        this.characters -= file.stored.record.length;
    }

    private drop(path: string, file: OpenFile): void {
        this.take(path, file);
        const { fd } = file;
        if (fs.fstatSync(fd).nlink > 0) {
            fs.closeSync(fd);
        } else {
            fs.close(fd, () => undefined); // the last link: frees blocks, which may wait for the disk
        }
    }
}

function isUnchanged(path: string, file: OpenFile): boolean {
    let now: Stats | undefined;
    try {
        now = fs.lstatSync(path, { throwIfNoEntry: false });
    } catch {
        return false; // reading it for real says what is wrong
    }
    const { stats } = file;
    if (now?.ino !== stats.ino || now.dev !== stats.dev || now.size !== stats.size) {
        return false;
    }
    const isTouched = now.ctimeMs !== stats.ctimeMs || now.mtimeMs !== stats.mtimeMs;
    if (!file.isPadded) {
        return !isTouched; // such a file is only ever replaced
    }
    return (!isTouched && file.at - stats.ctimeMs > COARSE_MS) || hasStill(file, now);
}

/** Compares the content of a file with what is known of it. */
function hasStill(file: OpenFile, now: Stats): boolean {
    if (Date.now() - file.at > IN_MEMORY_MS) {
        return false; // may wait for the disk: it is read in another way
    }
    const at = Date.now();
    if (textInFile(file.fd) !== file.stored.record) {
        return false;
    }
    file.stats = now;
    file.at = at;
    return true;
}

function openFilesLimit(): number {
    try {
        const [, soft] = /^Max open files\s+(\d+)/m.exec(fs.readFileSync('/proc/self/limits', 'latin1')) ?? [];
        return soft ? Number(soft) : Number.POSITIVE_INFINITY; // "unlimited" is no number
    } catch {
        return 0;
    }
}
