import { describe, test } from 'vitest';
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
