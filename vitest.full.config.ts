import { defineConfig } from 'vitest/config';

// The whole suite: the fast tests and those that race, kill or need a server or browser (*.full.test.ts).
export default defineConfig({
    test: {
        include: ['tests/**/*.test.ts'],
        testTimeout: 120_000,
        hookTimeout: 120_000,
    },
});
