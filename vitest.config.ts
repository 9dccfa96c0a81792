import { defineConfig } from 'vitest/config';

export default defineConfig({
    test: {
        maxWorkers: '100%', // Vitest would leave a core free, which is half of two
        projects: [
            {
                extends: true,
                test: {
                    name: 'app',
                    include: ['tests/**/*.test.ts'],
                    // A bound for what never ends: how fast the machine is must not matter.
                    testTimeout: 120_000,
                    hookTimeout: 120_000,
                },
            },
            'packages/*/vitest.config.ts', // the framework's own, in a clone
        ],
    },
});
