import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { serversAreRequired } from './helpers/postgres.js';
import { whyNoRedis } from './helpers/redis.js';
import { campaign } from './model/Campaign.js';
import { SETUPS } from './model/Cluster.js';
import { type CompiledServer, compileServer } from './promises/compile.js';

/*
 * `npm run model`, for a minute and a half: random requests at real server processes that are killed and stopped, compared with a
 * model of what docs/sessions.md and docs/concurrency.md say. A seed that is always the same has to be without findings. One that
 * is new each time looks further: what it finds is printed, with the command that runs it again, as it is not known yet whether the
 * model or the code is wrong (seed 465128, fallback, is one that is still open).
 */
const SECONDS = 7;
const freshSeed = process.env['MODEL_SEED'] ?? String(Date.now() % 1_000_000);

let server: CompiledServer;
beforeAll(async () => {
    server = await compileServer('model', 'child.js');
});
afterAll(() => server.remove());

const noRedis = whyNoRedis();
for (const setup of SETUPS) {
    describe.skipIf(setup.redis && noRedis && !serversAreRequired)(
        `sessions are what the model says, ${setup.name}`,
        () => {
            test.each(['14', freshSeed])('seed %s', { timeout: 600_000 }, async (seed) => {
                const again = `npm run model -- --driver=${setup.name} --seed=${seed} --seconds=${SECONDS}`;
                // What a busy machine's timing makes the model misjudge once does not come three times in a row.
                for (let tries = 1; ; tries += 1) {
                    const found = await campaign({ setup, script: server.script, seed, seconds: SECONDS });
                    expect(found.requests).toBeGreaterThan(0);
                    if (found.findings.length === 0) {
                        return;
                    }
                    console.warn(again, found.findings);
                    if (tries === 3) {
                        expect(seed === freshSeed ? [] : found.findings, again).toEqual([]);
                        return;
                    }
                }
            });
        },
    );
}
