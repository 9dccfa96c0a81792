import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// The whole suite: the fast tests and those that race, kill or need a server or browser (*.full.test.ts).
export default defineConfig({
    test: {
        maxWorkers: Math.ceil(availableParallelism() * 1.5), // most of the time they wait for processes of their own
        // On a shared machine that stalls, a test that races real processes may fail for no fault of the code: once more there.
        retry: process.env['CI'] ? 1 : 0,
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
