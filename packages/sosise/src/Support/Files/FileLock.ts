import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { threadId } from 'node:worker_threads';
import type { Deadline } from '../Deadlines.js';
import {
    codeOf,
    createFile,
    link,
    lstat,
    lutimes,
    readFile,
    readlink,
    symlink,
    unlink,
    unlinkIfThere,
} from './fileCalls.js';
import type { LockFilePool, LockToken } from './LockFilePool.js';
import { newOwnerText, parseOwner, standingOf } from './ProcessIdentity.js';

/** How often a holder says that it lives, for those in other containers that can't see it. */
const RENEW_MS = 2_000;
/** A lock from another container that was not renewed for this long counts as dead. */
const FOREIGN_DEAD_MS = 30_000;
/** From this age on a holder looks whether the lock still is its own before it relies on it. */
const SURE_MS = 20_000;
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 20;
/** What `link` and `symlink` answer where there are no links of that kind (or none for us, on Windows). */
export const NO_LINKS = new Set(['EPERM', 'ENOSYS', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'EXDEV']);

interface Held {
    readonly path: string;
    /** Given back, but the file could not be removed: tried again later. */
    isLeftover: boolean;
}

// By way of globalThis: two copies of this module in one thread must not take each other's locks for dead.
const registry = globalThis as { [key: symbol]: unknown };
const REGISTRY_KEY = Symbol.for('sosise.session.heldLocks');
registry[REGISTRY_KEY] ??= new Map<string, Held>();
const held = registry[REGISTRY_KEY] as Map<string, Held>;
let renewing: NodeJS.Timeout | undefined;

/**
 * An exclusive lock between the processes of one host: a hard link to a file that holds its owner's name, or a symbolic link
 * that points to it, because making one is a single atomic call, contents and all. A lock whose process is dead is broken;
 * a live one never is, however long it takes.
 */
export class FileLock {
    private readonly since = performance.now();
    private isReleased = false;

    private constructor(
        private readonly path: string,
        private readonly owner: string,
        private readonly giveBack: () => void,
    ) {}

    /**
     * Waits for the lock until `deadline`; undefined when that was not enough.
     * @param tokens Where many locks are taken: the files to make them of.
     */
    public static async acquire(
        path: string,
        deadline: Pick<Deadline, 'isOver'>,
        tokens?: LockFilePool,
    ): Promise<FileLock | undefined> {
        if (tokens?.areUsable) {
            const taken = await FileLock.acquireByToken(path, deadline, tokens);
            if (taken !== 'not possible') {
                return taken;
            }
        }
        const owner = newOwnerText();
        const isMade = await FileLock.wait(path, deadline, owner, () => makeLink(path, owner));
        return isMade ? new FileLock(path, owner, () => undefined) : undefined;
    }

    /** 'not possible': no token can be had, or there are no hard links here. A symbolic one may do, or tell what is wrong. */
    private static async acquireByToken(
        path: string,
        deadline: Pick<Deadline, 'isOver'>,
        tokens: LockFilePool,
    ): Promise<FileLock | undefined | 'not possible'> {
        for (let isFirst = true; ; isFirst = false) {
            let token: LockToken;
            try {
                token = await tokens.take();
            } catch {
                return 'not possible';
            }
            try {
                const isMade = await FileLock.wait(path, deadline, token.owner, () =>
                    unlessThere(link(token.path, path)),
                );
                if (isMade) {
                    return new FileLock(path, token.owner, () => tokens.giveBack(token));
                }
                tokens.giveBack(token);
                return undefined;
            } catch (error) {
                tokens.drop(token);
                tokens.forgetIdle(); // somebody may have removed them all: others are made
                tokens.areUsable = !NO_LINKS.has(codeOf(error) ?? '');
                if (codeOf(error) !== 'ENOENT' || !isFirst) {
                    return 'not possible';
                }
            }
        }
    }

    private static async wait(
        path: string,
        deadline: Pick<Deadline, 'isOver'>,
        owner: string,
        make: () => Promise<boolean>,
    ): Promise<boolean> {
        for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
            if (await create(path, owner, make)) {
                return true;
            }
            if (await FileLock.breakIfDead(path)) {
                continue;
            }
            if (deadline.isOver) {
                return false;
            }
            // Jitter, so that several who wait don't look at the same moments.
            await sleep(FIRST_PAUSE_MS + Math.random() * pause);
        }
    }

    /** Removes a lock that a dead process left. True: it is worth trying to take it now. */
    public static async breakIfDead(path: string): Promise<boolean> {
        const owner = await readOwner(path);
        if (owner === undefined) {
            return true;
        }
        return (await isDead(path, owner)) && (await breakLock(path, owner));
    }

    /** False where another container took the lock, because this process was stopped for too long. */
    public async isOurs(): Promise<boolean> {
        return performance.now() - this.since < SURE_MS || (await readOwner(this.path)) === this.owner;
    }

    /**
     * Gives the lock back; never fails. Say `afterFailure` where the folder may have been replaced meanwhile: then it is
     * looked at once more whose lock that is.
     */
    public async release(afterFailure = false): Promise<void> {
        if (this.isReleased) {
            return;
        }
        this.isReleased = true;
        const isOurs = afterFailure ? readOwner(this.path).then((owner) => owner === this.owner) : this.isOurs();
        try {
            if (await isOurs) {
                await unlink(this.path);
            }
            this.forget();
        } catch (error) {
            if (codeOf(error) === 'ENOENT') {
                this.forget();
            } else {
                const entry = held.get(this.owner);
                if (entry) {
                    entry.isLeftover = true;
                }
            }
        }
    }

    private forget(): void {
        held.delete(this.owner);
        this.giveBack();
    }
}

