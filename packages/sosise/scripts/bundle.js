// Makes of src what runs without a compiler: for npm pack in dist, for npm run build of a clone in its build/framework.
import { copyFileSync, cpSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { compileInto } from '../bin/compiler.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = `${root}dist`;
/** Types that are given to the compiler, for which it therefore writes no declarations. */
const GIVEN = 'Session/Stores/packages.d.ts';
/** What generators write from: beside the bundle, which reads them there. A build has none, as it refuses generators. */
const STUBS = 'Console/Make/stubs';

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
        'Sealing/openEncrypted',
    ].map((name) => `Session/${name}`),
    files: ['Session/Stores/File/FileStore'],
};

/**
 * Makes the declarations, in dist, and the modules that bundle() takes, in a folder that is there for as long as this process,
 * and gives that. Ends the process where the compiler finds something.
 */
export function compile() {
    const modules = `${dist}/modules-${process.pid}`;
    compileInto(modules, root);
    copyFileSync(`${root}src/${GIVEN}`, `${dist}/${GIVEN}`);
    cpSync(`${root}src/${STUBS}`, `${dist}/stubs`, { recursive: true });
    return modules;
}

/**
 * Puts the modules together behind these doors. With sessions in files a start loads 6 files instead of 150, each of which is
 * an import of its own: 80 ms of CPU less until the first answer (Node 20; npm run bench -- --boot).
 */
export async function bundle(modules, doors, folder = dist) {
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
        codeSplitting: {
            // A group takes along all that its modules import: the first in the list before the others.
            groups: Object.keys(together).map((group) => ({
                name: (id, context) => (groupOf(id, context) === group ? group : null),
                debugName: group,
            })),
        },
    });
    await made.close();
}
