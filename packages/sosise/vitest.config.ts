import { statfsSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

const IN_MEMORY = '/dev/shm';

/** Making and removing the tests' folders on a disk is a tenth of the time. */
function hasRoomInMemory(): boolean {
    try {
        const { bavail, bsize } = statfsSync(IN_MEMORY);
        return bavail * bsize > 1e9;
    } catch {
        return false;
    }
}

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
        env: hasRoomInMemory() ? { TMPDIR: IN_MEMORY } : {},
    },
});
