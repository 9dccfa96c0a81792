import { setTimeout as sleep } from 'node:timers/promises';
import { type Deadline, Deadlines } from '../../Support/Deadlines.js';
import { KeyedMutex } from '../../Support/KeyedMutex.js';
import type { Lease } from '../../Support/Lease.js';
import type { MaybePromise } from '../../Support/MaybePromise.js';

/** A lease in a store: a name with an owner, which ends by the store's clock when nobody renews it. */
export interface LeaseCommands<Owner> {
    newOwner(): Owner;
    /** Takes the lease where nobody has it, or it has ended. */
    take(name: string, owner: Owner, leaseMs: number): MaybePromise<boolean>;
    /** False: somebody else has it, or had it since. */
    renew(name: string, owner: Owner, leaseMs: number): MaybePromise<boolean>;
    /** Gives it up, if it is still this owner's. */
    release(name: string, owner: Owner): MaybePromise<unknown>;
}

/** So long before its end a lease counts as doubtful: two clocks, and the way to the server. */
const UNSURE_MS = 1_000;
/** A lease ends so long after its process was last heard of, in ms; while it lives it says so more often. */
const LEASE_MS = 5_000;
const RENEW_MS = 1_500;
const FIRST_PAUSE_MS = 3;
const LONGEST_PAUSE_MS = 40;

interface Taken<Owner> {
    readonly owner: Owner;
    /** When it was asked for, by performance.now(). */
    readonly at: number;
}

/** Locks between all processes on one store, as leases that end when nobody renews them. */
export class LeasedLocks<Owner> {
    /** The locks within this process, in the order of asking: only the first in line asks the store. */
    private readonly localLocks = new KeyedMutex();

    public constructor(private readonly commands: LeaseCommands<Owner>) {}

    /** Undefined when `waitMs` was not enough. */
    public async lock(name: string, waitMs: number): Promise<Lease | undefined> {
        const deadline = Deadlines.of(waitMs).start();
        const local = await this.localLocks.lease(name, waitMs);
        let taken: Taken<Owner> | undefined;
        try {
            taken = local && (await this.take(name, deadline));
            return local && taken && this.hold(name, taken, local);
        } finally {
            deadline.end();
            if (!taken) {
                void local?.release();
            }
        }
    }

    private async take(name: string, deadline: Deadline): Promise<Taken<Owner> | undefined> {
        const owner = this.commands.newOwner();
        for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS)) {
            const at = performance.now();
            try {
                if (await this.commands.take(name, owner, LEASE_MS)) {
                    return { owner, at };
                }
            } catch (error) {
                void this.giveUp(name, owner); // it may have been given after all
                throw error;
            }
            if (deadline.isOver) {
                return undefined;
            }
            await sleep(pause * (0.5 + Math.random()));
        }
    }

    private hold(name: string, { owner, at }: Taken<Owner>, local: Lease): Lease {
        let sureUntil = at + LEASE_MS - UNSURE_MS;
        const renew = async () => {
            const asked = performance.now();
            const isOurs = await this.commands.renew(name, owner, LEASE_MS);
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
                await this.giveUp(name, owner);
                void local.release();
            },
        };
    }

    private async giveUp(name: string, owner: Owner): Promise<void> {
        try {
            await this.commands.release(name, owner);
        } catch {
            // It ends by itself.
        }
    }
}
