import { defineConfig } from 'vitest/config';

export default defineConfig({
    test: {
        include: ['tests/**/*.test.ts'],
        exclude: ['tests/**/*.full.test.ts'],
        // On a shared machine that stalls, a test that races real processes may fail for no fault of the code: once more there.
        retry: process.env['CI'] ? 1 : 0,
        testTimeout: 15_000,
        maxWorkers: '100%', // Vitest would leave a core free, which is half of two
    },
});
