// Part of npm pack: an application outside of this repository gets dist, so that the doors of the packed package.json lead there.
//     node scripts/packedManifest.js write      makes dist, and the package.json to be packed
//     node scripts/packedManifest.js restore    brings back the one of the sources
import { copyFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundle, compile } from './bundle.js';

const manifest = fileURLToPath(new URL('../package.json', import.meta.url));
const VERSION = new URL('../src/Support/version.ts', import.meta.url);
const kept = `${manifest}.kept`;

if (existsSync(kept)) {
    renameSync(kept, manifest); // also of a run that was cut off
}
if (process.argv[2] === 'write') {
    const { version } = JSON.parse(readFileSync(manifest, 'utf8'));
    if (!readFileSync(VERSION, 'utf8').includes(`'${version}'`)) {
        console.error(`package.json says version ${version}, and src/Support/version.ts another one: make them agree.`);
        process.exit(1);
    }
    compile();
    await bundle(['index', 'console', 'testing', 'devtools', 'dev', 'standby']);
    copyFileSync(manifest, kept);
    const { scripts, devDependencies, exports, ...rest } = JSON.parse(readFileSync(manifest, 'utf8'));
    const doors = Object.entries(exports).map(([door, { 'sosise-dist': file }]) => [
        door,
        { types: file.replace(/\.js$/, '.d.ts'), default: file },
    ]);
    writeFileSync(manifest, `${JSON.stringify({ ...rest, exports: Object.fromEntries(doors) }, undefined, 4)}\n`);
}
