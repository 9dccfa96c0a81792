// Part of npm pack: an application outside of this repository gets dist, so that the doors of the packed package.json lead there.
//     node scripts/packedManifest.js write      makes dist, lets the doors lead there, and brings the documentation
//     node scripts/packedManifest.js restore    lets them lead to the sources again, also after an npm pack that was cut off
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { bundle, compile } from './bundle.js';

const MANIFEST = new URL('../package.json', import.meta.url);
const VERSION = new URL('../src/Support/version.ts', import.meta.url);
const README = new URL('../README.md', import.meta.url);
/** In a clone the documentation is beside the package; an application that keeps the sources has it in here. */
const IS_CLONE = existsSync(new URL('../tests', import.meta.url));
const DOCUMENTS = ['docs', 'CHANGELOG.md'];

/** The doors of the sources, and what is packed of them. */
const toSources = (file) => ({ 'sosise-dist': `./dist/${file}.js`, default: `./src/${file}.ts` });
const toPacked = (file) => ({ types: `./dist/${file}.d.ts`, default: `./dist/${file}.js` });

if (process.argv[2] === 'write') {
    const { version } = read();
    if (!readFileSync(VERSION, 'utf8').includes(`'${version}'`)) {
        console.error(`package.json says version ${version}, and src/Support/version.ts another one: make them agree.`);
        process.exit(1);
    }
    rmSync(new URL('../dist', import.meta.url), { recursive: true, force: true });
    await bundle(compile(), ['index', 'console', 'testing', 'devtools', 'dev', 'standby']);
    lead(toPacked);
    if (IS_CLONE) {
        bringDocuments();
    }
} else {
    lead(toSources);
    if (IS_CLONE) {
        takeDocumentsAway();
    }
}

function bringDocuments() {
    for (const name of DOCUMENTS) {
        cpSync(new URL(`../../../${name}`, import.meta.url), new URL(`../${name}`, import.meta.url), {
            recursive: true,
        });
    }
    link('](../../docs/', '](docs/');
}

function takeDocumentsAway() {
    for (const name of DOCUMENTS) {
        rmSync(new URL(`../${name}`, import.meta.url), { recursive: true, force: true });
    }
    link('](docs/', '](../../docs/');
}

/** The links of the package's README. */
function link(from, to) {
    writeFileSync(README, readFileSync(README, 'utf8').replaceAll(from, to));
}

function read() {
    return JSON.parse(readFileSync(MANIFEST, 'utf8'));
}

/** Nothing else is changed, so that what somebody edits meanwhile stays. */
function lead(to) {
    const manifest = read();
    const doors = Object.keys(manifest.exports);
    const exports = Object.fromEntries(doors.map((door) => [door, to(door === '.' ? 'index' : door.slice(2))]));
    writeFileSync(MANIFEST, `${JSON.stringify({ ...manifest, exports }, undefined, 4)}\n`);
}
