import * as fs from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, extname } from 'node:path';

/** Never waits for the reader of a pipe: that is trouble like any other. */
const openFlags = fs.constants.O_WRONLY | fs.constants.O_APPEND | fs.constants.O_CREAT | (fs.constants.O_NONBLOCK ?? 0);
const fileMode = 0o640;
const folderMode = 0o750;

/** Lines that arrive within this time of each other share one write. */
const writeEveryMs = 100;
/** How long a file in trouble is left alone before it is tried again. */
const retryEveryMs = 1_000;
/** How long a file may grow past its limit while another process rotates it. */
const rotateWaitMs = 2_000;
/** The same trouble is told at most this often. */
const tellEveryMs = 60_000;
/** What is kept in memory while the file can't take it; what comes after is dropped, and counted. */
const maxWaiting = 8 * 1024 * 1024;
const lineEnd = 10;

export interface RotatingFileOptions {
    /** A file that would grow past this is rotated first: `app.log` becomes `app.1.log`, that one `app.2.log`. */
    maxSizeBytes: number;
    /** How many files are kept, the current one included. */
    maxFiles: number;
    /** Where trouble is told: one sentence. */
    tell: (sentence: string) => void;
}

/**
 * A log file that takes lines at any time and writes them in batches. Each batch opens the file, so that one that was
 * removed or moved away is made again; while it can't be written its lines wait, within bounds. It never throws.
 * (winston's own File transport loses every later line without a word once its file or folder is removed, or a write fails.)
 */
export class RotatingFile {
    private waiting = '';
    private dropped = 0;
    /** The lines whose turn it is: what is not on disk yet of them. */
    private outgoing: Buffer = Buffer.alloc(0);
    /** How much of that is being written, which is what the file has room for. */
    private batch = 0;
    /** How large the file is once that has arrived. */
    private sizeWithBatch = 0;
    private timer: NodeJS.Timeout | undefined;
    private writing: Promise<void> | undefined;
    private inTrouble = false;
    private toldAt = Number.NEGATIVE_INFINITY;
    private rotateAgainAt = 0;
    private closing: Promise<void> | undefined;

    public constructor(
        private readonly path: string,
        private readonly options: RotatingFileOptions,
    ) {}

    /** Takes a line, or several, without the last line break. They are on disk soon, or when `close()` has resolved. */
    public append(text: string, lines = 1): void {
        if (this.closing) {
            return;
        }
        if (this.outgoing.length + this.waiting.length + text.length >= maxWaiting) {
            this.dropped += lines;
            return;
        }
        if (this.waiting === '') {
            unwritten.add(this);
            this.schedule();
        }
        this.waiting += `${text}\n`;
    }

    /** Writes what waits, and tries a file in trouble one last time. */
    public close(): Promise<void> {
        this.closing ??= this.finish();
        return this.closing;
    }

    /** The last resort, when the process exits with lines still waiting. Blocks. */
    public writeNow(): void {
        try {
            const size = fs.statSync(this.path, { throwIfNoEntry: false })?.size ?? 0;
            // A write that was under way when the process ended has mostly arrived; one line twice is better than none.
            const arrived = this.writing !== undefined && size >= this.sizeWithBatch;
            const left = Buffer.concat([this.outgoing.subarray(arrived ? this.batch : 0), Buffer.from(this.waiting)]);
            fs.mkdirSync(dirname(this.path), { recursive: true, mode: folderMode });
            fs.appendFileSync(fs.openSync(this.path, openFlags, fileMode), left);
        } catch {
            // The process is ending: there is nobody left to tell.
        }
    }

    private schedule(): void {
        if (!this.timer && !this.writing && !this.closing) {
            // No reason to keep a process alive: what waits at its exit is written then.
            this.timer = setTimeout(() => this.write(), this.inTrouble ? retryEveryMs : writeEveryMs).unref();
        }
    }

    private write(): void {
        this.timer = undefined;
        this.writing = this.writeAll().finally(() => {
            this.writing = undefined;
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
    }

    private hasMore(): boolean {
        return this.waiting !== '' || this.outgoing.length > 0;
    }

    /** What waits now; lines that come meanwhile share the next write. */
    private async writeAll(): Promise<void> {
        this.outgoing = Buffer.concat([this.outgoing, Buffer.from(this.waiting)]);
        this.waiting = '';
        try {
            while (this.outgoing.length > 0) {
                await this.writeBatch();
            }
            this.recovered();
        } catch (error) {
            this.failed(error);
        }
    }

    private async writeBatch(): Promise<void> {
        const { file, size } = await this.openWithRoom();
        try {
            this.batch = this.fitting(size);
            this.sizeWithBatch = size + this.batch;
            while (this.batch > 0) {
                const { bytesWritten } = await file.write(this.outgoing, 0, this.batch);
                this.outgoing = this.outgoing.subarray(bytesWritten);
                this.batch -= bytesWritten;
            }
        } finally {
            this.batch = 0;
            await file.close();
        }
    }

    private async openWithRoom(): Promise<{ file: FileHandle; size: number }> {
        const opened = await this.open();
        const next = this.firstLine();
        const isFull = opened.size > 0 && opened.size + next > this.options.maxSizeBytes;
        if (!isFull || Date.now() < this.rotateAgainAt) {
            return opened;
        }
        await opened.file.close();
        await this.rotate(next);
        return this.open();
    }

    private async open(): Promise<{ file: FileHandle; size: number }> {
        const make = () => open(this.path, openFlags, fileMode);
        const file = await make().catch(async () => {
            await mkdir(dirname(this.path), { recursive: true, mode: folderMode });
            return make();
        });
        const stats = await file.stat();
        return { file, size: stats.isFile() ? stats.size : 0 }; // a device or a pipe is not rotated
    }

    /** One process at a time, or they would rename over what the other has just renamed. */
    private async rotate(next: number): Promise<void> {
        let lock: { release(): Promise<void> } | undefined;
        try {
            const { FileLock } = await import('../Support/Files/FileLock.js');
            const deadline = (await import('../Support/Deadlines.js')).Deadlines.of(rotateWaitMs).start();
            lock = await FileLock.acquire(`${this.path}.lock`, deadline).finally(() => deadline.end());
            const { size } = await stat(this.path);
            if (!lock || size + next <= this.options.maxSizeBytes) {
                return; // another process is at it, or has done it
            }
            for (let index = this.options.maxFiles - 1; index > 0; index -= 1) {
                await rename(this.numbered(index - 1), this.numbered(index)).catch(ignoreMissing);
            }
            if (this.options.maxFiles === 1) {
                await rm(this.path, { force: true });
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
        return index === 0 ? this.path : `${this.path.slice(0, -extension.length)}.${index}${extension}`;
    }

    /** The length of as many lines as fit into the file; one at least. */
    private fitting(size: number): number {
        const room = Date.now() < this.rotateAgainAt ? Number.POSITIVE_INFINITY : this.options.maxSizeBytes - size;
        if (this.outgoing.length <= room) {
            return this.outgoing.length;
        }
        return (room > 0 && this.outgoing.lastIndexOf(lineEnd, room - 1) + 1) || this.firstLine();
    }

    private firstLine(): number {
        return this.outgoing.indexOf(lineEnd) + 1;
    }

    private failed(error: unknown): void {
        const now = Date.now();
        if (!this.inTrouble && now - this.toldAt >= tellEveryMs) {
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
