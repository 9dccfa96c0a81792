import type { Stats } from 'node:fs';

/** Clocks of this machine and of a file server may differ by so much. */
const CLOCKS_DIFFER_MS = 60_000;
/** About 60 bytes each. Those beyond it are read again at every walk. */
const MOST = 500_000;

/** What one walk found: which files the next one may skip. */
export interface PruneWalk {
    readonly started: number;
    /** By inode, in seconds: small integers take no memory of their own. */
    readonly untilSeconds: Map<number, number>;
}

/**
 * Files that a walk need not read, because the walk before found nothing to prune there for a while: tombstones, and
 * sessions whose own cookies let them live longer than others. A file that was written since is read again, also where it
 * got the inode of a removed one.
 *
 * Gain: CPU of a walk 31 µs for each of them, in place of 67 (Node.js 24; 29 and 76 on 26; 10,000 of 1 KB), and nothing is read.
 */
export class PruneSkipList {
    private last: PruneWalk = { started: 0, untilSeconds: new Map() };

    public begin(): PruneWalk {
        return { started: Date.now(), untilSeconds: new Map() };
    }

    /** To be called when a walk is complete: the next one goes by what it found. */
    public end(walk: PruneWalk): void {
        this.last = walk;
    }

    public isSkipped({ ino, mtimeMs }: Stats, walk: PruneWalk): boolean {
        const until = this.last.untilSeconds.get(ino) ?? 0;
        if (until * 1000 <= walk.started || mtimeMs >= this.last.started - CLOCKS_DIFFER_MS) {
            return false;
        }
        walk.untilSeconds.set(ino, until);
        return true;
    }

    /** @param until In ms since the epoch. */
    public rest({ ino }: Stats, walk: PruneWalk, until: number): void {
        if (walk.untilSeconds.size < MOST && ino <= Number.MAX_SAFE_INTEGER) {
            walk.untilSeconds.set(ino, Math.min(Math.floor(until / 1000), 0x7fff_ffff));
        }
    }
}
