import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConsoleProject } from './consoleProject.js';

const BUILD = [process.execPath, 'node_modules/sosise/bin/sosise.js', 'build'] as const;

test('npm run build: modules of all kinds find the framework, where only packages of production are', async () => {
    const project = new ConsoleProject();
    project.put('src/one.mts', "import { action } from 'sosise';\nconsole.log(typeof action);\n");
    project.put('src/two.cts', "import sosise = require('sosise');\nconsole.log(typeof sosise.action);\n");
    project.put('src/app/three.ts', 'console.log(typeof (await import(`sosise`)).action);\n');
    await project.build();
    project.installForProduction();
    for (const file of ['build/one.mjs', 'build/two.cjs', 'build/app/three.js']) {
        expect(await project.run(process.execPath, '--no-warnings', file)).toEqual({
            code: 0,
            output: 'function\n',
            errors: '',
        });
    }
});

test('npm run build: one that fails leaves the one before, one that works leaves nothing of deleted sources, and two may run at once', async () => {
    const project = new ConsoleProject();
    project.put('src/one.ts', "import { action } from 'sosise';\nconsole.log(typeof action);\n");
    await project.build();

    project.put('src/bad.ts', "export const wrong: number = 'text';\n");
    const failed = await project.run(...BUILD);
    expect([failed.code, failed.output]).toEqual([1, expect.stringContaining('src/bad.ts(1,14)')]);
    expect((await project.run(process.execPath, 'build/one.js')).output).toBe('function\n');

    rmSync(join(project.folder, 'src/bad.ts'));
    rmSync(join(project.folder, 'src/one.ts'));
    const both = await Promise.all([project.run(...BUILD), project.run(...BUILD)]);
    expect(both).toEqual([
        { code: 0, output: '', errors: '' },
        { code: 0, output: '', errors: '' },
    ]);
    expect([project.has('build/one.js'), project.has('build/server.js')]).toEqual([false, true]);
    expect((await project.run('/bin/sh', '-c', 'ls -a')).output).not.toContain('.build-');
});
