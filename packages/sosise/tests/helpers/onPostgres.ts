import { afterAll, afterEach, describe, test } from 'vitest';
import { PostgresCluster, whyNoCluster } from './PostgresCluster.js';
import { serversAreRequired, whyNoPostgres } from './postgres.js';

/**
 * Tests on the PostgreSQL of this machine: `await onPostgres('the database driver', () => { test(…) })`. Where none answers they
 * are skipped, with a word; where servers are required, they fail.
 */
export async function onPostgres(name: string, tests: () => void): Promise<void> {
    const why = await whyNoPostgres();
    if (why === undefined) {
        describe(name, tests);
        return;
    }
    test.skipIf(!serversAreRequired)(name, () => {
        throw new Error(`PostgreSQL is required here (SOSISE_REQUIRE_SERVERS=1): ${why}`);
    });
    console.log(`Skipped: ${name}: ${why}`);
}

/** The same on a PostgreSQL of their own, which they may freeze, kill and start again. */
export async function onCluster(name: string, tests: (cluster: PostgresCluster) => void): Promise<void> {
    const why = whyNoCluster();
    if (why === undefined) {
        const cluster = await PostgresCluster.start();
        describe(name, () => {
            tests(cluster);
            afterEach(() => cluster.recover());
            afterAll(() => cluster.stop());
        });
        return;
    }
    test.skipIf(!serversAreRequired)(name, () => {
        throw new Error(`PostgreSQL is required here (SOSISE_REQUIRE_SERVERS=1): ${why}`);
    });
    console.log(`Skipped: ${name}: ${why}`);
}
