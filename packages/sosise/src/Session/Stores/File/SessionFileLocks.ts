import { type Deadline, Deadlines } from '../../../Support/Deadlines.js';
import { FileLock } from '../../../Support/Files/FileLock.js';
import { codeOf, mkdir, withoutPath } from '../../../Support/Files/fileCalls.js';
import { LockFilePool } from '../../../Support/Files/LockFilePool.js';
import { KeyedMutex } from '../../../Support/KeyedMutex.js';
import type { Lease } from '../../../Support/Lease.js';
import { Semaphore } from '../../../Support/Semaphore.js';

/** What a write may wait for others that write the same session, in ms. */
const WRITE_WAIT_MS = 1_500;
const AT_ONCE = { isOver: true };
/**
 * Changes of different sessions that are worked on at once. More would only share Node's four threads for file calls: all
 * would end late, each with a lock file of its own meanwhile. CPU of a change, of 1,024 at once: 124 in place of 305 µs (Node.js
 * 24; 187 and 571 on 26; `npm run bench -- --growth`).
 */
const CHANGES_AT_ONCE = 32;

/** Others were writing the same session for longer than a request may wait. */
export class StoreBusyError extends Error {
    public override readonly name = 'StoreBusyError';
    public readonly code = 'ELOCKED';

    public constructor() {
        super(`A session's file stayed locked for ${WRITE_WAIT_MS} ms by others that write it.`);
    }
}

/** Who may change a session's file: one writer at a time in this process, and by a lock file one among all processes. */
export class SessionFileLocks {
    private readonly pool: LockFilePool;
    private readonly writers = new KeyedMutex();
    private readonly semaphore = new Semaphore(CHANGES_AT_ONCE);
    private readonly leases = new KeyedMutex();

    public constructor(private readonly folder: string) {
        this.pool = new LockFilePool(folder);
    }

    /** Runs a change as the only writer of a name in this process: what its lock file then meets are other processes only. */
    public async changing<T>(name: string, work: () => Promise<T>): Promise<T> {
        if (!this.writers.tryEnter(name) && !(await this.writers.enter(name, WRITE_WAIT_MS))) {
            throw new StoreBusyError();
        }
        await this.semaphore.enter();
        try {
            return await this.inFolder(work);
        } catch (error) {
            throw withoutPath(error);
        } finally {
            this.semaphore.leave();
            this.writers.leave(name);
        }
    }

    /** Runs a part of a change under the lock file. */
    public async locked<T>(name: string, work: (lock: FileLock) => Promise<T>): Promise<T> {
        const file = `.${name}.lock`;
        // What another process holds is waited for without a slot: other sessions must not wait for it too.
        const lock = (await this.acquire(file, AT_ONCE)) ?? (await this.semaphore.outside(() => this.waitFor(file)));
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

    /**
     * Waits for a session's lease, which `exclusive()` holds for the time of a request. Its holder writes, so it can't be the lock
     * of a write. In order within this process, with other processes by trying again.
     */
    public async lease(name: string, waitMs: number): Promise<Lease | undefined> {
        const deadline = Deadlines.of(waitMs).start();
        const local = await this.leases.lease(name, waitMs);
        let lock: FileLock | undefined;
        try {
            lock = local && (await this.inFolder(() => this.acquire(`.${name}.lease`, deadline)));
            return local && lock && both(local, lock);
        } catch (error) {
            throw withoutPath(error);
        } finally {
            deadline.end();
            if (!lock) {
                await local?.release();
            }
        }
    }

    public close(): void {
        this.pool.close();
    }

    private async waitFor(file: string): Promise<FileLock | undefined> {
        const deadline = Deadlines.of(WRITE_WAIT_MS).start();
        try {
            return await this.acquire(file, deadline);
        } finally {
            deadline.end();
        }
    }

    private acquire(file: string, deadline: Pick<Deadline, 'isOver'>): Promise<FileLock | undefined> {
        return FileLock.acquire(`${this.folder}/${file}`, deadline, this.pool);
    }

    /** Does something in the folder; where that is missing, makes it and does the same again. */
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
}

/** The lock within this process and the one between processes, released together. */
function both(local: Lease, lock: FileLock): Lease {
    let isReleased = false;
    return {
        release: () => {
            isReleased = true;
            return lock.release().finally(() => local.release());
        },
        isHeld: () => !isReleased && lock.isOurs(),
    };
}
