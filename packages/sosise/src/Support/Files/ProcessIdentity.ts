import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { threadId } from 'node:worker_threads';

/** Who made a lock or a temporary file. */
export interface Owner {
    readonly pid: number;
    /** When the process started, in the kernel's ticks: tells a process from a later one with the same number. */
    readonly start: string;
    /** Which process numbers these are: the pid namespace (container) and the boot they belong to. */
    readonly space: string;
    readonly thread: string;
    readonly nonce: string;
}

/** `self` is this process; the life of a `foreign` one (another container or boot) can't be seen from here. */
export type Standing = 'self' | 'alive' | 'gone' | 'foreign';

let identity: Pick<Owner, 'pid' | 'start' | 'space'> | undefined;

/** A new owner text: this process and thread, and a nonce that makes it unique. */
export function newOwnerText(): string {
    const { pid, start, space } = self();
    return `${pid}.${start}.${space}.${threadId}.${randomUUID().replaceAll('-', '')}`;
}

/** The owner that a text names, or undefined where it is none. */
export function parseOwner(text: string): Owner | undefined {
    const [, pid, start, space, thread, nonce] = /^(\d+)\.(\d+)\.([\w-]+)\.(\d+)\.([0-9a-f]+)$/.exec(text) ?? [];
    return pid && start && space && thread && nonce ? { pid: Number(pid), start, space, thread, nonce } : undefined;
}

/** Whether an owner's process lives. Reads /proc only, so it never waits for a disk. */
export function standingOf(owner: Owner): Standing {
    const me = self();
    if (owner.space !== me.space) {
        return 'foreign';
    }
    if (owner.pid === me.pid && owner.start === me.start) {
        return 'self';
    }
    try {
        process.kill(owner.pid, 0);
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ESRCH') {
            return 'gone';
        }
    }
    const seen = statOf(owner.pid);
    if (!seen) {
        return 'alive'; // no /proc here, or not for us: kill(0) has said all there is to know
    }
    return seen.start !== owner.start || (seen.state === 'Z' && hasNoThreads(owner.pid)) ? 'gone' : 'alive';
}

function self(): Pick<Owner, 'pid' | 'start' | 'space'> {
    identity ??= {
        pid: process.pid,
        start: statOf('self')?.start ?? '0',
        space: `${namespace()}-${boot()}`,
    };
    return identity;
}

function statOf(pid: number | 'self'): { state: string; start: string } | undefined {
    try {
        const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
        // The second field is the command in parentheses and may hold anything; after it come state and numbers.
        const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
        return { state: fields[0] ?? '', start: fields[19] ?? '0' };
    } catch {
        return undefined;
    }
}

/** A killed process is a zombie while a thread of it still ends its last file call: only then it can't rename any more. */
function hasNoThreads(pid: number): boolean {
    try {
        return readdirSync(`/proc/${pid}/task`).length <= 1;
    } catch {
        return true;
    }
}

function namespace(): string {
    try {
        return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? 'x';
    } catch {
        return 'x';
    }
}

function boot(): string {
    try {
        return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8);
    } catch {
        return 'x';
    }
}
