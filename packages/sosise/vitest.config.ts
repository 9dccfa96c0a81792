import { defineConfig } from 'vitest/config';

/** The fast tests; vitest.full.config.ts has the others. */
export default defineConfig({
    test: {
        name: 'framework',
        include: ['tests/**/*.test.ts'],
        exclude: ['tests/**/*.full.test.ts'],
        // A bound for what never ends: how fast the machine is must not matter.
        testTimeout: 120_000,
        hookTimeout: 120_000,
        expect: { poll: { timeout: 60_000 } },
        setupFiles: ['tests/helpers/patience.ts', 'tests/tidyUp.ts'],
        // One file after the other in the same process: loading the framework for each took 40% of the time.
        isolate: false,
    },
});
