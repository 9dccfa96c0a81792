import * as fs from 'node:fs';
import { dirname, extname } from 'node:path';
import { promisify } from 'node:util';

const open = promisify(fs.open);
const stat = promisify(fs.stat);
const fstat = promisify(fs.fstat);
const mkdir = promisify(fs.mkdir);
const write = promisify(fs.write);
const closeFile = promisify(fs.close);
const rename = promisify(fs.rename);
const unlink = promisify(fs.unlink);

/** Never waits for the reader of a pipe: that is trouble like any other. */
const openFlags = fs.constants.O_WRONLY | fs.constants.O_APPEND | fs.constants.O_CREAT | (fs.constants.O_NONBLOCK ?? 0);
const fileMode = 0o640;
const folderMode = 0o750;

/** Lines that arrive within this time of each other share one write. */
const writeEveryMs = 20;
/** How long a file in trouble is left alone before it is tried again. */
const retryEveryMs = 1_000;
/** How long a file may grow past its limit while another process rotates it. */
const rotateWaitMs = 2_000;
/** The same trouble is told at most this often. */
const tellEveryMs = 60_000;
/** Bytes kept in memory while the file can't take them; what comes after is dropped, and counted. */
const maxWaitingBytes = 8 * 1024 * 1024;

export interface RotatingFileOptions {
    /** A file that would grow past this is rotated first: `app.log` becomes `app.1.log`, that one `app.2.log`. */
    maxSizeBytes: number;
    /** How many files are kept, the current one included. */
    maxFiles: number;
    /** Where trouble is told: one sentence. */
    tell: (sentence: string) => void;
}

/**
 * A log file that takes lines at any time and writes them in batches. A missing folder is made, a file that was
 * removed or moved away is made anew, and while it can't be written at all its lines wait, within bounds.
 * It never throws. (winston's own File transport is not used: once its file or folder is removed, or a write fails,
 * it loses every later line without a word.)
 */
export class RotatingFile {
    private waiting: Buffer[] = [];
    private waitingBytes = 0;
    private dropped = 0;
    /** The batch under way: what is not on disk yet of it. */
    private outgoing: Buffer | undefined;
    /** How large the file is once that has arrived. */
    private sizeWithBatch = 0;
    private file: { descriptor: number; device: number; inode: number } | undefined;
    private timer: NodeJS.Timeout | undefined;
    private writing: Promise<void> | undefined;
    private lastWrite = 0;
    private inTrouble = false;
    private toldAt: number | undefined;
    private rotateAgainAt = 0;
    private closing: Promise<void> | undefined;

    public constructor(
        private readonly path: string,
        private readonly options: RotatingFileOptions,
    ) {}

    /** Takes a line, without its line break. It is on disk soon, or when `close()` has resolved. */
    public append(line: string): void {
        if (this.closing) {
            return;
        }
        const bytes = Buffer.from(`${line}\n`);
        if (this.waitingBytes + bytes.length > maxWaitingBytes) {
            this.dropped += 1;
            return;
        }
        this.waiting.push(bytes);
        this.waitingBytes += bytes.length;
        unwritten.add(this);
        this.schedule();
    }

    /** Writes what waits, tries a file in trouble one last time, and lets go of it. */
    public close(): Promise<void> {
        this.closing ??= this.finish();
        return this.closing;
    }

    /** The last resort, when the process exits with lines still waiting. Blocks. */
    public writeNow(): void {
        try {
            const left = this.takeAll();
            if (left.length > 0) {
                fs.mkdirSync(dirname(this.path), { recursive: true, mode: folderMode });
                fs.appendFileSync(fs.openSync(this.path, openFlags, fileMode), left);
            }
        } catch {
            // The process is ending: there is nobody left to tell.
        }
    }

    private schedule(): void {
        if (this.timer || this.writing || this.closing) {
            return;
        }
        const pause = this.inTrouble ? retryEveryMs : writeEveryMs;
        const delay = Math.max(0, this.lastWrite + pause - Date.now());
        // No reason to keep a process alive: what waits at its exit is written then.
        this.timer = setTimeout(() => this.startWriting(), delay).unref();
    }

    private startWriting(): void {
        this.timer = undefined;
        this.writing = this.writeAll().finally(() => {
            this.writing = undefined;
            this.lastWrite = Date.now();
            if (this.hasMore()) {
                this.schedule();
            } else {
                unwritten.delete(this);
            }
        });
    }

    private async finish(): Promise<void> {
        clearTimeout(this.timer);
        await this.writing;
        await this.writeAll();
        unwritten.delete(this);
        await this.release();
    }

    private hasMore(): boolean {
        return this.waiting.length > 0 || this.outgoing !== undefined;
    }

    private async writeAll(): Promise<void> {
        try {
            while (this.hasMore()) {
                const size = await this.prepare();
                this.outgoing ??= this.takeBatch(size);
                await this.writeBatch(size);
            }
            this.recovered();
        } catch (error) {
            await this.release();
            this.failed(error as NodeJS.ErrnoException);
        }
    }

    private async writeBatch(size: number): Promise<void> {
        while (this.outgoing) {
            this.sizeWithBatch = size + this.outgoing.length;
            const { bytesWritten } = await write(this.descriptor(), this.outgoing);
            size += bytesWritten;
            this.outgoing = bytesWritten < this.outgoing.length ? this.outgoing.subarray(bytesWritten) : undefined;
        }
    }

