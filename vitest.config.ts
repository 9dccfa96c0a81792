import { defineConfig } from 'vitest/config';

const full = 'tests/**/*.full.test.ts';

export default defineConfig({
    test: {
        // A bound for what never ends: how fast the machine is must not matter.
        testTimeout: 120_000,
        hookTimeout: 120_000,
        expect: { poll: { timeout: 60_000 } },
        setupFiles: ['tests/helpers/patience.ts'],
        maxWorkers: '100%', // Vitest would leave a core free, which is half of two
        projects: [
            {
                extends: true,
                test: {
                    name: 'app',
                    include: ['tests/**/*.test.ts'],
                    exclude: ['tests/framework/**', full],
                },
            },
            {
                extends: true,
                test: {
                    name: 'framework',
                    include: ['tests/framework/**/*.test.ts'],
                    exclude: [full],
                    // One file after the other in the same process: loading the framework for each took 40% of the time.
                    isolate: false,
                    setupFiles: ['tests/framework/tidyUp.ts'],
                },
            },
        ],
    },
});
