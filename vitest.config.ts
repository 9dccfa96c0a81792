import { defineConfig } from 'vitest/config';

export default defineConfig({
    test: {
        include: ['tests/**/*.test.ts'],
        exclude: ['tests/**/*.full.test.ts'],
        testTimeout: 15_000,
    },
});
