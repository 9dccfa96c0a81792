import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CompiledServer, compileServer } from '../promises/compile.js';
import { Trial } from '../promises/Outcome.js';
import { PROMISES } from '../promises/promises/index.js';
import { isOurs, SYSTEMS } from '../promises/System.js';

/*
 * The promises of `npm run promises`, with few rounds, on our own drivers: real server processes, raced, killed,
 * stopped, and with full, read-only and forbidden folders.
 */
const PART = 0.1;

let server: CompiledServer;
beforeAll(async () => {
    server = await compileServer();
});
afterAll(() => server.remove());

describe.each(SYSTEMS.filter(isOurs))('on $name', (system) => {
    for (const promise of PROMISES) {
        if (promise.without?.(system) === undefined) {
            test(promise.name, async (context) => {
                const trial = new Trial(system, server.script, PART);
                await promise.run(trial);
                const { skipped, losses, rounds, examples } = trial.outcome;
                if (skipped !== undefined && process.env['SOSISE_REQUIRE_SERVERS'] !== '1') {
                    console.log(`Skipped: ${promise.name}: ${skipped}.`);
                    context.skip();
                }
                expect(skipped).toBeUndefined();
                expect(examples).toEqual([]);
                expect(losses).toBe(0);
                expect(rounds).toBeGreaterThan(0);
            });
        }
    }
});