/** Makes the lock. False where there is one. */
async function create(path: string, owner: string, make: () => Promise<boolean>): Promise<boolean> {
    // Before it is made: others of this process may read it sooner than this call returns, and must know it for alive.
    held.set(owner, { path, isLeftover: false });
    let isMade = false;
    try {
        isMade = await make();
    } finally {
        if (!isMade) {
            held.delete(owner);
        }
    }
    if (isMade && !renewing) {
        renewing = setInterval(renew, RENEW_MS);
        renewing.unref();
    }
    return isMade;
}

async function makeLink(path: string, owner: string): Promise<boolean> {
    try {
        return await unlessThere(symlink(owner, path));
    } catch (error) {
        if (NO_LINKS.has(codeOf(error) ?? '')) {
            return unlessThere(createFile(path, owner)); // the same where there are no links: a file
        }
        throw error;
    }
}

/** False where the lock to be made is there already. */
async function unlessThere(made: Promise<void>): Promise<boolean> {
    try {
        await made;
        return true;
    } catch (error) {
        if (codeOf(error) === 'EEXIST') {
            return false;
        }
        throw error;
    }
}

/** The text of a lock's owner; undefined where there is no lock. */
async function readOwner(path: string): Promise<string | undefined> {
    try {
        return await readlink(path).catch((error) =>
            codeOf(error) === 'ENOENT' ? Promise.reject(error) : readFile(path, 'latin1'),
        );
    } catch (error) {
        if (codeOf(error) === 'ENOENT') {
            return undefined;
        }
        throw error;
    }
}

async function isDead(path: string, ownerText: string): Promise<boolean> {
    const owner = parseOwner(ownerText);
    const standing = owner ? standingOf(owner) : 'foreign';
    if (standing === 'self' && owner?.thread === String(threadId)) {
        return held.get(ownerText)?.isLeftover ?? (await staysUnknown(path, ownerText));
    }
    if (standing === 'gone' || standing === 'alive') {
        return standing === 'gone';
    }
    return Date.now() - (await mtimeOf(path)) > FOREIGN_DEAD_MS; // another container, or another worker thread
}

/** A lock of ours that nobody here holds: given back this moment, unless it is still there a moment later. */
async function staysUnknown(path: string, ownerText: string): Promise<boolean> {
    await sleep(FIRST_PAUSE_MS);
    return (await readOwner(path)) === ownerText && !held.has(ownerText);
}

async function mtimeOf(path: string): Promise<number> {
    try {
        return (await lstat(path)).mtimeMs;
    } catch (error) {
        if (codeOf(error) === 'ENOENT') {
            return Date.now();
        }
        throw error;
    }
}

/*
 * Two contenders may find the same dead lock. If both just removed it, the slower one would remove the lock that the
 * faster one has taken since. So a dead lock may be removed only by who holds the break lock that is named after this very
 * lock and its dead owner: under it, the lock can't change hands, and one look whether it still names the dead owner
 * decides. A fresh lock has another owner, so another break lock. A breaker that dies here leaves a break lock, which is
 * a lock like any other and is broken in the same way.
 */
async function breakLock(path: string, deadOwner: string): Promise<boolean> {
    const name = createHash('sha256')
        .update(`${basename(path)}\0${deadOwner}`)
        .digest('hex')
        .slice(0, 40);
    const breakPath = join(dirname(path), `.${name}.break`);
    const owner = newOwnerText();
    const make = () => makeLink(breakPath, owner);
    const isMine =
        (await create(breakPath, owner, make)) ||
        ((await FileLock.breakIfDead(breakPath)) && (await create(breakPath, owner, make))); // its breaker died, or is done
    if (!isMine) {
        return false;
    }
    try {
        if ((await readOwner(path)) === deadOwner && (await isDead(path, deadOwner))) {
            await unlinkIfThere(path);
            if (held.get(deadOwner)?.isLeftover) {
                held.delete(deadOwner);
            }
        }
        return true;
    } finally {
        await unlinkIfThere(breakPath).catch(() => undefined);
        held.delete(owner);
    }
}

/** Says of every held lock that its owner lives, and removes those that could not be removed before. */
function renew(): void {
    if (held.size === 0) {
        clearInterval(renewing);
        renewing = undefined;
    }
    for (const [owner, { path, isLeftover }] of held) {
        if (isLeftover) {
            void breakLock(path, owner).then(
                (isDone) => isDone && held.delete(owner),
                () => undefined,
            );
        } else {
            const now = new Date();
            lutimes(path, now, now).catch(() => undefined);
        }
    }
}
