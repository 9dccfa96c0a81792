import { defineConfig } from 'vitest/config';

export default defineConfig({
    test: {
        include: ['tests/**/*.test.ts'],
        exclude: ['tests/**/*.full.test.ts'],
        testTimeout: 15_000,
        maxWorkers: '100%', // Vitest would leave a core free, which is half of two
    },
});
