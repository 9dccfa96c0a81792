import { afterAll, describe, test } from 'vitest';
import type { MaybePromise } from '../../src/framework/Session/SessionDriver.js';
import { driverPromises } from './storeContract/driverPromises.js';
import { facePromises } from './storeContract/facePromises.js';
import { type AnyStore, StoreBench, type StoreHandles } from './storeContract/StoreBench.js';
import type { StorePromise } from './storeContract/StorePromise.js';

export type { AnyStore, StoreHandles } from './storeContract/StoreBench.js';

/** Gives a fresh, empty store; called once for each promise. */
export type StoreFactory = () => MaybePromise<AnyStore | StoreHandles>;

export interface StoreTestOptions {
    /**
     * The abilities that the store is known to lack, by their names in the report: then the suite fails when it lacks
     * another, and when it has one of these after all. Unset: what a plain store lacks is only reported.
     */
    lacks?: readonly string[];
}

interface Finding {
    readonly name: string;
    readonly reason?: string;
}

/**
 * The promises that any express-session store, or driver of your own, can be run against, as tests:
 *
 *     testSessionStore('mongo', () => new MongoStore(options));
 *
 * A driver has to keep them all. A plain store from npm has to keep the basics, and is seen through the adapter that
 * the framework puts around it as well; the abilities that it lacks are listed. Prints what the store has and lacks.
 */
export function testSessionStore(name: string, factory: StoreFactory, options: StoreTestOptions = {}): void {
    describe(`${name} keeps the promises of a session store`, async () => {
        const probe = await StoreBench.open(factory);
        const { face, isDriver, canReopen } = probe;
        const declared = probe.driver.abilities as { lists?: boolean } | undefined;
        await probe.close();
        const known = isDriver ? [...(options.lacks ?? []), ...lackedBy(declared)] : options.lacks;
        const has: Finding[] = [];
        const lacks: Finding[] = [];
        const untried: Finding[] = [];

        const register = (promises: readonly StorePromise[]) => {
            // Those that wait come last, one beside the other: only neighbours run at the same time.
            for (const promise of [...promises].sort((a, b) => Number(a.waits ?? false) - Number(b.waits ?? false))) {
                if (promise.needsReopen && !canReopen) {
                    untried.push({ name: promise.name, reason: 'the factory gives no reopen()' });
                    continue;
                }
                const run = promise.waits ? test.concurrent : test;
                run(promise.name, async () => {
                    const reason = await failureOf(promise, factory);
                    (reason ? lacks : has).push({ name: promise.name, ...(reason && { reason: firstLine(reason) }) });
                    judge(promise, reason, isDriver, known);
                });
            }
        };
        if (face) {
            describe('as an express-session store, it', () => register(facePromises));
        }
        describe(isDriver ? 'as a driver, it' : 'behind the adapter, it', () => register(driverPromises));
        afterAll(() => console.log(report(name, has, lacks, untried)));
    });
}

async function failureOf(promise: StorePromise, factory: StoreFactory): Promise<Error | undefined> {
    const bench = await StoreBench.open(factory);
    try {
        await promise.check(bench);
        return undefined;
    } catch (error) {
        return error instanceof Error ? error : new Error(String(error));
    } finally {
        await bench.close();
    }
}

function judge(
    { name, kind }: StorePromise,
    failure: Error | undefined,
    isDriver: boolean,
    known: readonly string[] | undefined,
): void {
    const mayLack = kind === 'ability' && (known ? known.includes(name) : !isDriver);
    if (failure && !mayLack) {
        throw failure;
    }
    if (!failure && known?.includes(name)) {
        throw new Error(`It has this ability: take "${name}" off the list of what it lacks.`);
    }
}

/** What a driver says of itself that it can't do. */
function lackedBy(abilities: { lists?: boolean } | undefined): string[] {
    return abilities?.lists === false ? ['lists its records', 'lists what was written before a time'] : [];
}

function firstLine(error: Error): string {
    return (error.message.split('\n')[0] ?? '').slice(0, 100);
}

function report(name: string, has: Finding[], lacks: Finding[], untried: Finding[]): string {
    const lines = [`${name}: keeps ${has.length} of ${has.length + lacks.length} promises`];
    lines.push(`  has    ${has.map(({ name: promise }) => promise).join('; ')}`);
    for (const { name: promise, reason } of lacks) {
        lines.push(`  lacks  ${promise}: ${reason}`);
    }
    for (const { name: promise, reason } of untried) {
        lines.push(`  ?      ${promise}: ${reason}`);
    }
    return lines.join('\n');
}
