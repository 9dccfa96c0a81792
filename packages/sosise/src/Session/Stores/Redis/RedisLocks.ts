import { setTimeout as sleep } from 'node:timers/promises';
import { type Deadline, Deadlines } from '../../../Support/Deadlines.js';
import { KeyedMutex } from '../../../Support/KeyedMutex.js';
import type { Lease } from '../../../Support/Lease.js';
import { randomId } from '../../../Support/randomId.js';
import { REMOVE, RENEW, type Script } from './scripts.js';

export interface LockCommands {
    ask(redisKey: string, args: readonly string[]): Promise<unknown>;
    run(script: Script, redisKey: string, args: readonly string[]): Promise<unknown>;
}

/** So long before its end a lease counts as doubtful: two clocks, and the way to the server. */
const UNSURE_MS = 1_000;
/** A lease ends so long after its process was last heard of, in ms; while it lives it says so more often. */
const LEASE_MS = 5_000;
const RENEW_MS = 1_500;
const FIRST_PAUSE_MS = 3;
const LONGEST_PAUSE_MS = 40;

interface Taken {
    readonly owner: string;
    /** When it was asked for, by performance.now(). */
    readonly at: number;
}

/** Locks between all processes on one Redis: a key with an owner that the server drops when nobody renews it. */
export class RedisLocks {
    /** The locks within this process, in the order of asking: only the first in line asks the server. */
    private readonly localLocks = new KeyedMutex();

    public constructor(private readonly commands: LockCommands) {}

    /** Undefined when `waitMs` was not enough. */
    public async lock(redisKey: string, waitMs: number): Promise<Lease | undefined> {
        const deadline = Deadlines.of(waitMs).start();
        const local = await this.localLocks.lease(redisKey, waitMs);
        let taken: Taken | undefined;
        try {
            taken = local && (await this.take(redisKey, deadline));
            return local && taken && this.hold(redisKey, taken, local);
        } finally {
            deadline.end();
            if (!taken) {
                void local?.release();
            }
        }
    }

    private async take(redisKey: string, deadline: Deadline): Promise<Taken | undefined> {
        const owner = randomId();
        for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS)) {
            const at = performance.now();
            try {
                if (
                    (await this.commands.ask(redisKey, ['SET', redisKey, owner, 'NX', 'PX', String(LEASE_MS)])) !== null
                ) {
                    return { owner, at };
                }
            } catch (error) {
                this.giveBack(redisKey, owner); // it may have been given after all
                throw error;
            }
            if (deadline.isOver) {
                return undefined;
            }
            await sleep(pause * (0.5 + Math.random()));
        }
    }

    private hold(redisKey: string, { owner, at }: Taken, local: Lease): Lease {
        let sureUntil = at + LEASE_MS - UNSURE_MS;
        const renew = async () => {
            const asked = performance.now();
            const isOurs = (await this.commands.run(RENEW, redisKey, [owner, String(LEASE_MS)])) === 1;
            sureUntil = isOurs ? asked + LEASE_MS - UNSURE_MS : 0;
            return isOurs;
        };
        // What can't be renewed now is tried again: nobody else has it before its time is over.
        const renewing = setInterval(() => void renew().catch(() => undefined), RENEW_MS).unref();
        let isHeld = true;
        return {
            isHeld: (isDoubted) => isHeld && ((!isDoubted && performance.now() < sureUntil) || renew()),
            release: async () => {
                if (!isHeld) {
                    return;
                }
                isHeld = false;
                clearInterval(renewing);
                try {
                    await this.commands.run(REMOVE, redisKey, [owner]);
                } catch {
                    // It ends by itself.
                } finally {
                    void local.release();
                }
            },
        };
    }

    private giveBack(redisKey: string, owner: string): void {
        this.commands.run(REMOVE, redisKey, [owner]).catch(() => undefined);
    }
}
