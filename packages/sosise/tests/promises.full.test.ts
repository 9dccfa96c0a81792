import { basename } from 'node:path';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { PostgresTable, serversAreRequired, whyNoPostgres } from './helpers/postgres.js';
import { type CompiledServer, compileServer } from './promises/compile.js';
import { type SessionPromise, Trial } from './promises/Outcome.js';
import { endings } from './promises/promises/endings.js';
import { expiry } from './promises/promises/expiry.js';
import { PROMISES } from './promises/promises/index.js';
import { parallel } from './promises/promises/parallel.js';
import { redirects } from './promises/promises/redirects.js';
import { closeCluster } from './promises/SqlTable.js';
import { isOurs, POSTGRES, type RigOptions, SYSTEMS, type System, whyNot } from './promises/System.js';

/*
 * The promises of `npm run promises`, with few rounds, on our own drivers: real server processes, raced, killed,
 * stopped, and with full, read-only and forbidden folders.
 */
const PART = 0.06;

let server: CompiledServer;
beforeAll(async () => {
    server = await compileServer();
});
afterAll(async () => {
    await server.remove();
    await closeCluster();
});

for (const system of SYSTEMS.filter(isOurs)) {
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

// A plain store from npm, on a real server: within one process it keeps the promises that are not about files.
const unreachable = await whyNoPostgres();
describe.skipIf(unreachable !== undefined && !serversAreRequired)(`on ${POSTGRES.name}`, () => {
    for (const promise of [...parallel, ...endings, ...redirects, ...expiry]) {
        test(promise.name, async (context) => {
            expect(unreachable).toBeUndefined();
            await keeps(promise, POSTGRES, context, {
                undo: (root) => new PostgresTable(basename(root).replaceAll(/\W/g, '_')).drop(),
            });
        });
    }
});
if (unreachable !== undefined) {
    console.log(`Skipped: the promises on connect-pg-simple, as no PostgreSQL answers: ${unreachable}`);
}

async function keeps(promise: SessionPromise, system: System, context: TestContext, options?: RigOptions) {
    const trial = new Trial(system, server.script, PART, options);
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
