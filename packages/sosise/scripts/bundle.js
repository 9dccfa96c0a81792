// Makes of src what runs without a compiler: for npm pack in dist, for npm run build of a clone in its build/framework.
import { spawnSync } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = `${root}dist`;
const modules = `${dist}/modules`;
/** Types that are given to the compiler, for which it therefore writes no declarations. */
const GIVEN = 'Session/Stores/packages.d.ts';

/** What a start loads together, with all that it imports: in one file each. A module is in the first that needs it. */
const together = {
    core: ['index'],
    sessions: [
        'Opening/OpenedDrivers',
        'Request/SessionServices',
        'Request/ExpressStore',
        'Admin/SessionPruner',
        'Request/startSession',
        'Drivers/checkDriver',
        'Sealing/openSealed',
    ].map((name) => `Session/${name}`),
    files: ['Session/Stores/File/FileStore'],
};

/** Makes dist: the declarations, and the modules as bundle() takes them. Ends the process where the compiler finds something. */
export function compile() {
    rmSync(dist, { recursive: true, force: true });
    const tsc = createRequire(import.meta.url)
        .resolve('typescript/package.json')
        .replace('package.json', 'bin/tsc');
    const { status } = spawnSync(process.execPath, [tsc, '-p', `${root}tsconfig.build.json`], { stdio: 'inherit' });
    if (status !== 0) {
        process.exit(1); // it has said why
    }
    copyFileSync(`${root}src/${GIVEN}`, `${dist}/${GIVEN}`);
}

/**
 * Puts the modules together behind these doors. With sessions in files a start loads 6 files instead of 150, each of which is
 * an import of its own: 80 ms of CPU less until the first answer (Node 20; npm run bench -- --boot).
 */
export async function bundle(doors, folder = dist) {
    const groups = new Map();
    const collect = (id, name, context) => {
        if (!groups.has(id)) {
            groups.set(id, name);
            for (const imported of context.getModuleInfo(id)?.importedIds ?? []) {
                collect(imported, name, context);
            }
        }
    };
    const groupOf = (id, context) => {
        if (groups.size === 0) {
            for (const [name, files] of Object.entries(together)) {
                for (const file of files) {
                    collect(`${modules}/${file}.js`, name, context);
                }
            }
        }
        return groups.get(id) ?? null;
    };
    const made = await rolldown({
        cwd: modules,
        input: Object.fromEntries(doors.map((door) => [door, `./${door}.js`])),
        external: /^[^./]/, // packages, and what Node.js has
        platform: 'node',
        treeshake: false,
        checks: { ineffectiveDynamicImport: false },
    });
    await made.write({
        dir: folder,
        format: 'esm',
        sourcemap: true,
        entryFileNames: '[name].js',
        chunkFileNames: '[name]-[hash].js',
        codeSplitting: { groups: [{ name: groupOf, debugName: 'together' }] },
    });
    await made.close();
    rmSync(modules, { recursive: true });
}
