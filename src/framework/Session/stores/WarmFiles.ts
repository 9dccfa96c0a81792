import fs, { type Stats } from 'node:fs';
import type { StoredRecord } from '../SessionDriver.js';

const MOST_FILES = 512;
const MOST_CHARACTERS = 4_000_000;
const LARGEST = 65_536;
/** File systems are given times as coarse as this: a file this young could still change without its time changing. */
const COARSE_MS = 20;
/** Local file systems where an inode's number belongs to one file for as long as it is held open. */
const LOCAL = new Set([
    0xef53, // ext2, ext3, ext4
    0x58465342, // xfs
    0x9123683e, // btrfs
    0x01021994, // tmpfs
    0x794c7630, // overlayfs
    0x2fc12fc1, // zfs
    0xf2f52010, // f2fs
    0xca451a4e, // bcachefs
]);

interface WarmFile {
    readonly fd: number;
    readonly stats: Stats;
    readonly stored: StoredRecord;
}

/**
 * Session files that were read or written lately, held open. While a file is held open no other file can get its inode,
 * and records are only ever replaced by renaming, also by other processes: so one `lstat` that finds the same inode
 * (and the same times and size, for files edited by hand) proves that the record is still the one known here. And the
 * call can be synchronous: the kernel keeps the directory entry of an open file in memory, so no disk is waited for.
 *
 * Gain: a read of a warm record is one call of 2 µs, where opening and reading is two trips through the thread pool
 * (80 µs; Node 20). Measure it again with `npm run bench` and LARGEST = 0. Only on local file systems of Linux.
 */
export class WarmFiles {
    private readonly files = new Map<string, WarmFile>();
    private readonly most: number;
    private characters = 0;

    public constructor(folder: string) {
        this.most = isLocal(folder) ? Math.min(MOST_FILES, Math.floor(openFilesLimit() / 8)) : 0;
    }

    public get isOn(): boolean {
        return this.most > 0;
    }

    /** The record of a file, if it is known and unchanged. */
    public look(path: string): StoredRecord | undefined {
        const file = this.files.get(path);
        if (!file) {
            return undefined;
        }
        if (!isUnchanged(path, file.stats)) {
            this.drop(path, file);
            return undefined;
        }
        this.files.delete(path); // and set again: the last in the map is the last used
        this.files.set(path, file);
        return file.stored;
    }

    /** Takes over an open file whose record was just read. False: it did not, and the caller has to close the file. */
    public keep(path: string, fd: number, stored: StoredRecord, stats: Stats): boolean {
        return Date.now() - stats.ctimeMs > COARSE_MS && this.keepSettled(path, fd, stored, stats);
    }

    /** Keeps a file that was just written and moved to its place. The caller closes the file as it was opened. */
    public keepWritten(path: string, writeFd: number, stored: StoredRecord): void {
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
        if (!this.keepSettled(path, fd, stored, fs.fstatSync(fd))) {
            fs.closeSync(fd);
        }
    }

    private keepSettled(path: string, fd: number, stored: StoredRecord, stats: Stats): boolean {
        if (this.most === 0 || stored.record.length > LARGEST || stats.ino > Number.MAX_SAFE_INTEGER) {
            return false;
        }
        this.forget(path);
        this.files.set(path, { fd, stats, stored });
        this.characters += stored.record.length;
        while (this.files.size > this.most || this.characters > MOST_CHARACTERS) {
            const [oldest, file] = this.files.entries().next().value as [string, WarmFile];
            this.drop(oldest, file);
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

    private take(path: string, file: WarmFile): void {
        this.files.delete(path);
        this.characters -= file.stored.record.length;
    }

    private drop(path: string, file: WarmFile): void {
        this.take(path, file);
        const { fd } = file;
        if (fs.fstatSync(fd).nlink > 0) {
            fs.closeSync(fd);
        } else {
            fs.close(fd, () => undefined); // the last link: frees blocks, which may wait for the disk
        }
    }
}

function isUnchanged(path: string, known: Stats): boolean {
    let stats: Stats | undefined;
    try {
        stats = fs.lstatSync(path, { throwIfNoEntry: false });
    } catch {
        return false; // reading it for real says what is wrong
    }
    return (
        stats !== undefined &&
        stats.ino === known.ino &&
        stats.ctimeMs === known.ctimeMs &&
        stats.mtimeMs === known.mtimeMs &&
        stats.size === known.size &&
        stats.dev === known.dev
    );
}

function isLocal(folder: string): boolean {
    return process.platform === 'linux' && LOCAL.has(fs.statfsSync(folder).type >>> 0);
}

function openFilesLimit(): number {
    try {
        const [, soft] = /^Max open files\s+(\d+)/m.exec(fs.readFileSync('/proc/self/limits', 'latin1')) ?? [];
        return soft ? Number(soft) : Number.POSITIVE_INFINITY; // "unlimited" is no number
    } catch {
        return 0;
    }
}