    private descriptor(): number {
        if (!this.file) {
            throw new Error('not open');
        }
        return this.file.descriptor;
    }

    /** Makes sure that the open file is the one at the path, with room in it. Gives its size in bytes. */
    private async prepare(): Promise<number> {
        let size = await this.sizeOfOpenFile();
        const next = this.outgoing?.length ?? this.waiting[0]?.length ?? 0;
        if (size > 0 && size + next > this.options.maxSizeBytes && Date.now() >= this.rotateAgainAt) {
            await this.release();
            await this.rotate(next);
            size = await this.sizeOfOpenFile();
        }
        return size;
    }

    private async sizeOfOpenFile(): Promise<number> {
        const atPath = await stat(this.path).catch(() => undefined);
        if (this.file && atPath && atPath.ino === this.file.inode && atPath.dev === this.file.device) {
            return atPath.isFile() ? atPath.size : 0; // a device or a pipe is not rotated
        }
        await this.release();
        await mkdir(dirname(this.path), { recursive: true, mode: folderMode });
        const descriptor = await open(this.path, openFlags, fileMode);
        const opened = await fstat(descriptor);
        this.file = { descriptor, device: opened.dev, inode: opened.ino };
        return opened.isFile() ? opened.size : 0;
    }

    /** One process at a time, or they would rename over what the other has just put aside. */
    private async rotate(next: number): Promise<void> {
        let lock: { release(): Promise<void> } | undefined;
        try {
            const { FileLock } = await import('../Support/Files/FileLock.js');
            const deadline = (await import('../Support/Deadlines.js')).Deadlines.of(rotateWaitMs).start();
            lock = await FileLock.acquire(`${this.path}.lock`, deadline).finally(() => deadline.end());
            const size = (await stat(this.path).catch(() => undefined))?.size ?? 0;
            if (!lock || size + next <= this.options.maxSizeBytes) {
                return; // another process is at it, or has done it
            }
            for (let index = this.options.maxFiles - 1; index > 0; index -= 1) {
                await rename(this.numbered(index - 1), this.numbered(index)).catch(ignoreMissing);
            }
            if (this.options.maxFiles === 1) {
                await unlink(this.path).catch(ignoreMissing);
            }
        } catch (error) {
            // Better a file that grows than none: a folder that is read-only may still hold a writable file.
            this.rotateAgainAt = Date.now() + tellEveryMs;
            this.options.tell(
                `Log file ${this.path} can't be rotated (${reason(error)}): it grows past its limit until it can.`,
            );
        } finally {
            await lock?.release();
        }
    }

    private numbered(index: number): string {
        const extension = extname(this.path);
        return index === 0
            ? this.path
            : `${this.path.slice(0, this.path.length - extension.length)}.${index}${extension}`;
    }

    /** As many of the waiting lines as fit into the file; one at least. */
    private takeBatch(size: number): Buffer {
        let bytes = 0;
        let count = 0;
        const room = Date.now() < this.rotateAgainAt ? Number.POSITIVE_INFINITY : this.options.maxSizeBytes - size;
        for (const line of this.waiting) {
            if (count > 0 && bytes + line.length > room) {
                break;
            }
            bytes += line.length;
            count += 1;
        }
        this.waitingBytes -= bytes;
        return Buffer.concat(this.waiting.splice(0, count), bytes);
    }

    private takeAll(): Buffer {
        // A write that was under way when the process ended has mostly arrived; one line twice is better than none.
        const arrived = this.file && fs.fstatSync(this.file.descriptor).size >= this.sizeWithBatch;
        const left = Buffer.concat([...(this.outgoing && !arrived ? [this.outgoing] : []), ...this.waiting]);
        this.outgoing = undefined;
        this.waiting = [];
        this.waitingBytes = 0;
        return left;
    }

    private async release(): Promise<void> {
        const file = this.file;
        this.file = undefined;
        if (file) {
            await closeFile(file.descriptor).catch(() => undefined);
        }
    }

    private failed(error: NodeJS.ErrnoException): void {
        const now = Date.now();
        if (!this.inTrouble && (this.toldAt === undefined || now - this.toldAt >= tellEveryMs)) {
            this.toldAt = now;
            this.options.tell(
                `Log file ${this.path} can't be written (${reason(error)}): logging goes on without it, and with it again as soon as it can be.`,
            );
        }
        this.inTrouble = true;
    }

    private recovered(): void {
        this.inTrouble = false;
        if (this.dropped > 0) {
            this.options.tell(`Log file ${this.path} is written again; ${this.dropped} lines were dropped meanwhile.`);
            this.dropped = 0;
        }
    }
}

/** Files with lines that are not on disk yet: one listener serves them all, so that an exit loses none. */
const unwritten = new Set<RotatingFile>();
process.on('exit', () => {
    for (const file of unwritten) {
        file.writeNow();
    }
});

function ignoreMissing(error: NodeJS.ErrnoException): void {
    if (error.code !== 'ENOENT') {
        throw error;
    }
}

function reason(error: unknown): string {
    const { code, message } = error as NodeJS.ErrnoException;
    return code ?? message;
}
