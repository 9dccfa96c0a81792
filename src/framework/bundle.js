// Part of npm run build, behind the compiler: puts the framework's files together behind its doors, in build/framework.
// With sessions in files a start loads 6 files instead of 150, each of which is an import of its own: 80 ms of CPU less until the
// first answer (Node 20; npm run bench -- --boot).
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { missingPackages } from './productionPackages.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const missing = missingPackages(root);
if (missing.length > 0) {
    console.error(missing.join('\n'));
    process.exit(1);
}

const folder = `${root}build/framework`;
/** What files outside of the framework import. DevTools may have been deleted. */
const doors = ['index', 'console', 'DevTools/DevToolsServiceProvider'];
/** What a start loads together, with all that it imports: in one file each. A module is in the first that needs it. */
const together = {
    core: ['index'],
    sessions: [
        'Opening/SessionDrivers',
        'Request/SessionLayer',
        'Request/ExpressStore',
        'Admin/SessionPruner',
        'Request/startSession',
        'Drivers/checkDriver',
        'Sealing/openSealed',
    ].map((name) => `Session/${name}`),
    files: ['Session/Stores/File/FileStore'],
};

const groups = new Map();

const bundle = await rolldown({
    cwd: folder,
    input: Object.fromEntries(
        doors.filter((door) => existsSync(`${folder}/${door}.js`)).map((door) => [door, `./${door}.js`]),
    ),
    external: /^[^./]/, // packages, and what Node.js has
    platform: 'node',
    treeshake: false,
    checks: { ineffectiveDynamicImport: false },
});
await bundle.write({
    dir: folder,
    format: 'esm',
    sourcemap: true,
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    codeSplitting: { groups: [{ name: groupOf, debugName: 'together' }] },
});
await bundle.close();

function groupOf(id, context) {
    if (groups.size === 0) {
        for (const [name, files] of Object.entries(together)) {
            for (const file of files) {
                collect(`${folder}/${file}.js`, name, context);
            }
        }
    }
    return groups.get(id) ?? null;
}

function collect(id, name, context) {
    if (!groups.has(id)) {
        groups.set(id, name);
        for (const imported of context.getModuleInfo(id)?.importedIds ?? []) {
            collect(imported, name, context);
        }
    }
}
