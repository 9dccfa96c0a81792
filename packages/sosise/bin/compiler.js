import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * Compiles a project into a folder that is there for as long as this process, unless it is moved. Ends the process where the
 * compiler finds something.
 * @param root The folder of the project, absolute; its package.json names the compiler.
 */
export function compileInto(folder, root) {
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    const tsc = join(packageOf('typescript', root), 'bin/tsc');
    const args = [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', folder];
    if (spawnSync(process.execPath, args, { stdio: 'inherit' }).status !== 0) {
        process.exit(1); // it has said why
    }
}

/** The folder of a package that the application has, or the framework; ends the process where neither has it. */
export function packageOf(name, root) {
    for (const from of [pathToFileURL(join(root, 'package.json')), import.meta.url]) {
        try {
            return dirname(createRequire(from).resolve(`${name}/package.json`));
        } catch {}
    }
    console.error(
        `${name} is not installed, which sosise build needs: run npm install, or npm install --save-dev ${name}.`,
    );
    return process.exit(1);
}
