import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PostgresTable, serversAreRequired, whyNoPostgres } from './helpers/postgres.js';
import { endings } from './promises/promises/endings.js';
import { expiry } from './promises/promises/expiry.js';
import { parallel } from './promises/promises/parallel.js';
import { redirects } from './promises/promises/redirects.js';
import { keeps, promisesHoldOn } from './promises/promisesHoldOn.js';
import { isOurs, POSTGRES, SYSTEMS } from './promises/System.js';

promisesHoldOn(SYSTEMS.filter((system) => isOurs(system) && ['postgres', 'sqlite'].includes(system.store)));

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
