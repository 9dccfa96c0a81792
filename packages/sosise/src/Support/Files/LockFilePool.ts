import fs from 'node:fs';
import { codeOf, createFile, mkdir, unlinkIfThere, utimes } from './fileCalls.js';
import { newOwnerText } from './ProcessIdentity.js';

/** The folder inside the sessions folder for the files that locks are links to. */
export const TOKENS = '.locks';
/** So many stay for the next locks; more are there only while as many locks are held at once. */
const MOST_IDLE = 64;
/** How old a token's time may be when it is used: other containers take an old one for a dead process's. */
const FRESH_MS = 10_000;

/** A file that holds its owner's name. */
export interface LockToken {
    readonly path: string;
    readonly owner: string;
    /** When its time was last set, by `performance.now()`. */
    freshAt: number;
}

/**
 * Files that locks are hard links to, used again and again. A lock by symbolic link makes a file and deletes it each time, which
 * takes ext4 100 µs and more once it has to pass over many that were deleted lately; a hard link is a name and nothing else.
 * CPU of a stored change 114 in place of 297 µs on Node.js 24, 158 in place of 281 on 26.
 */
export class LockFilePool {
    /** False on file systems without hard links. */
    public areUsable = true;
    private readonly folder: string;
    private readonly idle: LockToken[] = [];
    private isClosed = false;

    public constructor(folder: string) {
        this.folder = `${folder}/${TOKENS}`;
    }

    public async take(): Promise<LockToken> {
        const token = this.idle.pop();
        if (!token) {
            return this.make();
        }
        if (performance.now() - token.freshAt < FRESH_MS) {
            return token;
        }
        try {
            const now = new Date();
            await utimes(token.path, now, now);
            token.freshAt = performance.now();
            return token;
        } catch (error) {
            if (codeOf(error) !== 'ENOENT') {
                throw error;
            }
            return this.make();
        }
    }

    /** Puts a token back whose lock is gone. */
    public giveBack(token: LockToken): void {
        if (!this.isClosed && this.idle.length < MOST_IDLE) {
            this.idle.push(token);
        } else {
            this.drop(token);
        }
    }

    /** Somebody has removed a token: the others are likely to be gone, too. */
    public forgetIdle(): void {
        this.idle.length = 0;
    }

    public drop(token: LockToken): void {
        unlinkIfThere(token.path).catch(() => undefined); // tidying finds it once this process is gone
    }

    /** Leaves nothing behind, unless locks are still held. */
    public close(): void {
        this.isClosed = true;
        try {
            for (const { path } of this.idle.splice(0)) {
                fs.rmSync(path, { force: true });
            }
            fs.rmdirSync(this.folder);
        } catch {
            // There is none, or another process has its tokens in it.
        }
    }

    private async make(): Promise<LockToken> {
        const owner = newOwnerText();
        const path = `${this.folder}/${owner}`;
        try {
            await createFile(path, owner);
        } catch (error) {
            if (codeOf(error) !== 'ENOENT') {
                throw error;
            }
            await mkdir(this.folder, { recursive: true, mode: 0o700 });
            await createFile(path, owner);
        }
        return { path, owner, freshAt: performance.now() };
    }
}
