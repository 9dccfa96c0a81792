import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { DefaultReporter, type TestModule } from 'vitest/node';

/** Your tests file by file; of the framework's only what fails, and the closing count. */
class Report extends DefaultReporter {
    protected override printTestModule(module: TestModule) {
        if (module.project.name !== 'framework' || !module.ok()) {
            super.printTestModule(module);
        }
    }
}

export default defineConfig({
    test: {
        experimental: { fsModuleCache: true },
        maxWorkers: Math.ceil(availableParallelism() * 1.5), // a third of the time they wait, for files and sockets
        reporters: [new Report()],
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
