import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** They take minutes each: the others run beside them. */
const LONG = /tests\/(?:promises|model|devLoop|standsAlone|makeAuth|storeContract)\w*\.full\.test\.ts$/;

class LongOnesFirst extends BaseSequencer {
    public override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
        const sorted = await super.sort(files);
        const isLong = ({ moduleId }: TestSpecification) => LONG.test(moduleId);
        return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
    }
}

// The whole suite: the fast tests and those that race, kill or need a server or browser (*.full.test.ts).
export default defineConfig({
    test: {
        maxWorkers: Math.ceil(availableParallelism() * 1.5), // most of the time they wait for processes of their own
        sequence: { sequencer: LongOnesFirst },
        // On a shared machine that stalls, a test that races real processes may fail for no fault of the code: once more there.
        retry: process.env['CI'] || process.env['SOSISE_REQUIRE_SERVERS'] ? 1 : 0,
        projects: [
            { extends: './vitest.config.ts' },
            {
                extends: true,
                test: {
                    name: 'full',
                    include: ['tests/**/*.full.test.ts'],
                    testTimeout: 300_000,
                    hookTimeout: 300_000,
                    expect: { poll: { timeout: 60_000 } },
                    setupFiles: ['tests/helpers/patience.ts'],
                },
            },
        ],
    },
});
