import { afterAll, describe, test } from 'vitest';
import { driverPromises } from '../Contract/driverPromises.js';
import { facePromises } from '../Contract/facePromises.js';
import { failureOf, firstLine, lackedBy, mayLack, waitingLast } from '../Contract/judge.js';
import { StoreBench, type StoreFactory } from '../Contract/StoreBench.js';
import { type StorePromise } from '../Contract/StorePromise.js';

export type { AnyStore, StoreFactory, StoreHandles } from '../Contract/StoreBench.js';

export interface StoreTestOptions {
    /**
     * The abilities that the store is known to lack, by their names in the report: then the suite fails when it lacks
     * another, and when it has one of these after all; nothing is left to print. Unset: what a plain store lacks is printed.
     */
    lacks?: readonly string[];
}

interface Finding {
    readonly name: string;
    readonly reason: string;
}

/**
 * The promises that any express-session store, or driver of your own, can be run against, as tests:
 *
 *     testSessionStore('mongo', () => new MongoStore(options));
 *
 * A driver has to keep them all. A plain store from npm has to keep the basics, and is seen through the adapter that
 * the framework puts around it as well; the abilities that it lacks are printed, unless they are named in `lacks`.
 */
export function testSessionStore(name: string, factory: StoreFactory, options: StoreTestOptions = {}): void {
    describe(`${name} keeps the promises of a session store`, async () => {
        const probe = await StoreBench.open(factory);
        const { face, isDriver, canReopen } = probe;
        const declared = probe.driver.abilities as { lists?: boolean } | undefined;
        await probe.close();
        const known = isDriver ? [...(options.lacks ?? []), ...lackedBy(declared)] : options.lacks;
        let kept = 0;
        const lacks: Finding[] = [];
        const untried: Finding[] = [];

        const register = (promises: readonly StorePromise[]) => {
            // Only neighbours run at the same time.
            for (const promise of waitingLast(promises)) {
                if (promise.needsReopen && !canReopen) {
                    untried.push({ name: promise.name, reason: 'the factory gives no reopen()' });
                    continue;
                }
                const run = promise.waits ? test.concurrent : test;
                run(promise.name, async () => {
                    const reason = await failureOf(promise, factory);
                    if (reason) {
                        lacks.push({ name: promise.name, reason: firstLine(reason) });
                    } else {
                        kept += 1;
                    }
                    judge(promise, reason, isDriver, known);
                });
            }
        };
        if (face) {
            describe('as an express-session store, it', () => register(facePromises));
        }
        describe(isDriver ? 'as a driver, it' : 'behind the adapter, it', () => register(driverPromises));
        afterAll(() => {
            if (!options.lacks) {
                console.log(report(name, kept, lacks, untried));
            }
        });
    });
}

function judge(
    promise: StorePromise,
    failure: Error | undefined,
    isDriver: boolean,
    known: readonly string[] | undefined,
): void {
    const { name } = promise;
    if (failure && !mayLack(promise, isDriver, known)) {
        throw failure;
    }
    if (!failure && !promise.races && known?.includes(name)) {
        throw new Error(`It has this ability: take "${name}" off the list of what it lacks.`);
    }
}

function report(name: string, kept: number, lacks: Finding[], untried: Finding[]): string {
    const lines = [`${name}: keeps ${kept} of ${kept + lacks.length} promises`];
    for (const { name: promise, reason } of lacks) {
        lines.push(`  lacks  ${promise}: ${reason}`);
    }
    for (const { name: promise, reason } of untried) {
        lines.push(`  ?      ${promise}: ${reason}`);
    }
    return lines.join('\n');
}
