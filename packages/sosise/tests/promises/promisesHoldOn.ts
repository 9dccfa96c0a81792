import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { serversAreRequired } from '../helpers/postgres.js';
import { type CompiledServer, compileServer } from './compile.js';
import { type SessionPromise, Trial } from './Outcome.js';
import { PROMISES } from './promises/index.js';
import { closeCluster } from './SqlTable.js';
import { type RigOptions, type System, whyNot } from './System.js';

/*
 * The promises of `npm run promises`, with few rounds, on our own drivers: real server processes, raced, killed,
 * stopped, and with full, read-only and forbidden folders.
 */
const PART = 0.06;

let server: CompiledServer | undefined;
beforeAll(async () => {
    server = await compileServer();
});
afterAll(async () => {
    await server?.remove();
    await closeCluster();
});

/** Tries all promises of `npm run promises`, with few rounds, on these systems. Not more than one of it in a test file. */
export function promisesHoldOn(systems: readonly System[]): void {
    for (const system of systems) {
        const why = whyNot(system);
        if (why !== undefined) {
            console.log(`Skipped: the promises on ${system.name}: ${why}`);
        }
        // No server is missing where Node.js itself has no SQLite.
        describe.skipIf(why !== undefined && (system.store === 'sqlite' || !serversAreRequired))(
            `on ${system.name}`,
            () => {
                for (const promise of PROMISES.filter(({ without }) => without?.(system) === undefined)) {
                    test(promise.name, (context) => keeps(promise, system, context));
                }
            },
        );
    }
}

export async function keeps(promise: SessionPromise, system: System, context: TestContext, options?: RigOptions) {
    const trial = new Trial(system, (server as CompiledServer).script, PART, options);
    await promise.run(trial);
    const { skipped, losses, rounds, examples } = trial.outcome;
    if (skipped !== undefined && !serversAreRequired) {
        console.log(`Skipped: ${promise.name}: ${skipped}.`);
        context.skip();
    }
    expect(skipped).toBeUndefined();
    expect(examples).toEqual([]);
    expect(losses).toBe(0);
    expect(rounds).toBeGreaterThan(0);
}
